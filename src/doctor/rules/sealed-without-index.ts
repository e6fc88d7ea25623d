import { nameOfRelation } from '../names.js'
import type { Rule } from '../rule.js'
import { isSealed, tablesWithoutIndex, tenantIndex } from '../tenant-index.js'

export const sealedWithoutIndex: Rule = {
  id: 'sealed-without-index',
  level: 'warning',
  title: 'A sealed policy checks the seal for every row',
  why: 'With an index that begins with the tenant, PostgreSQL checks the seal once and goes to the rows. Without one it reads the rows of all customers and checks the seal again for each of them: a query of a table with some hundred thousand rows takes most of a second.',
  docsUrl: 'https://www.postgresql.org/docs/current/xfunc-volatility.html',
  harm: 'speed',
  check: (facts) =>
    tablesWithoutIndex(facts)
      .filter(isSealed)
      .map((table) => ({
        object: nameOfRelation(table.relation),
        detail:
          'Its policy asks tenancy.tenant_id(), and none of its indexes has the tenant column in the first place.',
        fix: tenantIndex(table, facts),
      })),
}
