import type { ParentPath } from '../sql/parent-policy.js'
import type { Column, Oid, Relation } from './catalog.js'
import type { Facts } from './facts.js'
import { columnsOf, constraintsOf } from './keys.js'
import { tableNameOf } from './names.js'
import { isOwned } from './tables.js'

export interface WaysUp {
  readonly paths: readonly ParentPath[]
  /** The tenant columns at their ends. */
  readonly tenantColumns: readonly Column[]
  /** Every table on the way. */
  readonly tables: readonly Relation[]
}

/** A table's foreign keys to tables with tenants' rows, and from there on up: what `parentPolicy` takes. */
export function waysUp(relation: Relation, facts: Facts, below: readonly Oid[] = []): WaysUp {
  const seen = [...below, relation.oid]
  const ways = constraintsOf(relation.oid, facts).flatMap(({ references, columns, inherited }): WaysUp[] => {
    const parent = references && facts.table(references.relation)
    // To a partitioned table there is one more foreign key for each of its partitions.
    if (!references || !parent || seen.includes(parent.relation.oid)) return []
    if (inherited && parent.relation.isPartition) return []
    const own = columnsOf(relation, columns)
    const referred = columnsOf(parent.relation, references.columns)
    const keys = own.map(({ name }, n) => [name, referred[n]?.name ?? ''] as const)
    const required = own.every(({ notNull }) => notNull)
    const to = { keys, required, table: tableNameOf(parent.relation) }
    if (isOwned(parent)) {
      const { tenantColumn } = parent
      return [
        { paths: [{ ...to, column: tenantColumn.name }], tenantColumns: [tenantColumn], tables: [parent.relation] },
      ]
    }
    const above = waysUp(parent.relation, facts, seen)
    const parents = above.paths.filter((path) => path.required)
    if (parents.length === 0) return []
    return [
      {
        paths: [{ ...to, parents }],
        tenantColumns: above.tenantColumns,
        tables: [parent.relation, ...above.tables],
      },
    ]
  })
  return {
    paths: ways.flatMap(({ paths }) => paths),
    tenantColumns: ways.flatMap(({ tenantColumns }) => tenantColumns),
    tables: ways.flatMap(({ tables }) => tables),
  }
}
