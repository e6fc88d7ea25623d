export type { AcrossOptions, AcrossReport } from './across/access.js'
export { type AcrossTenantsOptions, acrossTenants } from './across/across-tenants.js'
export type { BindingOptions } from './binding.js'
export { currentTenant, type Tenant, tryCurrentTenant, withoutTenant, withTenant } from './context.js'
export {
  InvalidTenantIdError,
  isTenancyError,
  NoTenantError,
  PolicyViolationError,
  TenancyError,
  type TenancyErrorCode,
  TenantMismatchError,
  TenantNotFoundError,
} from './errors.js'
export { type AcrossPortableOptions, type PoolOptions, type PortableOptions, tenancy } from './extension.js'
export { tenantKey, tenantLockKey, tenantPath } from './keyed.js'
export type { AcrossPoolConfig } from './pool/across-pool.js'
export { TenantPool, type TenantPoolConfig } from './pool/tenant-pool.js'
export type { SealOptions } from './seal.js'
export type { SealKey } from './seal-key.js'
export type { TenantId, TenantIdType } from './tenant.js'
