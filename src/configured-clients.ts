import type { AcrossAccess } from './across/access.js'
import { TenancyError } from './errors.js'
import {
  canonicalTenantId,
  checkTenantId,
  type TenantId,
  type TenantIdRule,
  type TenantIdType,
  tenantIdRule,
} from './tenant.js'

/** A client of this process, as those parts of the library know it that are handed none. */
export interface ConfiguredClient {
  readonly tenantIds: TenantIdRule
  /** Its way to `acrossTenants`, where it has one. */
  readonly across: AcrossAccess | undefined
}

interface Registry {
  /** Weakly: a client that is dropped and never disconnected neither counts nor stays. */
  readonly clients: Set<WeakRef<ConfiguredClient>>
  /** For processes without a client: an entry for requests or jobs has said it. */
  declared: TenantIdRule | undefined
  /** What ids are. It outlives the last client, since one of Prisma's that was disconnected connects again. */
  inForce: TenantIdRule | undefined
}

// One for all copies of this package in the process, as with the scopes.
const key = Symbol.for('prisma-extension-tenancy.clients')
const shared = globalThis as { [key]?: Registry }
shared[key] ??= { clients: new Set(), declared: undefined, inForce: undefined }
const registry = shared[key]

/**
 * Makes a client known. Its owner holds the object, for as long as it is to be known.
 *
 * @throws TenancyError `CONFIG.INVALID` where its ids are not what those of the others are
 */
export function register(client: ConfiguredClient): void {
  const known = configuredClients()
  agree(client.tenantIds, registry.declared)
  for (const { tenantIds } of known) agree(client.tenantIds, tenantIds)
  registry.inForce = client.tenantIds
  if (!known.includes(client)) registry.clients.add(new WeakRef(client))
}

export function unregister(client: ConfiguredClient): void {
  for (const ref of registry.clients) if (ref.deref() === client) registry.clients.delete(ref)
}

/** Those that are registered and alive, in the order in which they came. */
export function configuredClients(): ConfiguredClient[] {
  const alive: ConfiguredClient[] = []
  for (const ref of registry.clients) {
    const client = ref.deref()
    if (client) alive.push(client)
    else registry.clients.delete(ref)
  }
  return alive
}

/**
 * Says what tenant ids are in this process, for as long as it runs: for an entry that may stand in a process without a
 * client.
 *
 * @throws TenancyError `CONFIG.INVALID` where a client, or another entry, says otherwise
 */
export function declareTenantIds(type: TenantIdType): void {
  const rule = tenantIdRule(type)
  agree(rule, registry.declared)
  for (const { tenantIds } of configuredClients()) agree(rule, tenantIds)
  registry.declared = rule
  registry.inForce = rule
}

/** What tenant ids are: as the clients say, or else an entry; `'uuid'` where nothing has said it yet. */
export function tenantIdsInForce(): TenantIdRule {
  return registry.inForce ?? 'uuid'
}

/**
 * The one spelling of a tenant's id in this process.
 *
 * @throws InvalidTenantIdError
 */
export function oneSpelling(id: unknown): string {
  return canonicalTenantId(checkTenantId(id), tenantIdsInForce())
}

/** The same, and the id as it is where it is none here: for what only compares ids, and may run without a client. */
export function spellingOf(id: TenantId): string {
  try {
    return oneSpelling(id)
  } catch {
    return String(id)
  }
}

function agree(rule: TenantIdRule, other: TenantIdRule | undefined): void {
  if (other === undefined || other === rule) return
  const functions = typeof rule === 'function' && typeof other === 'function'
  throw new TenancyError(
    'CONFIG.INVALID',
    functions
      ? 'Tenant ids are read by two parse functions in this process.'
      : `Tenant ids are ${named(rule)} here and ${named(other)} elsewhere in this process.`,
    {
      hint: functions
        ? 'Share one: const tenantId = { parse }, for every client, tenantScope and jobs().'
        : 'Give every client, tenantScope and jobs() the same tenantId, and end clients that are done: pool.end(), prisma.$disconnect().',
    },
  )
}

function named(rule: TenantIdRule): string {
  return typeof rule === 'string' ? `'${rule}'` : '{ parse }'
}
