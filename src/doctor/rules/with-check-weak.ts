import { limitPolicy } from '../fix-policy.js'
import { nameOfPolicy } from '../names.js'
import { policyFaults } from '../policy-faults.js'
import type { Rule } from '../rule.js'

export const withCheckWeak: Rule = {
  id: 'with-check-weak',
  level: 'error',
  title: 'A policy lets a tenant write rows of others',
  why: 'USING decides which rows are seen, WITH CHECK which may be written. With a weak one a tenant can plant rows in the data of another, or hand its rows over: forged invoices and messages, and unique values that are taken.',
  docsUrl: 'https://www.postgresql.org/docs/current/sql-createpolicy.html',
  harm: 'leak',
  check: (facts) =>
    policyFaults(facts)
      .filter(({ kind }) => kind === 'weak check')
      .map(({ table, faulty, condition }) => ({
        object: nameOfPolicy(faulty.policy, table.relation),
        level: condition.limit === 'open' ? undefined : ('warning' as const),
        detail:
          condition.limit === 'open'
            ? `WITH CHECK takes rows of other tenants: ${condition.sql}`
            : `WITH CHECK takes rows where no tenant is set, or that have none: ${condition.sql}`,
        ...limitPolicy(faulty, table, facts),
      })),
}
