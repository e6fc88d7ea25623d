import { Prisma } from '@prisma/client/extension'
import { AcrossAccess, type AcrossOptions, checkStatementTimeout } from './across/access.js'
import { AcrossBinder } from './across/across-binder.js'
import { type AcrossTenantsOptions, callerOf, notConfigured, runAcross } from './across/across-tenants.js'
import { Binder, type BindingOptions } from './binding.js'
import { type ConfiguredClient, register, unregister } from './configured-clients.js'
import { auditScope, openScope, runInScope, type Scope, type Tenant, tenantScope } from './context.js'
import { TenancyError } from './errors.js'
import { StatementRules } from './gate/statement-rules.js'
import { isTenantPool, type TenantPool } from './pool/tenant-pool.js'
import { type BoundRole, PortableAdapterFactory } from './portable/adapter.js'
import type { SqlDriverAdapterFactory } from './portable/driver-adapter.js'
import {
  adapterOf,
  type ClientLife,
  replaceAdapter,
  replacePool,
  type SharedClient,
  sharedParts,
} from './prisma-internals.js'
import { refuseBareReplicas, refuseBareReplicasLater } from './replicas.js'
import { checkBypassRole, checkRole, type RoleRow } from './role-check.js'
import { scopeRequests } from './scope-requests.js'
import { bindClient } from './scoped-client.js'

/** Options of `tenancy()` in portable mode. */
export interface PortableOptions extends BindingOptions {
  pool?: undefined
  /**
   * Lets the client log in as a superuser, a BYPASSRLS role or an owner of protected tables, **to whom tenants' rows
   * are not hidden at all**. For one-off scripts, never for a service. Default `false`.
   */
  dangerouslyAllowRoleThatBypassesRls?: boolean | undefined
  /**
   * The login of `acrossTenants`: a driver adapter for a role with BYPASSRLS that may only read, preferably on a
   * replica; and who is told of each use. Default: `acrossTenants` is refused.
   */
  acrossTenants?: AcrossPortableOptions | undefined
}

/** The option `acrossTenants` of `tenancy()` in portable mode. */
export interface AcrossPortableOptions extends AcrossOptions {
  adapter: SqlDriverAdapterFactory
}

/** Options of `tenancy()` in pool mode. How tenants are bound is configured on the pool, and only there. */
export interface PoolOptions {
  /** The pool that the client's adapter runs on. */
  pool: TenantPool
}

const applied = Symbol.for('prisma-extension-tenancy.applied')

const knowsTenants = (shared: object): boolean => Object.hasOwn(shared, applied)

/**
 * The Prisma client extension. `tenancy({ pool })` on a client that runs on that `TenantPool` binds every query in the
 * flight that carries it; `tenancy()` on any other client opens a transaction around each (portable mode).
 *
 * It acts on the client as a whole: once it is applied, the client it was applied to and all that are extended from
 * it, before or after, need a scope too.
 *
 * Adds `prisma.$forTenant(tenant)`, the same client bound to one tenant, whatever scope surrounds it; and
 * `prisma.$acrossTenants(…)`.
 *
 * @throws TenancyError `CONFIG.INVALID`: unknown options, another pool than the client's, applied twice, an adapter
 * that is not for PostgreSQL; `CONFIG.UNSUPPORTED_VERSION`: a Prisma that was not tested
 * @example
 * const pool = new TenantPool({ connectionString: process.env.DATABASE_URL })
 * const prisma = new PrismaClient({ adapter: new PrismaPg(pool) }).$extends(tenancy({ pool }))
 * await withTenant(tenantId, () => prisma.project.findMany())
 */
export function tenancy(options: PoolOptions | PortableOptions = {}) {
  const install = installer(options)
  return Prisma.defineExtension((client) => {
    const shared = sharedParts(client)
    if (knowsTenants(shared)) {
      throw invalid(
        'it is applied to this client already, and holds for all clients extended from it',
        'Call $extends(tenancy(…)) once, where the client is made.',
      )
    }
    refuseBareReplicas(client, (other) => other === shared || knowsTenants(other))
    const access = install(shared)
    async function $acrossTenants<T>(options: AcrossTenantsOptions, fn: () => T | PromiseLike<T>): Promise<T> {
      const caller = callerOf($acrossTenants)
      if (access === undefined) throw notConfigured()
      return runAcross(access, options, fn, caller)
    }
    Object.defineProperty(shared, applied, { value: true })
    refuseBareReplicasLater(shared, knowsTenants)
    return client.$extends({
      name: 'prisma-extension-tenancy',
      client: {
        /** The same client bound to one tenant, for code without an async context. Takes what `withTenant` takes. */
        $forTenant<C extends object>(this: C, tenant: Tenant): C {
          const scope = tenantScope(tenant)
          return bindClient(Prisma.getExtensionContext(this) as C, (call) => openScope(scope, call))
        },
        /** `acrossTenants` with what is configured for this client, for processes with several. */
        $acrossTenants,
      },
    })
  })
}

/** Installs the extension, and answers with the client's way to `acrossTenants`, where it has one. */
type Install = (shared: SharedClient) => AcrossAccess | undefined

function installer(options: PoolOptions | PortableOptions): Install {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw invalid('its options are not an object', 'Call tenancy({ pool }) or tenancy().')
  const {
    pool,
    dangerouslyAllowRoleThatBypassesRls: allowBypass = false,
    acrossTenants,
    ...binding
  } = options as PortableOptions & { pool?: unknown }
  const unknown = Object.keys(binding).find(
    (name) =>
      !['setting', 'settings', 'tenantId', 'tenantColumn', 'seal', 'allowNames', 'refuseExplain'].includes(name),
  )
  if (unknown !== undefined) throw invalid(`it has no option ${JSON.stringify(unknown)}`, 'Take the option out.')
  if ('pool' in options && pool !== undefined) {
    if (!isTenantPool(pool))
      throw invalid(
        'pool is not a TenantPool',
        'const pool = new TenantPool({ connectionString }), then tenancy({ pool }).',
      )
    if (Object.keys(options).length > 1)
      throw invalid(
        'in pool mode the options belong to the pool',
        'Give them to new TenantPool({ … }), and only pool to tenancy().',
      )
    return (shared) => installOnPool(shared, pool)
  }
  if (typeof allowBypass !== 'boolean')
    throw invalid(
      'dangerouslyAllowRoleThatBypassesRls is neither true nor false',
      'Give dangerouslyAllowRoleThatBypassesRls: true or leave it out.',
    )
  const binder = new Binder(binding)
  // Rules of its own for each client, and each of its servers: they learn from the database.
  const newRules = () => new StatementRules(binding)
  newRules()
  if (acrossTenants !== undefined && adapterKind(acrossTenants?.adapter) !== 'postgres')
    throw invalid(
      'acrossTenants has no driver adapter for PostgreSQL',
      'acrossTenants: { adapter: new PrismaPg({ connectionString: process.env.REPORTS_URL }) }',
    )
  return (shared) => {
    const role = { binder, rules: newRules(), checkRole: (row: RoleRow | undefined) => checkRole(row, allowBypass) }
    return installPortable(shared, role, acrossTenants, newRules())
  }
}

function adapterKind(adapter: unknown): unknown {
  return (adapter as { provider?: unknown } | undefined)?.provider
}

function installOnPool(shared: SharedClient, pool: TenantPool): AcrossAccess | undefined {
  // PrismaPg keeps the pool it was given; with another copy of pg it takes it for a configuration and opens its own.
  if (adapterOf(shared)?.externalPool !== pool) {
    throw invalid(
      'the client does not run on this pool',
      'new PrismaClient({ adapter: new PrismaPg(pool) }), with one copy of pg installed (npm ls pg).',
    )
  }
  replacePool(shared, pool.forPrisma())
  scopeRequests(shared, (scope) => pool.keyOf(scope), pool.tenants)
  return pool.acrossAccess
}

function installPortable(
  shared: SharedClient,
  role: BoundRole & { readonly binder: Binder },
  across: AcrossPortableOptions | undefined,
  acrossRules: StatementRules,
): AcrossAccess | undefined {
  const adapter = adapterOf(shared)
  if (adapter === undefined)
    throw invalid(
      'the client has no driver adapter',
      'new PrismaClient({ adapter: new PrismaPg({ connectionString }) })',
    )
  if (adapter.provider !== 'postgres')
    throw invalid(`the adapter is for ${adapter.provider}`, 'Use an adapter for PostgreSQL.')
  if (isTenantPool(adapter.externalPool)) throw invalid('the client runs on a TenantPool', 'Call tenancy({ pool }).')
  if (across === undefined) {
    replaceAdapter(shared, new PortableAdapterFactory(adapter, role), known(shared, role.binder))
    const keyOf = (scope: Scope | undefined): string => {
      if (scope?.across) throw notConfigured()
      return role.binder.bind(scope).key
    }
    scopeRequests(shared, keyOf, role.binder)
    return undefined
  }
  const acrossRole = {
    binder: new AcrossBinder(checkStatementTimeout(across.statementTimeout)),
    rules: acrossRules,
    checkRole: checkBypassRole,
  }
  const access = new AcrossAccess(across, (use, sql, values) =>
    runInScope(auditScope(use), async () => shared.$executeRawUnsafe(sql, ...values)),
  )
  const factory = new PortableAdapterFactory(across.adapter, acrossRole)
  replaceAdapter(shared, new PortableAdapterFactory(adapter, role, factory), known(shared, role.binder, access))
  scopeRequests(shared, (scope) => (scope?.across ? acrossRole : role).binder.bind(scope).key, role.binder)
  return access
}

// What is known of a client lives as long as the client. Prisma keeps adapters for its debug log, so they must not hold it.
const held = new WeakMap<SharedClient, ConfiguredClient>()

/** Known to the process from now until `$disconnect`, and again when it connects. */
function known(shared: SharedClient, { tenantIds }: Binder, across?: AcrossAccess): ClientLife {
  const client: ConfiguredClient = { tenantIds, across }
  register(client)
  held.set(shared, client)
  const ref = new WeakRef(client)
  const whileAlive = (tell: typeof register) => () => {
    const alive = ref.deref()
    if (alive) tell(alive)
  }
  return { connects: whileAlive(register), disconnects: whileAlive(unregister) }
}

function invalid(what: string, hint: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', `The tenancy extension cannot be applied: ${what}.`, { hint })
}
