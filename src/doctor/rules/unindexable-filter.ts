import { quoteIdentifier, quoteIndex } from '../../sql/quote.js'
import type { Column, Index, OperatorClass, Relation } from '../catalog.js'
import type { Facts } from '../facts.js'
import { indexesOf } from '../keys.js'
import { tableNameOf } from '../names.js'
import type { Problem, Rule } from '../rule.js'
import { allTables, isOwned } from '../tables.js'

export const unindexableFilter: Rule = {
  id: 'unindexable-filter',
  level: 'info',
  title: 'An index that filters cannot use under row-level security',
  why: 'Before a policy has spoken, PostgreSQL asks only operators that are marked LEAKPROOF. Those of enums, numeric, json and arrays are not, nor is LIKE: a filter by such a column reads all rows of the tenant, although the index is there. The largest customers notice first. Sorting by the index still works.',
  docsUrl: 'https://www.postgresql.org/docs/current/rules-privileges.html',
  harm: 'speed',
  check: (facts) =>
    allTables(facts)
      .filter(({ relation, policies }) => relation.rowSecurity && policies.some(({ reachesApp }) => reachesApp))
      .flatMap((table) => {
        const tenant = isOwned(table) ? table.tenantColumn.number : undefined
        return indexesOf(table.relation.oid, facts).flatMap((index) => problem(index, tenant, table.relation, facts))
      }),
}

function problem(index: Index, tenant: number | undefined, relation: Relation, facts: Facts): Problem[] {
  // A key's index is there to keep it unique.
  if (index.unique || index.exclusion || index.inherited || !index.valid) return []
  const blind = index.columns.flatMap((number, n) => {
    const column = relation.columns.find((each) => each.number === number)
    const used = facts.catalog.operatorClasses.find(({ oid }) => oid === index.operatorClasses[n])
    return column && used && number !== tenant && isBlind(used) ? [{ column, used }] : []
  })
  const [first] = blind
  if (!first) return []
  return [
    {
      object: quoteIndex(tableNameOf(relation), index.name),
      detail: `No operator of ${blind.map(shown).join(', ')} is LEAKPROOF.`,
      ...advice(blind.map(({ used }) => used)),
    },
  ]
}

/** An index that is only sorted by has no operators to search with. */
function isBlind({ operators }: OperatorClass): boolean {
  return operators.length > 0 && operators.every(({ leakproof }) => !leakproof)
}

function shown({ column, used }: { readonly column: Column; readonly used: OperatorClass }): string {
  return `${quoteIdentifier(column.name)} (${column.type}, ${used.name})`
}

/** Comparisons of these neither fail nor say anything about what they compare. */
const harmless = ['enum_ops', 'numeric_ops']

function advice(used: readonly OperatorClass[]): Pick<Problem, 'fix' | 'needsPerson'> {
  const other =
    'Where tenants have many rows, keep what is filtered by in a column of type text, integer, date or boolean.'
  const functions = new Set(used.flatMap(({ operators }) => operators.map((operator) => operator.function)))
  const own = [...functions].every((name) => name.startsWith('pg_catalog.'))
  if (!own || !used.every(({ name }) => harmless.includes(name))) return { needsPerson: other }
  return {
    fix: [...functions].map((name) => `ALTER FUNCTION ${name} LEAKPROOF;\n`).join(''),
    needsPerson: `${other} Or, if a superuser is yours: the comparisons of this type tell nothing, and may be marked. It holds for this database, until it is dumped and restored or upgraded.`,
  }
}
