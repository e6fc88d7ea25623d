import type { Membership, Oid, Role } from './catalog.js'
import type { Facts } from './facts.js'
import { allTables } from './tables.js'

/** Predefined roles that reach past the database: https://www.postgresql.org/docs/current/predefined-roles.html */
const pastTheDatabase: Readonly<Record<string, string>> = {
  pg_execute_server_program: 'may run programs on the server',
  pg_read_server_files: "may read the server's files, those of the tables among them",
  pg_write_server_files: "may write the server's files",
}

export interface WayOut {
  readonly role: Role
  readonly way: readonly Membership[]
  /** By SET ROLE; otherwise the app role has its rights and is not it. */
  readonly becomes: boolean
}

/** Every role that the app role is or can be a member of. What lies behind a role that is too strong is left out. */
export function waysOut(facts: Facts): WayOut[] {
  const { appRole, catalog } = facts
  const found = new Map<Oid, WayOut>([[appRole.oid, { role: appRole, way: [], becomes: true }]])
  const queue = [...found.values()]
  // A list is walked to its end, what is added on the way included.
  for (const from of queue) {
    if (from.role !== appRole && whyTooStrong(from.role, from.becomes, facts) !== undefined) continue
    for (const step of catalog.memberships) {
      const role = facts.role(step.role)
      if (step.member !== from.role.oid || !role) continue
      // Who may give a role away may give it to itself.
      const becomes = step.admin || (step.set && from.becomes)
      const known = found.get(role.oid)
      if ((!becomes && !step.inherit) || (known && (known.becomes || !becomes))) continue
      const way = { role, way: [...from.way, step], becomes }
      found.set(role.oid, way)
      queue.push(way)
    }
  }
  found.delete(appRole.oid)
  return [...found.values()]
}

/** What makes a role too strong, as in 'which …'. Attributes are not inherited: one has to become the role. */
export function whyTooStrong(role: Role, becomes: boolean, facts: Facts): string | undefined {
  const { catalog, options } = facts
  if (becomes) {
    if (role.superuser) return 'is a superuser'
    if (role.bypassRls) return 'has BYPASSRLS'
    if (role.replication) return 'has REPLICATION'
    if (role.createRole && catalog.server.number < 160_000) return 'has CREATEROLE and so can become any other role'
  }
  if (pastTheDatabase[role.name]) return pastTheDatabase[role.name]
  const owned = allTables(facts).filter(({ relation }) => relation.owner === role.oid)
  if (owned.length > 0) return 'owns tenant tables and may switch their policies off'
  if (catalog.database.owner === role.oid) return 'owns the database'
  return options.trustedRoles.includes(role.name) ? "is meant to see every tenant's rows" : undefined
}

/**
 * Everybody, the app role, and the roles whose rights are its own business: what it has by being a role that is too strong
 * is the fault of that membership alone.
 */
export function blamelessRoles(facts: Facts): ReadonlySet<Oid> {
  const behind = waysOut(facts).filter(({ role, becomes }) => whyTooStrong(role, becomes, facts) === undefined)
  return new Set([0, facts.appRole.oid, ...behind.map(({ role }) => role.oid)])
}
