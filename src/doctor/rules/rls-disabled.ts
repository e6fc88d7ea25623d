import { enableRowLevelSecurity } from '../../sql/policies.js'
import { nameOfRelation, tableNameOf } from '../names.js'
import type { Rule } from '../rule.js'

export const rlsDisabled: Rule = {
  id: 'rls-disabled',
  level: 'error',
  title: 'Row-level security is off on a tenant table',
  why: 'Whoever may read the table reads the rows of every customer: nothing but the WHERE of each query keeps them apart, and the first query that forgets it shows one customer the data of another.',
  docsUrl: 'https://www.postgresql.org/docs/current/ddl-rowsecurity.html',
  harm: 'leak',
  check: ({ tenantTables }) =>
    tenantTables
      .filter(({ relation, policies }) => !relation.rowSecurity && policies.length === 0)
      .map(({ relation }) => ({
        object: nameOfRelation(relation),
        detail: 'The table has the tenant column, no policy, and row-level security is off.',
        fix: enableRowLevelSecurity(tableNameOf(relation)),
      })),
}
