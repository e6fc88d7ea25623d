import { limitPolicy } from '../fix-policy.js'
import { nameOfPolicy } from '../names.js'
import { policyFaults } from '../policy-faults.js'
import type { Rule } from '../rule.js'

export const policyIgnoresTenant: Rule = {
  id: 'policy-ignores-tenant',
  level: 'error',
  title: 'A policy does not ask for the tenant',
  why: 'Row-level security is on and looks like protection, but the only policy lets rows through whatever the tenant in scope is. Every customer reads the rows of all.',
  docsUrl: 'https://www.postgresql.org/docs/current/sql-createpolicy.html',
  harm: 'leak',
  check: (facts) =>
    policyFaults(facts)
      .filter(({ kind }) => kind === 'ignores')
      .map(({ table, faulty, condition }) => ({
        object: nameOfPolicy(faulty.policy, table.relation),
        detail: `Its condition says nothing of the tenant in scope: ${condition.sql}`,
        ...limitPolicy(faulty, table, facts),
      })),
}
