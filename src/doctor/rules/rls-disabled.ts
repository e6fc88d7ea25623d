import { protect } from '../fix-policy.js'
import { nameOfRelation } from '../names.js'
import type { Rule } from '../rule.js'
import { mayUseRows } from '../tables.js'

export const rlsDisabled: Rule = {
  id: 'rls-disabled',
  level: 'error',
  title: 'A tenant table has no row-level security',
  why: 'Whoever may read the table reads the rows of every customer: nothing but the WHERE of each query keeps them apart, and the first one that forgets it shows one customer the data of another.',
  docsUrl: 'https://www.postgresql.org/docs/current/ddl-rowsecurity.html',
  harm: 'leak',
  check: (facts) =>
    facts.tenantTables
      .filter(({ relation, policies }) => !relation.rowSecurity && policies.length === 0)
      .map((table) => ({
        object: nameOfRelation(table.relation),
        // Until somebody grants it, nothing leaks.
        level: mayUseRows(table.relation, facts) ? undefined : ('warning' as const),
        detail: `It has the column ${table.tenantColumn.name}, no policy, and row-level security is off.`,
        ...protect(table, facts),
      })),
}
