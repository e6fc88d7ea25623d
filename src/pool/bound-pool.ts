import pg from 'pg'
import type { Binds } from '../binding.js'
import { currentScope, runInScope, type Scope } from '../context.js'
import { TenancyError } from '../errors.js'
import { readStatement, refuseSessionStatement, type Statement } from '../gate/statement.js'
import type { StatementRules } from '../gate/statement-rules.js'
import { isPrismaQuery } from '../prisma-internals.js'
import { type RoleRow, roleQuery } from '../role-check.js'
import type { Admission } from './admission.js'
import { answer, answerTo } from './answer.js'
import { checkPg, checkPool, refuseWaiters } from './pg-internals.js'
import { isSubmittable, readInput, refuseSubmittable } from './query-input.js'
import { Session } from './session.js'
import { type Lender, TenantClient } from './tenant-client.js'
import { uncaughtIn } from './uncaught.js'

export interface BoundPoolOptions {
  readonly binder: Binds
  readonly onConnect?: ((client: pg.Client) => void | Promise<void>) | undefined
  readonly directConnections?: boolean | undefined
  readonly rules: StatementRules
  /** Throws where the connection's role is not the one that this pool is for. */
  checkRole(row: RoleRow | undefined): void
}

/** What `@prisma/adapter-pg` calls of the pool that it was given. */
export interface PrismaPool {
  query(config: unknown, values?: unknown): unknown
  connect(): Promise<TenantClient>
  on(event: string, listener: (...args: unknown[]) => void): unknown
  removeListener(event: string, listener: (...args: unknown[]) => void): unknown
  end(): Promise<void>
}

/** A `pg.Pool` whose every statement is bound to the scope in which it was issued, or refused. */
export class BoundPool extends pg.Pool {
  readonly #binder: Binds
  readonly #onConnect: BoundPoolOptions['onConnect']
  readonly #direct: boolean
  readonly #rules: StatementRules
  readonly #checkRole: BoundPoolOptions['checkRole']
  readonly #sessions = new WeakMap<pg.PoolClient, Session>()
  readonly #lender: Lender
  readonly #prismaLender: Lender

  constructor(config: pg.PoolConfig, options: BoundPoolOptions) {
    const { binder, onConnect, directConnections = false, rules, checkRole } = options
    checkPg()
    super(typeof config.log === 'function' ? { ...config, log: uncaughtIn(config.log, undefined) } : config)
    checkPool(this)
    this.#binder = binder
    this.#onConnect = onConnect
    this.#direct = directConnections
    this.#rules = rules
    this.#checkRole = checkRole
    this.#lender = {
      binder,
      admit: (query, values) => this.#admit(currentScope(), query, values, false),
      refuse: refuseReleased,
    }
    this.#prismaLender = { ...this.#lender, admit: (query, values) => this.#admit(currentScope(), query, values, true) }
  }

  /**
   * @internal This pool as the adapter of one extended client gets it. Anything else that sends what only Prisma sends is a
   * bare client, in whatever context it does so: callbacks of the extended client's adapter and log run in its own.
   */
  forPrisma(): PrismaPool {
    return {
      query: (config, values) => answer(config, values, undefined, () => this.#query(config, values, true)),
      connect: () => this.#lend(true),
      on: (event, listener) => this.on(event as 'error', listener),
      removeListener: (event, listener) => this.removeListener(event, listener),
      end: () => this.end(),
    }
  }

  /** @internal What is bound for a scope, as one text, for the extension to tell scopes apart. */
  keyOf(scope: Scope | undefined): string {
    return this.poolFor(scope).#binder.bind(scope).key
  }

  /** The pool whose connections serve a scope. */
  protected poolFor(_scope: Scope | undefined): BoundPool {
    return this
  }

  /**
   * Runs one statement, bound to the tenant in scope. Takes and answers what `pool.query` of pg does, except query
   * objects (cursors, row streams, COPY), transactions and several statements in one text.
   *
   * @throws NoTenantError, InvalidTenantIdError, PolicyViolationError, TenancyError `QUERY.UNSUPPORTED`
   */
  override query<R extends unknown[] = unknown[]>(
    config: pg.QueryArrayConfig,
    values?: unknown[],
  ): Promise<pg.QueryArrayResult<R>>
  override query<R extends pg.QueryResultRow = pg.QueryResultRow>(
    config: string | pg.QueryConfig,
    values?: unknown[],
  ): Promise<pg.QueryResult<R>>
  override query<R extends pg.QueryResultRow = pg.QueryResultRow>(
    config: string | pg.QueryConfig,
    callback: (error: Error, result: pg.QueryResult<R>) => void,
  ): void
  override query<R extends pg.QueryResultRow = pg.QueryResultRow>(
    config: string | pg.QueryConfig,
    values: unknown[],
    callback: (error: Error, result: pg.QueryResult<R>) => void,
  ): void
  override query(config: unknown, values?: unknown, callback?: unknown): unknown {
    // Its caller expects an object back, and this may be any connection.
    if (isSubmittable(config)) throw refuseSubmittable()
    return answer(config, values, callback, () => this.#query(config, values, false))
  }

  #query(config: unknown, values: unknown, fromPrisma: boolean): Promise<unknown> {
    // The scope is read now, before anything is awaited.
    const scope = currentScope()
    const pool = this.poolFor(scope)
    const admission = pool.#admit(scope, config, values, fromPrisma)
    if (admission.statement.kind !== 'query' && admission.statement.kind !== 'session') {
      throw new TenancyError('QUERY.UNSUPPORTED', 'A transaction needs one connection, and pool.query may use any.', {
        hint: 'const client = await pool.connect(), then client.query(…) and client.release().',
      })
    }
    return pool.#runAlone(admission)
  }

  /**
   * Lends a client for several statements or a transaction. See {@link TenantClient}. No scope is needed to get one;
   * each statement needs its own.
   */
  override connect(): Promise<pg.PoolClient>
  override connect(
    callback: (error: Error | undefined, client: pg.PoolClient | undefined, done: (release?: unknown) => void) => void,
  ): void
  override connect(
    callback?: (error: Error | undefined, client: pg.PoolClient | undefined, done: (release?: unknown) => void) => void,
  ): unknown {
    const lent = this.#lend(false)
    if (callback === undefined) return lent
    answerTo((error, client) => {
      const lease = client as TenantClient | undefined
      callback(error as Error | undefined, lease as unknown as pg.PoolClient | undefined, (destroy) =>
        lease?.release(destroy as Error),
      )
    }, lent)
    return undefined
  }

  async #lend(toPrisma: boolean): Promise<TenantClient> {
    const pool = this.poolFor(currentScope())
    return new TenantClient(toPrisma ? pool.#prismaLender : pool.#lender, await pool.#acquire())
  }

  /**
   * pg's events, outside every scope. The client that an event carries takes no statements: a connection is set up in
   * `onConnect` of the configuration.
   */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    // 'acquire' and 'release' come with every query; an 'error' that nobody listens to must be thrown.
    if (event !== 'error' && this.listenerCount(event) === 0) return false
    const handles = args.map((value) =>
      value instanceof pg.Client ? new TenantClient({ ...this.#lender, refuse: refuseInEvent }) : value,
    )
    const [first] = handles
    // pg hangs its client on the error of an idle connection.
    if (event === 'error' && first instanceof Error && 'client' in first) first.client = handles[1]
    const emit = () => runInScope(undefined, () => super.emit(event as 'connect', ...(handles as [never])))
    return event === 'error' ? emit() : uncaughtIn(emit, true)()
  }

  #admit(scope: Scope | undefined, config: unknown, values: unknown, fromPrisma: boolean): Admission {
    if (!(fromPrisma && scope?.admitted) && isPrismaQuery(config)) throw refuseBareClient()
    const binding = this.#binder.bind(scope as Scope)
    const input = readInput(config, values)
    const statement = this.#permit(readStatement(input.text))
    return this.watch({ binding, statement, input, fromPrisma }, scope as Scope)
  }

  /** @throws TenancyError `QUERY.UNSUPPORTED` for what reaches beyond its transaction, on connections that are shared */
  #permit(given: Statement): Statement {
    const statement = this.#rules.judge(given)
    if (statement.kind === 'session' && !this.#direct) throw refuseSessionStatement(statement)
    return statement
  }

  /** What a kind of pool has to say about a statement before it is sent, and about its failure. */
  protected watch(admission: Admission, _scope: Scope): Admission {
    return admission
  }

  /** One statement, in a transaction of its own. */
  async #runAlone({ statement: admitted, binding, input: query, explain }: Admission): Promise<unknown> {
    const judged = this.#rules.known
    const session = await this.#acquire()
    try {
      // The first statement of a pool waits for its first connection, and that for what it calls.
      const statement = judged ? admitted : this.#permit(admitted)
      // Only now: a seal that was read before the wait could be old by the end of it.
      const { values, opening, sql } = binding
      const { result, error } = await session.run(
        statement,
        { held: [], opening, binding: { sql: sql ?? this.#binder.sql, values, once: sql !== undefined }, query },
        'I',
      )
      if (error !== undefined) throw explain?.(error) ?? error
      return result
    } finally {
      session.release()
    }
  }

  /** Ends the connections once each was given back. Who waits for one is refused: pg's own `end` never answers them. */
  override end(): Promise<void>
  override end(callback: (error?: Error) => void): void
  override end(callback?: (error?: Error) => void): unknown {
    const ended = super.end()
    refuseWaiters(this, new Error('Cannot use a pool after calling end on the pool'))
    return callback === undefined ? ended : answerTo(callback as (error: unknown) => void, ended)
  }

  /** A connection that is set up and whose role RLS binds. Outside any scope: sockets keep the context they are opened in. */
  #acquire(): Promise<Session> {
    return new Promise((resolve, reject) => {
      runInScope(undefined, () => {
        super.connect((error, client) => {
          if (error || !client) return reject(error)
          const session = this.#sessions.get(client)
          if (session) resolve(session)
          else this.#prepare(client).then(resolve, reject)
        })
      })
    })
  }

  async #prepare(client: pg.PoolClient): Promise<Session> {
    try {
      const session = new Session(client)
      await this.#onConnect?.(client as unknown as pg.Client)
      const plan = { held: [], binding: undefined, query: readInput(roleQuery, [this.#rules.learntFrom]) }
      const { result, error } = await session.run({ kind: 'query' }, plan, 'I')
      if (error !== undefined) throw error
      const row = (result.rows as unknown as RoleRow[])[0]
      this.#checkRole(row)
      if (session.failure !== undefined) throw session.failure
      if (row) this.#rules.learn(row)
      if (session.marked !== undefined) {
        throw new TenancyError('CONFIG.INVALID', 'onConnect left the connection in a transaction.', {
          hint: 'COMMIT before onConnect resolves.',
        })
      }
      session.watchSettings(JSON.parse(row?.passing ?? '{}'))
      // A pooler gives its clients a process id of its own making.
      session.keepsPrepared = row?.pid === (client as unknown as { processID?: number }).processID
      this.#sessions.set(client, session)
      return session
    } catch (error) {
      client.release(error as Error)
      throw error
    }
  }
}

function refuseBareClient(): TenancyError {
  return new TenancyError(
    'CONFIG.INVALID',
    'A PrismaClient runs on a TenantPool without the tenancy extension: Prisma would merge queries of different tenants.',
    {
      hint: 'new PrismaClient({ adapter: new PrismaPg(pool) }).$extends(tenancy({ pool }))',
    },
  )
}

function refuseReleased(): TenancyError {
  return new TenancyError(
    'QUERY.UNSUPPORTED',
    'The client was released to the pool, and its connection may be in use for another tenant.',
    {
      hint: 'const client = await pool.connect(), and client.release() after the last statement.',
    },
  )
}

function refuseInEvent(): TenancyError {
  return new TenancyError(
    'QUERY.UNSUPPORTED',
    'Clients in events of a TenantPool take no statements: no tenant is in scope there.',
    {
      hint: 'new TenantPool({ …, onConnect: async (client) => { await client.query(…) } })',
    },
  )
}
