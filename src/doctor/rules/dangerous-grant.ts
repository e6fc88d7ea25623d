import { quoteIdentifier } from '../../sql/quote.js'
import type { Grant, Oid } from '../catalog.js'
import type { Facts, TableFacts } from '../facts.js'
import { nameOfRelation } from '../names.js'
import { nameOfRole, revokeGrants, revokeOnRelation } from '../revoke.js'
import type { Problem, Rule } from '../rule.js'
import { allTables } from '../tables.js'
import { blamelessRoles } from '../too-strong.js'

const dangers: Readonly<Record<string, string>> = {
  TRUNCATE: "TRUNCATE empties the table of every tenant's rows",
  TRIGGER: 'TRIGGER lets it hang code on what others write, the migrator included',
  REFERENCES: "REFERENCES lets it ask for and hold fast other tenants' rows by a foreign key",
}

export const dangerousGrant: Rule = {
  id: 'dangerous-grant',
  level: 'error',
  title: 'The app role has rights that policies do not cover',
  why: 'Row-level security covers SELECT, INSERT, UPDATE, DELETE and MERGE, and nothing else. One TRUNCATE that gets into the service deletes the data of all customers at once, and no policy is asked. A service needs none of these rights.',
  docsUrl: 'https://www.postgresql.org/docs/current/ddl-rowsecurity.html',
  harm: 'leak',
  check: (facts) => {
    const blameless = blamelessRoles(facts)
    return allTables(facts).flatMap((table) => problem(table, blameless, facts))
  },
}

function problem({ relation }: TableFacts, blameless: ReadonlySet<Oid>, facts: Facts): Problem[] {
  // What an owner may do is the fault of its being the owner. Rights of a role that the app role has to become first,
  // by one SET ROLE, are its own as well.
  const reaching = (acl: readonly Grant[]): Grant[] =>
    acl.filter(({ privilege, grantee }) => privilege in dangers && grantee !== relation.owner && blameless.has(grantee))
  const whole = reaching(relation.acl)
  const columns = relation.columns.flatMap((column) => {
    const grants = reaching(column.acl)
    return grants.length === 0 ? [] : [{ column, grants }]
  })
  const all = [...whole, ...columns.flatMap(({ grants }) => grants)]
  if (all.length === 0) return []
  const name = nameOfRelation(relation)
  const words = Object.keys(dangers).filter((privilege) => all.some((grant) => grant.privilege === privilege))
  const grantees = [...new Set(all.map(({ grantee }) => grantee))]
  const groups = grantees.filter((grantee) => grantee !== 0 && grantee !== facts.appRole.oid)
  const onColumns = columns.map(({ column, grants }) =>
    revokeGrants(grants, `TABLE ${name}`, relation.owner, facts, quoteIdentifier(column.name)),
  )
  return [
    {
      object: name,
      detail: `${words.join(', ')} granted to ${grantees.map((grantee) => nameOfRole(grantee, facts)).join(', ')}: ${words.map((word) => dangers[word]).join('; ')}.`,
      fix: revokeOnRelation(whole, relation, facts) + onColumns.join(''),
      needsPerson:
        groups.length === 0
          ? undefined
          : `Others may be members of ${groups.map((group) => nameOfRole(group, facts)).join(', ')} and lose the right as well: see that none of them needs it.`,
    },
  ]
}
