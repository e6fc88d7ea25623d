import type { Catalog, Oid, Role } from './catalog.js'
import type { Facts, TableFacts } from './facts.js'
import { privilegesOf } from './privileges.js'

/**
 * Why policies do not hold a role on a table, as in 'it …'; undefined where they do, or where nothing but row-level
 * security being off is to blame.
 */
export function whyUnlimited(oid: Oid, { relation, policies }: TableFacts, facts: Facts): string | undefined {
  const role = facts.role(oid)
  if (!role) return undefined
  if (role.superuser) return 'is a superuser'
  if (role.bypassRls) return 'has BYPASSRLS'
  if (!relation.rowSecurity) return undefined
  const effective = rightsOf(role, facts.catalog)
  if (effective.has(relation.owner) && !relation.forceRowSecurity) {
    return 'owns the table, whose policies are not forced on its owner'
  }
  const reading = policies.filter(
    ({ policy }) =>
      (policy.command === 'ALL' || policy.command === 'SELECT') && policy.roles.some((each) => effective.has(each)),
  )
  const narrowed = reading.some(({ policy, using }) => !policy.permissive && using?.limit !== 'open')
  // What reaches the app role as well is the fault of the policy.
  const open = reading.some(
    ({ policy, using, reachesApp }) => policy.permissive && !reachesApp && using?.limit === 'open',
  )
  return open && !narrowed ? 'has a policy of its own that shows it every row' : undefined
}

const rights = new WeakMap<Role, ReadonlySet<Oid>>()

/** Asked for each table again, and the same for all of them. */
function rightsOf(role: Role, catalog: Catalog): ReadonlySet<Oid> {
  const known = rights.get(role) ?? privilegesOf(role, catalog).effective
  rights.set(role, known)
  return known
}
