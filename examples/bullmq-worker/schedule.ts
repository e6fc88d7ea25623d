import { forEachTenant, type TenantsSummary } from 'prisma-extension-tenancy/jobs'
import type { Prisma } from '../http-service/db.js'
import type { openReports } from './queue.js'

/** A report every night for every company. Running it again changes nothing: each company has its own schedule. */
export function scheduleNightly(
  prisma: Prisma,
  { reports }: ReturnType<typeof openReports>,
  every: { readonly pattern: string } | { readonly every: number } = { pattern: '0 3 * * *' },
): Promise<TenantsSummary<{ id: string }>> {
  return forEachTenant(
    () => prisma.company.findMany({ select: { id: true } }),
    () => reports.upsertJobScheduler('nightly', every, { data: { title: 'Last night' } }),
  )
}
