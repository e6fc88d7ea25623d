import { nameOfRelation } from '../names.js'
import type { Rule } from '../rule.js'
import { isSealed, tablesWithoutIndex, tenantIndex } from '../tenant-index.js'

export const tenantIndexMissing: Rule = {
  id: 'tenant-index-missing',
  level: 'warning',
  title: 'No index begins with the tenant column',
  why: 'Every query under the policy asks for one tenant’s rows. Without an index that begins with the tenant, PostgreSQL reads the rows of all customers and throws the others’ away: the smallest customer waits as long as the largest, and longer with each new one.',
  docsUrl: 'https://www.postgresql.org/docs/current/indexes-multicolumn.html',
  harm: 'speed',
  check: (facts) =>
    tablesWithoutIndex(facts)
      .filter((table) => !isSealed(table))
      .map((table) => ({
        object: nameOfRelation(table.relation),
        detail: 'None of its indexes has the tenant column in the first place.',
        fix: tenantIndex(table, facts),
      })),
}
