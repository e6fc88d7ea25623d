import { quoteIdentifier } from '../../sql/quote.js'
import type { Membership, Oid, Role } from '../catalog.js'
import type { Facts } from '../facts.js'
import { nameOfRole, revokeMembership } from '../revoke.js'
import type { Problem, Rule } from '../rule.js'
import { allTables } from '../tables.js'

/** Predefined roles that reach past the database: https://www.postgresql.org/docs/current/predefined-roles.html */
const pastTheDatabase: Readonly<Record<string, string>> = {
  pg_execute_server_program: 'may run programs on the server',
  pg_read_server_files: "may read the server's files, those of the tables among them",
  pg_write_server_files: "may write the server's files",
}

export const appRoleCanBecome: Rule = {
  id: 'app-role-can-become',
  level: 'error',
  title: 'The app role can become a role that policies do not hold',
  why: 'A member of a role may SET ROLE to it, in the middle of any transaction. Whoever gets one statement of their own into the service, by an injected string or a raw query, is then that role and reads the rows of every customer.',
  docsUrl: 'https://www.postgresql.org/docs/current/role-membership.html',
  harm: 'leak',
  check: (facts) => {
    const { appRole } = facts
    // A superuser can become every role, and needs to become none.
    if (appRole.superuser) return []
    return [...createsRoles(facts), ...memberships(facts)]
  },
}

function createsRoles({ appRole, catalog }: Facts): Problem[] {
  if (!appRole.createRole || catalog.server.number >= 160_000) return []
  const role = quoteIdentifier(appRole.name)
  return [
    {
      object: role,
      detail:
        'It has CREATEROLE, and before PostgreSQL 16 such a role may make itself a member of each role that is no superuser.',
      fix: `-- As a superuser.\nALTER ROLE ${role} NOCREATEROLE;\n`,
    },
  ]
}

function memberships(facts: Facts): Problem[] {
  const found: Problem[] = []
  for (const { role, way, becomes } of waysOut(facts)) {
    const why = danger(role, becomes, facts)
    if (why === undefined) continue
    const [first] = way
    if (!first || first.grantor === null) continue
    const direct = way.length === 1
    const path = way.map((step) => nameOfRole(step.role, facts)).join(', and through it of ')
    const same = facts.catalog.memberships.filter(
      ({ role: of, member }) => of === first.role && member === first.member,
    )
    found.push({
      object: quoteIdentifier(role.name),
      detail: `The app role is a member of ${path}, which ${why}.`,
      fix: `-- As a superuser, or as whoever may give the role away.\n${same.map((step) => revokeMembership(step, facts)).join('')}`,
      needsPerson: direct
        ? undefined
        : `Decide where to cut: the app role leaves ${nameOfRole(first.role, facts)}, and loses what else it has through it, or ${nameOfRole(first.role, facts)} leaves the role that is too strong.`,
    })
  }
  return found
}

interface WayOut {
  readonly role: Role
  readonly way: readonly Membership[]
  /** By SET ROLE; otherwise the app role has its rights and is not it. */
  readonly becomes: boolean
}

/** Every role that the app role is or can be a member of. What lies behind a role that is too strong is left out. */
function waysOut(facts: Facts): WayOut[] {
  const { appRole, catalog } = facts
  const found = new Map<Oid, WayOut>([[appRole.oid, { role: appRole, way: [], becomes: true }]])
  const queue = [...found.values()]
  // A list is walked to its end, what is added on the way included.
  for (const from of queue) {
    if (from.role !== appRole && danger(from.role, from.becomes, facts) !== undefined) continue
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
function danger(role: Role, becomes: boolean, facts: Facts): string | undefined {
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
