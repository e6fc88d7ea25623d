import { notConfigured } from '../across/across-tenants.js'
import type { Binding, Binds } from '../binding.js'
import { currentScope } from '../context.js'
import { TenancyError } from '../errors.js'
import type { StatementRules } from '../gate/statement-rules.js'
import { hearLentConnections } from '../prisma-internals.js'
import { type RoleRow, roleQuery } from '../role-check.js'
import {
  BoundTransaction,
  bindTransaction,
  commit,
  executeWatched,
  queryWatched,
  rollback,
} from './bound-transaction.js'
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
  readonly #role: BoundRole
  readonly #across: PortableAdapterFactory | undefined

  /** @param across serves `acrossTenants`; without it that is refused */
  constructor(inner: SqlDriverAdapterFactory, role: BoundRole, across?: PortableAdapterFactory) {
    this.provider = inner.provider
    this.adapterName = inner.adapterName
    this.#inner = inner
    this.#role = role
    this.#across = across
  }

  async connect(): Promise<PortableAdapter> {
    const inner = await this.#inner.connect()
    hearLentConnections(inner)
    return new PortableAdapter(inner, this.#role, this.#across)
  }
}

/** Whom an adapter logs in as: how its transactions are bound, and whether it is the role that is meant. */
export interface BoundRole {
  readonly binder: Binds
  readonly rules: StatementRules
  checkRole(row: RoleRow | undefined): void
}

class PortableAdapter implements SqlDriverAdapter {
  readonly provider: string
  readonly adapterName: string
  readonly #inner: SqlDriverAdapter
  readonly #role: BoundRole
  readonly #acrossFactory: PortableAdapterFactory | undefined
  /** Serves `acrossTenants`: connected when it is first asked. */
  #across: Promise<PortableAdapter> | undefined
  #checked: Promise<void> | undefined

  constructor(inner: SqlDriverAdapter, role: BoundRole, across: PortableAdapterFactory | undefined) {
    this.provider = inner.provider
    this.adapterName = inner.adapterName
    this.#inner = inner
    this.#role = role
    this.#acrossFactory = across
  }

  async queryRaw(query: SqlQuery): Promise<SqlResultSet> {
    const adapter = await this.#inScope()
    return adapter.#inTransaction(query, (tx) => queryWatched(tx, query))
  }

  async executeRaw(query: SqlQuery): Promise<number> {
    const adapter = await this.#inScope()
    return adapter.#inTransaction(query, (tx) => executeWatched(tx, query))
  }

  async startTransaction(isolationLevel?: string): Promise<Transaction> {
    const adapter = await this.#inScope()
    return adapter.#start(isolationLevel)
  }

  async #start(isolationLevel?: string): Promise<Transaction> {
    const binding = this.#bindingInScope()
    return new BoundTransaction(await this.#open(binding, isolationLevel), binding, this.#role)
  }

  async executeScript(): Promise<void> {
    throw new TenancyError('QUERY.UNSUPPORTED', 'Scripts cannot be bound to a tenant.', {
      hint: 'Apply migrations with a client of the migrator role.',
    })
  }

  getConnectionInfo() {
    return this.#inner.getConnectionInfo?.() ?? { supportsRelationJoins: false }
  }

  async dispose(): Promise<void> {
    const across = await this.#across?.catch(() => undefined)
    await Promise.all([this.#inner.dispose(), across?.dispose()])
  }

  /** The adapter whose connections serve the scope. */
  async #inScope(): Promise<PortableAdapter> {
    if (currentScope()?.across === undefined) return this
    if (this.#acrossFactory === undefined) throw notConfigured()
    this.#across ??= this.#acrossFactory.connect()
    return this.#across.catch((error: unknown) => {
      this.#across = undefined
      throw error
    })
  }

  async #inTransaction<T>(query: SqlQuery, run: (tx: Transaction) => Promise<T>): Promise<T> {
    const binding = this.#bindingInScope()
    const { rules } = this.#role
    const judged = rules.known
    const kind = readPortableStatement(query.sql, rules)
    if (kind !== 'query') {
      throw new TenancyError('QUERY.UNSUPPORTED', 'Transaction control outside a transaction was not sent.', {
        hint: 'prisma.$transaction(async (tx) => …)',
      })
    }
    if (!judged) {
      // The first statement waits for what the database says of the functions that it calls.
      await this.#ready()
      readPortableStatement(query.sql, rules)
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

  async #ready(): Promise<void> {
    this.#checked ??= this.#check()
    try {
      await this.#checked
    } catch (error) {
      this.#checked = undefined
      throw error
    }
  }

  async #open(binding: Binding, isolationLevel?: string): Promise<Transaction> {
    await this.#ready()
    const tx = await this.#inner.startTransaction(isolationLevel)
    try {
      await bindTransaction(tx, this.#role.binder, binding)
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
      const { columnNames, rows } = await tx.queryRaw(sqlQuery(roleQuery, ['']))
      const row = Object.fromEntries(columnNames.map((name, i) => [name, rows[0]?.[i]])) as unknown as RoleRow
      this.#role.checkRole(row)
      this.#role.rules.learn(row)
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
    return this.#role.binder.bind(scope)
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
