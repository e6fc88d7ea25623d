import type { Binder, Binding } from '../binding.js'
import { currentScope } from '../context.js'
import { TenancyError } from '../errors.js'
import { checkRole, type RoleRow, roleQuery } from '../role-check.js'
import { BoundTransaction, bindTransaction, commit, rollback } from './bound-transaction.js'
import {
  type SqlDriverAdapter,
  type SqlDriverAdapterFactory,
  type SqlQuery,
  type SqlResultSet,
  sqlQuery,
  type Transaction,
} from './driver-adapter.js'
import { asUsersMeetIt } from './policy-refusal.js'
import { readPortableStatement } from './read-statement.js'

/**
 * Any driver adapter for PostgreSQL, with every statement in a transaction that was bound to the scope first. Delegates
 * method by method: a method that is new in Prisma does not exist here, and fails rather than going past the binding.
 */
export class PortableAdapterFactory implements SqlDriverAdapterFactory {
  readonly provider: string
  readonly adapterName: string
  readonly #inner: SqlDriverAdapterFactory
  readonly #binder: Binder
  readonly #allowBypass: boolean

  constructor(inner: SqlDriverAdapterFactory, binder: Binder, allowBypass: boolean) {
    this.provider = inner.provider
    this.adapterName = inner.adapterName
    this.#inner = inner
    this.#binder = binder
    this.#allowBypass = allowBypass
  }

  async connect(): Promise<SqlDriverAdapter> {
    return new PortableAdapter(await this.#inner.connect(), this.#binder, this.#allowBypass)
  }
}

class PortableAdapter implements SqlDriverAdapter {
  readonly provider: string
  readonly adapterName: string
  readonly #inner: SqlDriverAdapter
  readonly #binder: Binder
  readonly #allowBypass: boolean
  #checked: Promise<void> | undefined

  constructor(inner: SqlDriverAdapter, binder: Binder, allowBypass: boolean) {
    this.provider = inner.provider
    this.adapterName = inner.adapterName
    this.#inner = inner
    this.#binder = binder
    this.#allowBypass = allowBypass
  }

  queryRaw(query: SqlQuery): Promise<SqlResultSet> {
    return this.#inTransaction(query, (tx) => tx.queryRaw(query))
  }

  executeRaw(query: SqlQuery): Promise<number> {
    return this.#inTransaction(query, (tx) => tx.executeRaw(query))
  }

  async startTransaction(isolationLevel?: string): Promise<Transaction> {
    const binding = this.#bindingInScope()
    return new BoundTransaction(await this.#open(binding, isolationLevel), binding, this.#binder)
  }

  async executeScript(): Promise<void> {
    throw new TenancyError('QUERY.UNSUPPORTED', 'Scripts cannot be bound to a tenant.', {
      hint: 'Apply migrations with a client of the migrator role.',
    })
  }

  getConnectionInfo() {
    return this.#inner.getConnectionInfo?.() ?? { supportsRelationJoins: false }
  }

  dispose(): Promise<void> {
    return this.#inner.dispose()
  }

  async #inTransaction<T>(query: SqlQuery, run: (tx: Transaction) => Promise<T>): Promise<T> {
    const binding = this.#bindingInScope()
    const kind = readPortableStatement(query.sql)
    if (kind !== 'query') {
      throw new TenancyError('QUERY.UNSUPPORTED', 'Transaction control outside a transaction was not sent.', {
        hint: 'prisma.$transaction(async (tx) => …)',
      })
    }
    const tx = await this.#open(binding)
    let result: T
    try {
      result = await run(tx)
    } catch (error) {
      await rollback(tx)
      throw asUsersMeetIt(error)
    }
    await commit(tx)
    return result
  }

  async #open(binding: Binding, isolationLevel?: string): Promise<Transaction> {
    this.#checked ??= this.#check()
    try {
      await this.#checked
    } catch (error) {
      this.#checked = undefined
      throw error
    }
    const tx = await this.#inner.startTransaction(isolationLevel)
    try {
      await bindTransaction(tx, this.#binder, binding)
    } catch (error) {
      await rollback(tx)
      throw error
    }
    return tx
  }

  /** Once for each adapter: are its transactions real, and does row-level security apply to its role? */
  async #check(): Promise<void> {
    const tx = await this.#inner.startTransaction().catch((cause: unknown) => {
      throw isUnsupported(cause) ? noTransactions(this.adapterName, cause) : cause
    })
    try {
      await tx.queryRaw(sqlQuery("SELECT pg_catalog.set_config('tenancy.probe', 'bound', true)"))
      const probe = await tx.queryRaw(sqlQuery("SELECT pg_catalog.current_setting('tenancy.probe', true)"))
      if (probe.rows[0]?.[0] !== 'bound') throw noTransactions(this.adapterName)
      const { columnNames, rows } = await tx.queryRaw(sqlQuery(roleQuery))
      checkRole(
        Object.fromEntries(columnNames.map((name, i) => [name, rows[0]?.[i]])) as unknown as RoleRow,
        this.#allowBypass,
      )
    } finally {
      await rollback(tx)
    }
  }

  #bindingInScope(): Binding {
    const scope = currentScope()
    if (scope && !scope.admitted) {
      throw new TenancyError('CONFIG.INVALID', 'A query reached the adapter past the tenancy extension.', {
        hint: 'Query through the PrismaClient.',
      })
    }
    return this.#binder.bind(scope)
  }
}

/** Adapters over HTTP reject with a sentence of their own; a pool that is exhausted or a server that is away rejects too. */
function isUnsupported(error: unknown): boolean {
  return /transactions? (?:is|are) not supported|not support transactions?/i.test(
    (error as Error | undefined)?.message ?? '',
  )
}

function noTransactions(adapterName: string, cause?: unknown): TenancyError {
  return new TenancyError(
    'CONFIG.INVALID',
    `The adapter ${adapterName} does not run statements in one transaction, so nothing can be bound to a tenant.`,
    {
      hint: 'Use an adapter with transactions, such as @prisma/adapter-pg.',
      cause,
    },
  )
}
