import pg from 'pg'
import { Binder, type BindingOptions } from '../binding.js'
import { currentScope, runInScope, type Scope } from '../context.js'
import { TenancyError } from '../errors.js'
import { readStatement, refuseSessionStatement } from '../gate/statement.js'
import { isPrismaQuery } from '../prisma-internals.js'
import { checkRole, type RoleRow, roleQuery } from '../role-check.js'
import { answer, answerTo } from './answer.js'
import { checkPg } from './pg-internals.js'
import { readInput } from './query-input.js'
import { Session } from './session.js'
import { type Admission, type Lender, TenantClient } from './tenant-client.js'

export interface TenantPoolConfig extends Omit<pg.PoolConfig, 'onConnect' | 'verify'>, BindingOptions {
  /**
   * Sets a new connection up, before any tenant uses it and outside every scope: `SET` a time zone, `LISTEN`, load
   * types. Gets pg's own client. A connection whose set-up fails is destroyed.
   */
  onConnect?: ((client: pg.Client) => void | Promise<void>) | undefined
  /**
   * The pool talks to PostgreSQL itself, with no pooler between. Statements that change the session are then sent, and
   * the connection that carried one is destroyed when it is given back. Default `false`: they are refused.
   */
  directConnections?: boolean | undefined
  /**
   * Lets the pool log in as a superuser, a BYPASSRLS role or an owner of protected tables, **to whom tenants' rows are
   * not hidden at all**. For one-off scripts, never for a service. Default `false`.
   */
  dangerouslyAllowRoleThatBypassesRls?: boolean | undefined
}

const poolBrand = Symbol.for('prisma-extension-tenancy.pool')

/** Is this a TenantPool, whichever copy of the package made it? */
export function isTenantPool(value: unknown): value is TenantPool {
  return typeof value === 'object' && value !== null && (value as { [poolBrand]?: unknown })[poolBrand] === true
}

/**
 * A `pg.Pool` whose every statement is bound to the scope in which it was issued, or refused. It goes wherever a
 * `pg.Pool` goes: to `new PrismaPg(pool)`, to query builders, to your own `pool.query(…)`.
 *
 * Binding takes no round trip of its own: `set_config` travels in the same flight as the statement.
 *
 * @param config what `pg.Pool` takes (https://node-postgres.com/apis/pool), and how tenants are bound
 * @throws TenancyError `CONFIG.INVALID`, `CONFIG.UNSUPPORTED_VERSION`
 * @example
 * const pool = new TenantPool({ connectionString: process.env.DATABASE_URL })
 * await withTenant(tenantId, () => pool.query('SELECT * FROM projects'))
 */
export class TenantPool extends pg.Pool {
  readonly [poolBrand] = true
  readonly #binder: Binder
  readonly #onConnect: TenantPoolConfig['onConnect']
  readonly #direct: boolean
  readonly #allowBypass: boolean
  readonly #sessions = new WeakMap<pg.PoolClient, Session>()
  readonly #lender: Lender

  constructor(config: TenantPoolConfig = {}) {
    checkPg()
    const {
      setting,
      settings,
      tenantId,
      seal,
      onConnect,
      directConnections = false,
      dangerouslyAllowRoleThatBypassesRls = false,
      ...rest
    } = checkConfig(config)
    super(rest)
    this.#binder = new Binder({ setting, settings, tenantId, seal })
    this.#onConnect = onConnect
    this.#direct = directConnections
    this.#allowBypass = dangerouslyAllowRoleThatBypassesRls
    this.#lender = {
      binder: this.#binder,
      admit: (query, values) => this.#admit(query, values),
      refuse: refuseReleased,
    }
  }

  /** @internal What is bound for a scope, for the extension to tell scopes apart. */
  get binder(): Binder {
    return this.#binder
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
    return answer(config, values, callback, () => {
      // The scope is read now, before anything is awaited.
      const admission = this.#admit(config, values)
      if (admission.statement.kind !== 'query' && admission.statement.kind !== 'session') {
        throw new TenancyError('QUERY.UNSUPPORTED', 'A transaction needs one connection, and pool.query may use any.', {
          hint: 'const client = await pool.connect(), then client.query(…) and client.release().',
        })
      }
      return this.#runAlone(admission)
    })
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
    const lent = this.#acquire().then((lease) => new TenantClient(this.#lender, lease))
    if (callback === undefined) return lent
    answerTo((error, client) => {
      const lease = client as TenantClient | undefined
      callback(error as Error | undefined, lease as unknown as pg.PoolClient | undefined, (destroy) =>
        lease?.release(destroy as Error),
      )
    }, lent)
    return undefined
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
    return runInScope(undefined, () => super.emit(event as 'connect', ...(handles as [never])))
  }

  #admit(config: unknown, values: unknown): Admission {
    const scope = currentScope()
    if (!scope?.admitted && isPrismaQuery(config)) throw refuseBareClient()
    const binding = this.#binder.bind(scope as Scope)
    const input = readInput(config, values)
    const statement = readStatement(input.text)
    if (statement.kind === 'session' && !this.#direct)
      throw refuseSessionStatement(statement.why ?? 'it changes the session')
    return { binding, statement, input, fromPrisma: scope?.admitted === true }
  }

  /** One statement, in a transaction of its own. */
  async #runAlone({ statement, binding, input: query }: Admission): Promise<unknown> {
    const session = await this.#acquire()
    try {
      // Only now: a seal that was read before the wait could be old by the end of it.
      const { values } = binding
      const { result, error } = await session.run(
        statement,
        { held: [], binding: { sql: this.#binder.sql, values }, query },
        'I',
      )
      if (error !== undefined) throw error
      return result
    } finally {
      session.release()
    }
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
      const plan = { held: [], binding: undefined, query: readInput(roleQuery, undefined) }
      const { result, error } = await session.run({ kind: 'query' }, plan, 'I')
      if (error !== undefined) throw error
      const row = (result.rows as unknown as RoleRow[])[0]
      checkRole(row, this.#allowBypass)
      if (session.marked !== undefined) {
        throw new TenancyError('CONFIG.INVALID', 'onConnect left the connection in a transaction.', {
          hint: 'COMMIT before onConnect resolves.',
        })
      }
      session.watchSettings()
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

function checkConfig(config: TenantPoolConfig): TenantPoolConfig {
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw invalid('its configuration is no object', 'new TenantPool({ connectionString: process.env.DATABASE_URL }).')
  const { onConnect, directConnections, dangerouslyAllowRoleThatBypassesRls, pipeline, verify } =
    config as TenantPoolConfig & { pipeline?: unknown; verify?: unknown }
  if (onConnect !== undefined && typeof onConnect !== 'function')
    throw invalid('onConnect is not a function', 'Give onConnect: async (client) => { … }.')
  for (const [name, value] of Object.entries({ directConnections, dangerouslyAllowRoleThatBypassesRls })) {
    if (value !== undefined && typeof value !== 'boolean')
      throw invalid(`${name} is neither true nor false`, `Give ${name}: true or leave it out.`)
  }
  if (verify !== undefined) throw invalid('verify would hand out an unbound connection', 'Use onConnect.')
  if (pipeline) throw invalid('pipeline is not supported', 'Leave it out.')
  return config
}

function invalid(what: string, hint: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', `TenantPool cannot be made: ${what}.`, { hint })
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
