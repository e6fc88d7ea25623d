import { watch, writeRefused } from '../across/watch.js'
import type { Binding, Binds } from '../binding.js'
import { currentScope } from '../context.js'
import { bindingChannel, tellBinding } from '../diagnostics.js'
import { TenancyError } from '../errors.js'
import { readStatement } from '../gate/statement.js'
import type { StatementRules } from '../gate/statement-rules.js'
import {
  bindFailed,
  noWritesHere,
  refusesBinding,
  transactionIsOver,
  transactionOfAnotherScope,
  unsupported,
} from '../refusals.js'
import { type SqlQuery, type SqlResultSet, sqlQuery, type Transaction } from './driver-adapter.js'
import { asUsersMeetIt, serverErrorIn } from './policy-refusal.js'
import { readPortableStatement } from './read-statement.js'

/** A transaction that Prisma opened, bound to the scope in which it was opened. */
export class BoundTransaction implements Transaction {
  readonly provider: string
  readonly adapterName: string
  readonly options: Transaction['options']
  readonly #inner: Transaction
  readonly #binding: Binding
  readonly #role: { readonly binder: Binds; readonly rules: StatementRules }
  /** Committed or rolled back by a statement; Prisma's own looks like a raw one. */
  #over = false

  constructor(inner: Transaction, binding: Binding, role: { readonly binder: Binds; readonly rules: StatementRules }) {
    this.provider = inner.provider
    this.adapterName = inner.adapterName
    this.options = inner.options
    this.#inner = inner
    this.#binding = binding
    this.#role = role
  }

  queryRaw(query: SqlQuery): Promise<SqlResultSet> {
    return this.#run(query, () => queryWatched(this.#inner, query))
  }

  executeRaw(query: SqlQuery): Promise<number> {
    return this.#run(query, () => executeWatched(this.#inner, query))
  }

  async commit(): Promise<void> {
    this.#over = true
    await this.#inner.commit()
  }

  async rollback(): Promise<void> {
    this.#over = true
    await this.#inner.rollback()
  }

  async createSavepoint(name: string): Promise<void> {
    this.#checkScope()
    if (!this.#inner.createSavepoint)
      throw new TenancyError('QUERY.UNSUPPORTED', `The adapter ${this.adapterName} has no savepoints.`, {
        hint: 'Do not nest transactions.',
      })
    await this.#inner.createSavepoint(name)
  }

  async rollbackToSavepoint(name: string): Promise<void> {
    await this.#inner.rollbackToSavepoint?.(name)
  }

  async releaseSavepoint(name: string): Promise<void> {
    await this.#inner.releaseSavepoint?.(name)
  }

  async #run<T>(query: SqlQuery, send: () => Promise<T>): Promise<T> {
    const kind = readPortableStatement(query.sql, this.#role.rules)
    if (this.#over) throw transactionIsOver()
    if (kind === 'begin') throw unsupported('A transaction is open already.', 'tx.$transaction(async (inner) => …)')
    // Anybody may roll back: it can only undo. Prisma does so when a time limit ends or the client disconnects.
    if (kind !== 'rollback') this.#checkScope()
    if (kind === 'commit' || kind === 'rollback') this.#over = true
    try {
      return await send()
    } catch (error) {
      throw asUsersMeetIt(error)
    }
  }

  #checkScope(): void {
    if (this.#role.binder.bind(currentScope()).key !== this.#binding.key) throw transactionOfAnotherScope()
  }
}

export function queryWatched(tx: Transaction, query: SqlQuery): Promise<SqlResultSet> {
  return watched(query, () => tx.queryRaw(query))
}

export function executeWatched(tx: Transaction, query: SqlQuery): Promise<number> {
  return watched(query, () => tx.executeRaw(query))
}

/** Sends a statement, as the use of `acrossTenants` in scope allows, where there is one. */
async function watched<T>({ sql }: SqlQuery, send: () => Promise<T>): Promise<T> {
  const across = currentScope()?.across
  if (across === undefined) return send()
  watch(across, readStatement(sql).kind, sql)
  try {
    return await send()
  } catch (error) {
    const { originalCode, originalMessage } = serverErrorIn(error)
    throw writeRefused(across, originalCode, originalMessage, error) ?? error
  }
}

/** Binds a transaction, and makes sure that it is bound and new. */
export async function bindTransaction(tx: Transaction, binder: Binds, binding: Binding): Promise<void> {
  // A ROLLBACK can be lost (pg takes one off its queue when query_timeout ends), and then BEGIN is only a warning: this
  // transaction's COMMIT would commit what somebody else was told had failed.
  const sql = `${binding.sql ?? binder.sql}, (pg_catalog.pg_current_xact_id_if_assigned() IS NULL)::text`
  const { values, opening } = binding
  if (opening !== undefined) await open(tx, opening)
  if (bindingChannel.hasSubscribers) tellBinding(values, currentScope()?.across !== undefined)
  const { rows } = await tx.queryRaw(sqlQuery(sql, values)).catch((error: unknown) => {
    const { originalCode } = serverErrorIn(error)
    throw originalCode !== undefined && refusesBinding(originalCode)
      ? bindFailed('the server refused the binding', error)
      : error
  })
  const bound = rows[0]?.slice(0, -1)
  const same = bound?.length === values.length && values.every((value, i) => value === bound[i])
  if (!same) throw bindFailed('the server answered with another value')
  if (rows[0]?.at(-1) !== 'true') throw bindFailed('it was left in a transaction that has written already')
}

async function open(tx: Transaction, opening: string): Promise<void> {
  await tx.executeRaw(sqlQuery(opening)).catch((error: unknown) => {
    const { originalCode } = serverErrorIn(error)
    throw originalCode !== undefined && refusesBinding(originalCode) ? noWritesHere(error) : error
  })
}

export async function commit(tx: Transaction): Promise<void> {
  if (!tx.options.usePhantomQuery) {
    try {
      await tx.executeRaw(sqlQuery('COMMIT'))
    } catch (error) {
      // A COMMIT that was cancelled leaves the transaction open.
      await rollback(tx)
      throw error
    }
  }
  await tx.commit()
}

/** Rolls back after a failure whose error matters more than any of the rollback's. */
export async function rollback(tx: Transaction): Promise<void> {
  try {
    if (!tx.options.usePhantomQuery) await tx.executeRaw(sqlQuery('ROLLBACK'))
  } catch {
    // The connection is lost, and with it the transaction.
  }
  await tx.rollback().catch(() => {})
}
