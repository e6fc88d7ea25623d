// Two tenants and what must be true after any fault: no connection carries a tenant, each tenant gets its own rows, the
// database is as it was, and nothing was thrown where nobody could catch it.
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { expect } from 'vitest'
import { withTenant } from '../../src/context.js'
import { createTestDatabase, type SeededTenant, seedTenants } from '../support/database.js'
import { leftOnIdleConnections, type openMode } from '../support/modes.js'
import { ROLES } from '../support/template.js'

export type Opened = Awaited<ReturnType<typeof openMode>>

/** Fits into no test's time: a statement that is under way until something ends it. */
export const FOREVER = 'SELECT 1 AS one FROM pg_sleep(600)'

const uncaught: unknown[] = []
process.on('uncaughtException', (error) => uncaught.push(error))
process.on('unhandledRejection', (error) => uncaught.push(error))

export type FaultScene = Awaited<ReturnType<typeof openScene>>

export async function openScene() {
  const db = await createTestDatabase()
  const [a, b] = await seedTenants(db, [randomUUID(), randomUUID()])
  // A superuser's, kept open: a test looks many times.
  const admin = new pg.Client({ connectionString: db.adminUrl })
  await admin.connect()
  const rows = async () => ({
    projects: (await admin.query('SELECT * FROM projects ORDER BY id')).rows,
    tasks: (await admin.query('SELECT * FROM tasks ORDER BY id')).rows,
  })
  const before = await rows()
  /** The service's backends for which the condition holds, or what `select` makes of them. */
  const backends = async (condition: string, select = 'pid') => {
    const sql = `SELECT ${select} FROM pg_stat_activity
      WHERE datname = current_database() AND usename = '${ROLES.app}' AND (${condition})`
    return (await admin.query(sql)).rows
  }
  /** Ends every backend of the service's that its pool does not know: what a cut line left running. */
  async function endLost(pool: pg.Pool): Promise<void> {
    const known = (pool as unknown as { _clients: { processID: number | null }[] })._clients.flatMap(
      ({ processID }) => processID ?? [],
    )
    const lost = known.length === 0 ? 'true' : `pid NOT IN (${known})`
    await backends(lost, 'pg_terminate_backend(pid)')
    await expect.poll(() => backends(lost), { interval: 5 }).toEqual([])
  }

  return {
    db,
    a,
    b,
    inA: <T>(fn: () => T | PromiseLike<T>) => withTenant(a.tenantId, fn),
    signal: (how: 'pg_terminate_backend' | 'pg_cancel_backend') => backends('true', `${how}(pid)`),
    /** Resolves when a statement of the service's is at work in `pg_sleep`, or waits for a lock. */
    async underWay(what: 'PgSleep' | 'Lock' = 'PgSleep'): Promise<void> {
      await expect
        .poll(() => backends(`'${what}' IN (wait_event, wait_event_type)`), { interval: 10, timeout: 10_000 })
        .not.toEqual([])
    },
    endLost,
    async expectUnharmed({ prisma, pool }: Opened): Promise<void> {
      expect(await leftOnIdleConnections(pool)).not.toContainEqual(expect.stringMatching(/./))
      // Every connection of the pool answers, each tenant by turns.
      for (const tenant of [b, a]) {
        const seen = Array.from({ length: pool.options.max }, () => withTenant(tenant.tenantId, () => ids(prisma)))
        for (const answer of await Promise.all(seen)) expect(answer).toEqual(idsOf(tenant))
      }
      expect(await leftOnIdleConnections(pool)).not.toContainEqual(expect.stringMatching(/./))
      expect({ waiting: pool.waitingCount, idle: pool.idleCount }).toEqual({ waiting: 0, idle: pool.totalCount })
      await endLost(pool)
      expect(await backends("state <> 'idle'")).toEqual([])
      expect(await rows()).toEqual(before)
      await expectNothingUncaught()
    },
    rows,
    async close(): Promise<void> {
      await admin.end()
      await db.drop()
    },
  }
}

/** What Node reports late is reported after the tasks that are queued now. */
export async function expectNothingUncaught(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  expect(uncaught).toEqual([])
}

/** The ids that a tenant sees. */
export async function ids(prisma: Opened['prisma']): Promise<{ projects: string[]; tasks: string[] }> {
  const [projects, tasks] = await Promise.all([prisma.project.findMany(), prisma.task.findMany()])
  return { projects: projects.map(({ id }) => id).sort(), tasks: tasks.map(({ id }) => id).sort() }
}

/** The ids that a tenant has. */
export function idsOf({ projectIds, taskIds }: SeededTenant): { projects: string[]; tasks: string[] } {
  return { projects: [...projectIds].sort(), tasks: [...taskIds].sort() }
}
