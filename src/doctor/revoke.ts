import { quoteIdentifier } from '../sql/quote.js'
import type { Grant, Membership, Oid, Relation } from './catalog.js'
import type { Facts } from './facts.js'
import { nameOfRelation } from './names.js'

/** As GRANT and REVOKE name a role; 0 is everybody. */
export function nameOfRole(oid: Oid, { role }: Pick<Facts, 'role'>): string {
  if (oid === 0) return 'PUBLIC'
  const found = role(oid)
  // A role that is gone leaves its number behind.
  return found ? quoteIdentifier(found.name) : quoteIdentifier(String(oid))
}

/** SQL that takes a role out of another. */
export function revokeMembership({ role, member, grantor }: Membership, facts: Pick<Facts, 'role'>): string {
  const by = grantor !== null && facts.role(grantor) ? ` GRANTED BY ${nameOfRole(grantor, facts)}` : ''
  return `REVOKE ${nameOfRole(role, facts)} FROM ${nameOfRole(member, facts)}${by} CASCADE;\n`
}

/** SQL that takes grants on a whole relation back, run as its owner. */
export function revokeOnRelation(grants: readonly Grant[], relation: Relation, facts: Pick<Facts, 'role'>): string {
  return revokeGrants(grants, `TABLE ${nameOfRelation(relation)}`, relation.owner, facts)
}

/** SQL that takes grants on an object back, run as its owner. `object` as REVOKE names it, its kind included. */
export function revokeGrants(
  grants: readonly Grant[],
  object: string,
  owner: Oid,
  facts: Pick<Facts, 'role'>,
  column?: string,
): string {
  const list = (privileges: Iterable<string>): string =>
    [...new Set(privileges)].map((each) => (column === undefined ? each : `${each} (${column})`)).join(', ')
  const own = grants.filter(({ grantor }) => grantor === owner)
  const passedOn = grants.filter(({ grantor }) => grantor !== owner)
  const groups = [...new Set(own.map(({ grantee }) => grantee))].map((grantee) => {
    const privileges = list(own.filter((grant) => grant.grantee === grantee).map(({ privilege }) => privilege))
    return `REVOKE ${privileges} ON ${object} FROM ${nameOfRole(grantee, facts)} CASCADE;\n`
  })
  // A REVOKE takes back what the owner granted, and nothing that somebody else passed on.
  const passers = [...new Set(passedOn.map(({ grantor }) => grantor))].map((grantor) => {
    const privileges = list(passedOn.filter((grant) => grant.grantor === grantor).map(({ privilege }) => privilege))
    return `REVOKE GRANT OPTION FOR ${privileges} ON ${object} FROM ${nameOfRole(grantor, facts)} CASCADE;\n`
  })
  return [...groups, ...passers].join('')
}
