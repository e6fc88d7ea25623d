import { limitPolicy } from '../fix-policy.js'
import { nameOfPolicy } from '../names.js'
import { wrappedPolicies } from '../policy-faults.js'
import type { Rule } from '../rule.js'

export const tenantColumnWrapped: Rule = {
  id: 'tenant-column-wrapped',
  level: 'warning',
  title: 'A policy casts the tenant column',
  why: 'An index on a column is of no use for a cast of it. Every query reads the rows of all customers and throws most of them away: what takes a fraction of a millisecond for one customer takes longer with each that signs up.',
  docsUrl: 'https://www.postgresql.org/docs/current/indexes-expressional.html',
  harm: 'speed',
  check: (facts) =>
    wrappedPolicies(facts, 'by hand').map(({ table, faulty, condition }) => ({
      object: nameOfPolicy(faulty.policy, table.relation),
      detail: `It compares a cast of the column, not the column: ${condition.sql}`,
      ...limitPolicy(faulty, table, facts),
    })),
}
