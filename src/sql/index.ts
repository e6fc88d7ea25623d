export { type TenantIndexOptions, tenantIndexes } from './indexes.js'
export {
  enableRowLevelSecurity,
  type TenantColumnType,
  type TenantPolicyOptions,
  type TenantSettingOptions,
  tenantPolicy,
} from './policies.js'
export { type ProtectTableOptions, protectTable } from './protect-table.js'
export { quoteIdentifier, quoteLiteral, quoteTable, type TableName } from './quote.js'
export { type TenantRolesOptions, tenantRoles } from './roles.js'
