import type { Oid, Relation } from './catalog.js'
import type { Facts, Limit, Partition, ReachedTable, TableFacts, TenantTable } from './facts.js'
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

/** Do policies hold the app role on the table? */
export function isHeld({ rowSecurity, forceRowSecurity, owner }: Relation, { appRole, privileges }: Facts): boolean {
  if (!rowSecurity || appRole.superuser || appRole.bypassRls) return false
  return forceRowSecurity || !privileges.effective.has(owner)
}

/**
 * May the app role write a row at all, by right and by policy? Where it may not, it is refused before a key is asked. What
 * is written to a partitioned table is written to its partitions, whatever their own rights and policies are.
 */
export function mayWriteRows(table: TableFacts, facts: Facts): boolean {
  const { relation, admitted } = table
  const may = (privilege: 'INSERT' | 'UPDATE', ...limits: readonly Limit[]): boolean =>
    facts.privileges.may(privilege, relation) && !(isHeld(relation, facts) && limits.includes('nothing'))
  if (may('INSERT', admitted.insert) || may('UPDATE', admitted.update, admitted.updated)) return true
  return 'root' in table && mayWriteRows((table as Partition).root, facts)
}

/** The tables of tenants are what tenant columns refer to, and everybody's: a tenant table may be one in turn. */
export function tenantsTables({ tenantTables, constraints }: Facts): ReadonlySet<Oid> {
  const referred = tenantTables.flatMap(({ relation, tenantColumn }) =>
    constraints(relation.oid).flatMap(({ references, columns }) =>
      references && columns.length === 1 && columns[0] === tenantColumn.number ? [references.relation] : [],
    ),
  )
  return new Set(referred)
}
