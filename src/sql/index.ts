export { type AcrossTenantsAuditOptions, acrossTenantsAudit, dropAcrossTenantsAudit } from './across-audit.js'
export { type BackfillOptions, backfillTenant, backfillValue, type TenantSource } from './backfill.js'
export type { KeyPair } from './columns.js'
export { dropTenantRoles } from './drop-roles.js'
export {
  dropForeignKey,
  type ForeignKeyOptions,
  type ReferentialAction,
  restoreForeignKey,
  type TenantForeignKeyOptions,
  tenantForeignKey,
  tenantForeignKeyOnline,
} from './foreign-key.js'
export { dropIndex, dropTenantIndexes, type NamedIndex, type TenantIndexOptions, tenantIndexes } from './indexes.js'
export { dropKeepTenant, type KeepTenantOptions, keepTenant } from './keep-tenant.js'
export { dropMigratorPolicy, type MigratorPolicyOptions, migratorPolicy } from './migrator-policy.js'
export { type ParentPath, type ParentPolicyOptions, parentPolicy } from './parent-policy.js'
export {
  disableRowLevelSecurity,
  dropTenantPolicy,
  enableRowLevelSecurity,
  type TenantColumnType,
  type TenantPolicyOptions,
  type TenantScopeOptions,
  type TenantSettingOptions,
  tenantPolicy,
} from './policies.js'
export {
  restorePrimaryKey,
  type TenantPrimaryKeyOptions,
  tenantPrimaryKey,
  tenantPrimaryKeyOnline,
} from './primary-key.js'
export { type ProtectTableOptions, protectTable, unprotectTable } from './protect-table.js'
export { quoteIdentifier, quoteLiteral, quoteTable, type TableName } from './quote.js'
export type { TenantRoleNames, TenantRolesOptions } from './role-options.js'
export { tenantRoles } from './roles.js'
export { type SealTenantsOptions, sealTenants, unsealTenants } from './seal.js'
export { type SharedTableOptions, sharedTable, unshareTable } from './shared-table.js'
export {
  allowNoTenant,
  dropTenantColumn,
  dropTenantDefault,
  requireTenant,
  requireTenantOnline,
  type TenantColumnName,
  type TenantColumnOptions,
  tenantColumn,
  tenantDefault,
} from './tenant-column.js'
export {
  dropUnique,
  type RestoreUniqueOptions,
  restoreUnique,
  type TenantUniqueOptions,
  tenantUnique,
  type UniqueName,
} from './unique.js'
