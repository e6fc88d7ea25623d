import { derivedName, hashedName } from '../sql/derived-name.js'
import { tenantIndexes } from '../sql/indexes.js'
import { quoteIdentifier, quoteTable } from '../sql/quote.js'
import type { Index, Relation } from './catalog.js'
import type { Facts, TenantTable } from './facts.js'
import { columnNames, freeIndexName, indexesOf } from './keys.js'
import { tableNameOf } from './names.js'

/** Tenant tables of which a tenant's rows cannot be found without reading those of all. */
export function tablesWithoutIndex(facts: Facts): readonly TenantTable[] {
  return facts.tenantTables.filter((table) => !isFound(table, table.relation, facts))
}

/** Does an index lead there, or the partitioning, in the table itself or in each of its partitions? */
function isFound(table: TenantTable, relation: Relation, facts: Facts): boolean {
  const { tenantColumn } = table
  const number = relation.columns.find(({ name }) => name === tenantColumn.name)?.number
  // An invalid one is another rule's: it is there, and has to be built again.
  if (indexesOf(relation.oid, facts).some((index) => leads(index, number))) return true
  const { partitionKey } = relation
  if (partitionKey === null) return false
  if (partitionKey.strategy === 'list' && partitionKey.columns[0] === number) return true
  const parts = facts.partitions.filter((part) => part.relation.parents.includes(relation.oid))
  return parts.length > 0 && parts.every((part) => isFound(table, part.relation, facts))
}

/** A BRIN index knows ranges of pages, and a tenant's rows are all over them. */
function leads({ columns, method, predicate }: Index, tenant: number | undefined): boolean {
  return columns[0] === tenant && predicate === null && method !== 'brin'
}

/** Do its policies ask the function of sealed tenants? */
export function isSealed({ policies }: TenantTable): boolean {
  return policies.some(
    ({ reachesApp, using, check }) =>
      reachesApp && [using, check].some((each) => each?.sources.some(({ by }) => by === 'seal')),
  )
}

/** SQL of an index that leads to a tenant's rows, in the order of the primary key. */
export function tenantIndex({ relation, tenantColumn }: TenantTable, facts: Facts): string {
  const primary = indexesOf(relation.oid, facts).find((index) => index.primary)
  const following = columnNames(relation, primary?.columns ?? []).filter((name) => name !== tenantColumn.name)
  const parts = [relation.name, tenantColumn.name, ...following]
  const name = freeIndexName([derivedName(parts, 'idx'), hashedName(parts, 'idx')], relation.schema, facts)
  const table = tableNameOf(relation)
  const { name: column } = tenantColumn
  return following.length > 0
    ? tenantIndexes(table, { column, indexes: [{ columns: following, name }] })
    : `CREATE INDEX IF NOT EXISTS ${quoteIdentifier(name)} ON ${quoteTable(table)} (${quoteIdentifier(column)});\n`
}
