import type { Prisma } from './db.js'

export interface Report {
  readonly projects: number
  readonly tasks: number
  readonly open: number
  readonly hours: number
  readonly members: number
}

/** GET /report. Raw SQL, and nothing in it names a tenant: the policies do. */
export async function report(prisma: Prisma): Promise<Report> {
  const [totals] = await prisma.$queryRaw<[Report]>`
    SELECT (SELECT count(*)::int FROM projects) AS projects,
           (SELECT count(*)::int FROM members) AS members,
           count(*)::int AS tasks,
           count(*) FILTER (WHERE NOT done)::int AS open,
           coalesce(sum(hours), 0)::int AS hours
    FROM tasks`
  return totals
}
