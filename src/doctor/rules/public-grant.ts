import { quoteIdentifier } from '../../sql/quote.js'
import type { Grant } from '../catalog.js'
import type { Facts, TableFacts } from '../facts.js'
import { nameOfRelation } from '../names.js'
import { revokeGrants, revokeOnRelation } from '../revoke.js'
import type { Problem, Rule } from '../rule.js'
import { allTables } from '../tables.js'

const everybody = 0
const rows = ['SELECT', 'INSERT', 'UPDATE', 'DELETE']

export const publicGrant: Rule = {
  id: 'public-grant',
  level: 'warning',
  title: 'Everybody who can log in may use a tenant table',
  why: 'A right of PUBLIC is a right of each role of the server, today and later: of the reporting tool, of another team, of a role that has BYPASSRLS for a good reason elsewhere and was never meant to read your customers. Whether they see rows then hangs on the policies alone.',
  docsUrl: 'https://www.postgresql.org/docs/current/ddl-priv.html',
  harm: 'other',
  unprovable:
    'The app role gets nothing by it that it has not by its own grants; who does, is a role that may not exist yet.',
  check: (facts) => allTables(facts).flatMap((table) => problem(table, facts)),
}

function problem({ relation }: TableFacts, facts: Facts): Problem[] {
  const ofPublic = (acl: readonly Grant[]): Grant[] =>
    acl.filter(({ grantee, privilege }) => grantee === everybody && rows.includes(privilege))
  const whole = ofPublic(relation.acl)
  const columns = relation.columns.flatMap((column) => {
    const grants = ofPublic(column.acl)
    return grants.length === 0 ? [] : [{ name: quoteIdentifier(column.name), grants }]
  })
  const granted = new Set([...whole, ...columns.flatMap(({ grants }) => grants)].map(({ privilege }) => privilege))
  if (granted.size === 0) return []
  const name = nameOfRelation(relation)
  const role = quoteIdentifier(facts.appRole.name)
  const keep = (acl: readonly Grant[], from: readonly Grant[], column?: string): string => {
    const own = rows.filter(
      (privilege) =>
        from.some((grant) => grant.privilege === privilege) &&
        !facts.privileges.grants(relation.acl, privilege).some(({ grantee }) => grantee !== everybody) &&
        !facts.privileges.grants(acl, privilege).some(({ grantee }) => grantee !== everybody),
    )
    if (own.length === 0) return ''
    const list = own.map((privilege) => (column === undefined ? privilege : `${privilege} (${column})`)).join(', ')
    return `GRANT ${list} ON TABLE ${name} TO ${role};\n`
  }
  const kept =
    keep(relation.acl, whole) +
    relation.columns.map((column) => keep(column.acl, ofPublic(column.acl), quoteIdentifier(column.name))).join('')
  return [
    {
      object: name,
      detail: `${rows.filter((privilege) => granted.has(privilege)).join(', ')} ${granted.size === 1 ? 'is' : 'are'} granted to PUBLIC.`,
      // First the grant: between the two the service would be refused.
      fix:
        kept +
        revokeOnRelation(whole, relation, facts) +
        columns
          .map((column) => revokeGrants(column.grants, `TABLE ${name}`, relation.owner, facts, column.name))
          .join(''),
    },
  ]
}
