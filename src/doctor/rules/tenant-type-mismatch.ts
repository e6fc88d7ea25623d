import { limitPolicy } from '../fix-policy.js'
import { nameOfPolicy } from '../names.js'
import { wrappedPolicies } from '../policy-faults.js'
import type { Rule } from '../rule.js'
import { isOwned } from '../tables.js'

export const tenantTypeMismatch: Rule = {
  id: 'tenant-type-mismatch',
  level: 'warning',
  title: 'A policy compares the tenant column with a value of another type',
  why: 'Where two types differ, PostgreSQL casts one side, and if that is the column, no index on it is of use: every query reads the rows of all customers.',
  docsUrl: 'https://www.postgresql.org/docs/current/typeconv-oper.html',
  harm: 'speed',
  check: (facts) =>
    wrappedPolicies(facts, 'by PostgreSQL').map(({ table, faulty, condition }) => ({
      object: nameOfPolicy(faulty.policy, table.relation),
      detail: `The column is of type ${isOwned(table) ? table.tenantColumn.type : '?'}, and PostgreSQL casts it to compare: ${condition.sql}`,
      ...limitPolicy(faulty, table, facts),
    })),
}
