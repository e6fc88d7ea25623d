import type { Relation } from './catalog.js'
import type { Facts, Partition, ReachedTable, TableFacts, TenantTable } from './facts.js'
import type { TablePrivilege } from './privileges.js'
import { mayEnter } from './reach.js'

/** A table whose rows say whose they are: a tenant table, or a partition of one. */
export type OwnedTable = TenantTable | Partition

export function isOwned(table: TableFacts | undefined): table is OwnedTable {
  return table !== undefined && 'tenantColumn' in table
}

/** Everything that holds tenants' rows, in the order of names within each kind. */
export function allTables({ tenantTables, partitions, reachedTables }: Facts): readonly (OwnedTable | ReachedTable)[] {
  return [...tenantTables, ...partitions, ...reachedTables]
}

/** What gets at rows, and what policies cover. */
export const rowPrivileges: readonly TablePrivilege[] = ['SELECT', 'INSERT', 'UPDATE', 'DELETE']

/** May the app role do anything to rows of the table, or find out about them? */
export function mayUseRows(relation: Relation, facts: Facts): boolean {
  return (
    mayEnter(relation.schema, facts) && rowPrivileges.some((privilege) => facts.privileges.may(privilege, relation))
  )
}
