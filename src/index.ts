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
export { type PoolOptions, type PortableOptions, tenancy } from './extension.js'
export { TenantPool, type TenantPoolConfig } from './pool/tenant-pool.js'
export type { SealOptions } from './seal.js'
export type { SealKey } from './seal-key.js'
export type { TenantId, TenantIdType } from './tenant.js'
