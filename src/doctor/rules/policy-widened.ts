import { quoteIdentifier } from '../../sql/quote.js'
import { nameOfPolicy, nameOfRelation } from '../names.js'
import { policyFaults } from '../policy-faults.js'
import type { Rule } from '../rule.js'

export const policyWidened: Rule = {
  id: 'policy-widened',
  level: 'error',
  title: 'A second policy lets in what the tenant policy keeps out',
  why: 'Permissive policies are joined by OR: a row shows if any of them lets it through. One policy more, for a job or for support, and the tenant policy beside it counts for nothing.',
  docsUrl: 'https://www.postgresql.org/docs/current/sql-createpolicy.html',
  harm: 'leak',
  check: (facts) =>
    policyFaults(facts)
      .filter(({ kind }) => kind === 'widens')
      .map(({ table, faulty, condition }) => ({
        object: nameOfPolicy(faulty.policy, table.relation),
        detail: `It applies to ${quoteIdentifier(facts.appRole.name)} beside the tenant policy, and its condition says nothing of the tenant: ${condition.sql}`,
        fix: `DROP POLICY ${quoteIdentifier(faulty.policy.name)} ON ${nameOfRelation(table.relation)};\n`,
        needsPerson:
          'Whom is it for? For one role alone, write TO that role; to narrow what tenants see, make it AS RESTRICTIVE; for nobody, drop it.',
      })),
}
