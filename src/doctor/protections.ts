import type { Facts, Partition, ReachedTable, TenantTable } from './facts.js'
import type { TableProtection } from './finding.js'
import { isHeld } from './tables.js'

/** The matrix of tables and protections. */
export function protectionsOf(facts: Facts): TableProtection[] {
  const tables: readonly (TenantTable | Partition | ReachedTable)[] = [
    ...facts.tenantTables,
    ...facts.partitions,
    ...facts.reachedTables,
  ]
  return tables.map((table) => protectionOf(table, facts))
}

function protectionOf(table: TenantTable | Partition | ReachedTable, facts: Facts): TableProtection {
  const { relation, admitted } = table
  const column = 'tenantColumn' in table ? table.tenantColumn : undefined
  const held = isHeld(relation, facts)
  const safe = (limit: string): boolean => limit === 'tenant' || limit === 'nothing'
  const indexes = facts.indexes(relation.oid)
  const keys = facts.constraints(relation.oid).filter(({ references }) => references !== null)
  const toTenants = keys.filter((key) => facts.table(key.references?.relation ?? 0))
  const containsTenant = (columns: readonly number[]): boolean =>
    column !== undefined && columns.includes(column.number)
  const uniques = indexes.filter(({ unique, primary }) => unique && !primary)
  return {
    schema: relation.schema,
    table: relation.name,
    rowLevelSecurity: relation.rowSecurity,
    forced: relation.forceRowSecurity,
    reads: held && safe(admitted.select),
    writes: held && [admitted.insert, admitted.update, admitted.updated, admitted.delete].every(safe),
    tenantNotNull: column ? column.notNull : null,
    tenantIndex: column ? indexes.some(({ valid, columns }) => valid && columns[0] === column.number) : null,
    foreignKeys: column && toTenants.length > 0 ? toTenants.every(({ columns }) => containsTenant(columns)) : null,
    uniques: column && uniques.length > 0 ? uniques.every(({ columns }) => containsTenant(columns)) : null,
    grants: !(['TRUNCATE', 'REFERENCES', 'TRIGGER'] as const).some((right) => facts.privileges.may(right, relation)),
  }
}
