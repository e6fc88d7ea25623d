import { TenancyError } from './errors.js'
import { type SharedClient, sharedIdentity } from './prisma-internals.js'

/** `@prisma/extension-read-replicas` hands out one at random: so many that each of ten is seen. */
const DRAWS = 200

/** Whether the extension was applied to the client that shares this with the clients extended from it. */
type KnowsTenants = (shared: object) => boolean

/**
 * Refuses a client whose replicas know no tenants: `@prisma/extension-read-replicas` answers reads from clients of its
 * own, which the scopes of this one do not reach.
 *
 * @throws TenancyError `CONFIG.INVALID`
 */
export function refuseBareReplicas(client: object, knowsTenants: KnowsTenants): void {
  const { $primary, $replica } = client as { $primary?: unknown; $replica?: unknown }
  if (typeof $primary !== 'function' || typeof $replica !== 'function') return
  for (let i = 0; i < DRAWS; i++) {
    const replica = sharedIdentity($replica.call(client))
    if (replica === undefined) return
    if (!knowsTenants(replica)) throw bareReplica()
  }
}

/** The same for each client that is extended from this one later. */
export function refuseBareReplicasLater(shared: SharedClient, knowsTenants: KnowsTenants): void {
  const extend = shared.$extends
  // Hidden, as Prisma's own parts are: extended clients reach it through their prototype.
  Object.defineProperty(shared, '$extends', {
    configurable: true,
    writable: true,
    value: function (this: object, extension: unknown): object {
      const extended = extend.call(this, extension)
      refuseBareReplicas(extended, knowsTenants)
      return extended
    },
  })
}

function bareReplica(): TenancyError {
  return new TenancyError(
    'CONFIG.INVALID',
    'A read replica of this client is a PrismaClient without the tenancy extension: it would answer past every scope.',
    {
      hint: 'readReplicas({ replicas: [new PrismaClient({ adapter: new PrismaPg(replicaPool) }).$extends(tenancy({ pool: replicaPool }))] })',
    },
  )
}
