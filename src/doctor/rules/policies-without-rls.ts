import { enableRowLevelSecurity } from '../../sql/policies.js'
import { nameOfRelation, tableNameOf } from '../names.js'
import type { Rule } from '../rule.js'

export const policiesWithoutRls: Rule = {
  id: 'policies-without-rls',
  level: 'error',
  title: 'A table has policies, and row-level security is off',
  why: 'A policy does nothing until row-level security is turned on for its table, and PostgreSQL says so nowhere. Whoever reads the migrations believes the table to be protected, and every customer reads the rows of all.',
  docsUrl: 'https://www.postgresql.org/docs/current/ddl-rowsecurity.html',
  harm: 'leak',
  check: ({ catalog, relation, table, isChecked }) => {
    const withPolicies = new Set(catalog.policies.map((policy) => policy.relation))
    return [...withPolicies].flatMap((oid) => {
      const found = relation(oid)
      if (!found || found.rowSecurity || !isChecked(found.schema)) return []
      const names = catalog.policies.filter((policy) => policy.relation === oid).map(({ name }) => name)
      return [
        {
          object: nameOfRelation(found),
          detail: `Nobody is held by ${names.length === 1 ? 'its policy' : 'its policies'} ${names.join(', ')}.`,
          // What no tenant's rows are in may be meant for later.
          level: table(oid) ? undefined : ('warning' as const),
          fix: enableRowLevelSecurity(tableNameOf(found)),
        },
      ]
    })
  },
}
