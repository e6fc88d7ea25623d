import type pg from 'pg'
import { AcrossAccess } from '../across/access.js'
import { notConfigured } from '../across/across-tenants.js'
import { Binder, type BindingOptions } from '../binding.js'
import { type ConfiguredClient, register, unregister } from '../configured-clients.js'
import { auditScope, runInScope, type Scope } from '../context.js'
import { TenancyError } from '../errors.js'
import { StatementRules } from '../gate/statement-rules.js'
import { checkRole } from '../role-check.js'
import { AcrossPool, type AcrossPoolConfig } from './across-pool.js'
import { answerTo } from './answer.js'
import { BoundPool } from './bound-pool.js'

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
  /**
   * The login of `acrossTenants`: what `pg.Pool` takes, for a role with BYPASSRLS that may only read, preferably on a
   * replica; and who is told of each use. Default: `acrossTenants` is refused.
   */
  acrossTenants?: AcrossPoolConfig | undefined
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
export class TenantPool extends BoundPool {
  readonly [poolBrand] = true
  /** @internal */
  readonly tenants: Binder
  /** @internal */
  readonly acrossAccess: AcrossAccess | undefined
  readonly #acrossPool: AcrossPool | undefined
  readonly #known: ConfiguredClient

  constructor(config: TenantPoolConfig = {}) {
    const {
      setting,
      settings,
      tenantId,
      tenantColumn,
      seal,
      allowNames,
      refuseExplain,
      onConnect,
      directConnections,
      dangerouslyAllowRoleThatBypassesRls: allowBypass = false,
      acrossTenants,
      ...rest
    } = checkConfig(config)
    const binder = new Binder({ setting, settings, tenantId, tenantColumn, seal })
    super(rest, {
      binder,
      onConnect,
      directConnections,
      rules: new StatementRules({ allowNames, refuseExplain }),
      checkRole: (row) => checkRole(row, allowBypass),
    })
    this.tenants = binder
    if (acrossTenants !== undefined) {
      this.#acrossPool = new AcrossPool(acrossTenants, { allowNames, refuseExplain })
      this.#acrossPool.on('error', (error, client) => this.emit('error', error, client))
      this.acrossAccess = new AcrossAccess(acrossTenants, async (use, text, values) => {
        const { rowCount } = await runInScope(auditScope(use), () => this.query({ text, values: [...values] }))
        return rowCount ?? 0
      })
    }
    // Last: a pool that cannot be made is not known either.
    this.#known = { tenantIds: binder.tenantIds, across: this.acrossAccess }
    register(this.#known)
  }

  protected override poolFor(scope: Scope | undefined): BoundPool {
    if (scope?.across === undefined) return this
    if (this.#acrossPool === undefined) throw notConfigured()
    return this.#acrossPool
  }

  /** Ends the connections, those of `acrossTenants` too. See https://node-postgres.com/apis/pool#poolend */
  override end(): Promise<void>
  override end(callback: (error?: Error) => void): void
  override end(callback?: (error?: Error) => void): unknown {
    unregister(this.#known)
    const ended = Promise.all([super.end(), this.#acrossPool?.end()]).then(() => undefined)
    return callback === undefined ? ended : answerTo(callback as (error: unknown) => void, ended)
  }
}

function checkConfig(config: TenantPoolConfig): TenantPoolConfig {
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw invalid(
      'its configuration is not an object',
      'new TenantPool({ connectionString: process.env.DATABASE_URL }).',
    )
  const { onConnect, directConnections, dangerouslyAllowRoleThatBypassesRls, acrossTenants, pipeline, verify } =
    config as TenantPoolConfig & { pipeline?: unknown; verify?: unknown }
  if (onConnect !== undefined && typeof onConnect !== 'function')
    throw invalid('onConnect is not a function', 'Give onConnect: async (client) => { … }.')
  for (const [name, value] of Object.entries({ directConnections, dangerouslyAllowRoleThatBypassesRls })) {
    if (value !== undefined && typeof value !== 'boolean')
      throw invalid(`${name} is neither true nor false`, `Give ${name}: true or leave it out.`)
  }
  if (acrossTenants !== undefined) checkConfigOfAcross(acrossTenants)
  if (verify !== undefined) throw invalid('verify would hand out an unbound connection', 'Use onConnect.')
  if (pipeline) throw invalid('pipeline is not supported', 'Leave it out.')
  return config
}

function invalid(what: string, hint: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', `TenantPool cannot be made: ${what}.`, { hint })
}

function checkConfigOfAcross(given: unknown): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw invalid('acrossTenants is not an object', 'acrossTenants: { connectionString: process.env.REPORTS_URL }')
  for (const name of ['onConnect', 'verify', 'pipeline', 'statement_timeout']) {
    if ((given as Record<string, unknown>)[name] !== undefined)
      throw invalid(`acrossTenants has no option ${name}`, 'The limit of its statements is statementTimeout.')
  }
}
