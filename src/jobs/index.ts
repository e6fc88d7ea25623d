export {
  type ForEachTenantOptions,
  forEachTenant,
  type TenantProgress,
  type Tenants,
  type TenantsSummary,
} from './for-each-tenant.js'
export { type JobsOptions, jobs, type QueuedJob, type TenantJobs } from './jobs.js'
export type { TenancyField, TenantPayload } from './payload.js'
export type { JobTarget, SigningKey } from './signing.js'
export { tenantJobKey, tenantOfPayload, tenantPayload, withTenantFromPayload } from './unsigned.js'
