import { quoteIdentifier } from '../../sql/quote.js'
import type { Grant, Relation } from '../catalog.js'
import type { Facts } from '../facts.js'
import { nameOfRelation } from '../names.js'
import { revokeGrants, revokeOnRelation } from '../revoke.js'
import type { Problem, Rule } from '../rule.js'
import { mayUseRows, rowPrivileges } from '../tables.js'

export const foreignTable: Rule = {
  id: 'foreign-table',
  level: 'error',
  title: 'A foreign table holds the rows of every tenant',
  why: 'A foreign table has no row-level security: PostgreSQL refuses to turn it on. What it shows is up to the other server, which sees one login for all customers and knows nothing of the tenant in scope, so each customer can be shown the rows of all.',
  docsUrl: 'https://www.postgresql.org/docs/current/ddl-foreign-data.html',
  harm: 'leak',
  check: (facts) =>
    facts.catalog.relations
      .filter((relation) => isTenants(relation, facts) && mayUseRows(relation, facts))
      .map((relation) => problem(relation, facts)),
}

function isTenants(relation: Relation, { isChecked, isShared, options }: Facts): boolean {
  const { kind, schema, columns } = relation
  if (kind !== 'foreign table' || !isChecked(schema) || isShared(relation)) return false
  return columns.some(({ name }) => name === options.tenantColumn)
}

function problem(relation: Relation, facts: Facts): Problem {
  const { privileges, appRole } = facts
  const root = relation.parents.map(facts.table).find((table) => table !== undefined)
  const part = root ? `; it is a part of ${nameOfRelation(root.relation)}, through which it stays readable` : ''
  const reaching = (acl: readonly Grant[]): readonly Grant[] =>
    rowPrivileges.flatMap((privilege) => privileges.grants(acl, privilege))
  const name = nameOfRelation(relation)
  const onColumns = relation.columns.map(({ name: column, acl }) =>
    revokeGrants(reaching(acl), `TABLE ${name}`, relation.owner, facts, quoteIdentifier(column)),
  )
  const groups = reaching(relation.acl).some(({ grantee }) => grantee !== 0 && grantee !== appRole.oid)
  return {
    object: name,
    detail: `It has the tenant column, and the app role may use it${part}.`,
    fix: revokeOnRelation(reaching(relation.acl), relation, facts) + onColumns.join(''),
    needsPerson:
      root && !groups
        ? undefined
        : 'Who else reads it by these grants? What the service needs of it, it should get from a view of yours that asks for the tenant.',
  }
}
