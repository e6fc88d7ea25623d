import { quoteIdentifier } from '../../sql/quote.js'
import { limitByParents, protect } from '../fix-policy.js'
import { nameOfRelation } from '../names.js'
import type { Rule } from '../rule.js'
import { allTables, isOwned, mayUseRows } from '../tables.js'

export const noPolicyForAppRole: Rule = {
  id: 'no-policy-for-app-role',
  level: 'warning',
  title: 'No policy lets the app role in',
  why: 'Row-level security without a permissive policy that applies to a role shows it no rows and takes none, without an error. The service works on an empty table, and what a developer does about that at night is seldom a good policy.',
  docsUrl: 'https://www.postgresql.org/docs/current/ddl-rowsecurity.html',
  harm: 'other',
  unprovable: 'No row of another tenant shows. The probe shows that a tenant does not see its own.',
  check: (facts) =>
    allTables(facts)
      .filter(({ relation, policies }) => relation.rowSecurity || policies.length > 0)
      .filter(({ policies }) => !policies.some(({ policy, reachesApp }) => policy.permissive && reachesApp))
      .filter(({ relation }) => mayUseRows(relation, facts))
      .map((table) => {
        const names = table.policies.map(({ policy }) => policy.name)
        const role = quoteIdentifier(facts.appRole.name)
        return {
          object: nameOfRelation(table.relation),
          detail:
            names.length === 0
              ? `${role} is granted the table, row-level security is on, and there is no policy.`
              : `${role} is granted the table, and none of its policies (${names.join(', ')}) is permissive and for that role.`,
          ...(isOwned(table) ? protect(table, facts) : limitByParents('tenant_isolation', table, facts)),
        }
      }),
}
