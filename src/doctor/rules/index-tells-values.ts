import { quoteIdentifier, quoteTable } from '../../sql/quote.js'
import type { Index } from '../catalog.js'
import type { Facts, TableFacts } from '../facts.js'
import { originOf } from '../guessable.js'
import { columnsOf, indexesOf } from '../keys.js'
import { tableNameOf } from '../names.js'
import type { Rule } from '../rule.js'
import { allTables, isOwned } from '../tables.js'

export const indexTellsValues: Rule = {
  id: 'index-tells-values',
  level: 'info',
  title: 'Counts tell values of other tenants where an index does not begin with the tenant',
  why: "PostgreSQL asks an index before it asks the policy, where the operator is LEAKPROOF: comparisons of numbers, texts and dates are. The other customers' rows are filtered out afterwards, but they are counted: in the 'Rows Removed by Filter' of EXPLAIN ANALYZE and in statistics such as pg_stat_xact_user_tables; and the plan that EXPLAIN chooses depends on them. A caller that may send its own SQL finds the largest salary of another customer with some twenty such counts, sealed or not.",
  docsUrl: 'https://www.postgresql.org/docs/current/rules-privileges.html',
  harm: 'leak',
  check: (facts) => {
    const told = allTables(facts)
      .filter(({ relation, policies }) => relation.rowSecurity && policies.some(({ reachesApp }) => reachesApp))
      .flatMap((table) => columnsTold(table, facts).map((name) => `${quoteTable(tableNameOf(table.relation))}.${name}`))
    if (told.length === 0) return []
    return [
      {
        object: `DATABASE ${quoteIdentifier(facts.catalog.database.name)}`,
        detail: `Values of ${told.join(', ')} can be found out by counting.`,
        needsPerson:
          'Begin those indexes with the tenant where values are secret, and let no service send EXPLAIN: refuseExplain of TenantPool. The SQL of tenantRoles, run as a superuser (tenancy roles --apply --url …), takes the statistics from all but pg_monitor.',
      },
    ]
  },
}

/** The columns that an index of all tenants searches by. Generated ids tell nothing but that they exist. */
function columnsTold(table: TableFacts, facts: Facts): readonly string[] {
  const { relation } = table
  const tenant = isOwned(table) ? table.tenantColumn.number : undefined
  const numbers = indexesOf(relation.oid, facts)
    .filter(({ columns, valid }) => valid && columns[0] !== tenant)
    .flatMap((index) => index.columns.filter((_, n) => isSearched(index, n, facts)))
    .filter((number) => number !== tenant && originOf(relation, number, facts).origin === 'chosen')
  return columnsOf(
    relation,
    [...new Set(numbers)].sort((a, b) => a - b),
  ).map(({ name }) => quoteIdentifier(name))
}

function isSearched(index: Index, n: number, facts: Facts): boolean {
  const used = facts.catalog.operatorClasses.find(({ oid }) => oid === index.operatorClasses[n])
  return used?.operators.some(({ leakproof }) => leakproof) ?? false
}
