import { jobs, type TenantJobs } from './jobs.js'

const unsigned = jobs()

/** The data with the tenant in scope in its field `tenancy`. See {@link TenantJobs.tenantPayload}. */
export const tenantPayload: TenantJobs['tenantPayload'] = unsigned.tenantPayload
/** Runs `fn` in the scope of the tenant that a job's payload names. See {@link TenantJobs.withTenantFromPayload}. */
export const withTenantFromPayload: TenantJobs['withTenantFromPayload'] = unsigned.withTenantFromPayload
/** The tenant that a payload names, checked. See {@link TenantJobs.tenantOfPayload}. */
export const tenantOfPayload: TenantJobs['tenantOfPayload'] = unsigned.tenantOfPayload
/** A key that no two tenants share. See {@link TenantJobs.tenantJobKey}. */
export const tenantJobKey: TenantJobs['tenantJobKey'] = unsigned.tenantJobKey

/** What the wrappers of the queues take where no `jobs` is given. */
export const defaultJobs: TenantJobs = unsigned
