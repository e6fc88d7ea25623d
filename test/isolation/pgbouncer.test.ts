// Proves that two tenants who share one server connection through PgBouncer in transaction mode never see each other's
// rows: 10,000 interleaved queries and transactions, in both modes together, and no wrong row.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withoutTenant, withTenant } from '../../src/context.js'
import { createTestDatabase, rowsSeenBySuperuser, seedTenants, type TenantDatabase } from '../support/database.js'
import { leftOnIdleConnections, type Mode, openMode, type TenantPrisma } from '../support/modes.js'
import { type PgBouncer, pgbouncerAvailable, startPgBouncer } from '../support/pgbouncer.js'
import { startPostgres } from '../support/postgres.js'
import { ROLES } from '../support/template.js'

// Not scaled: 10,000 is the promise. Portable mode takes four flights for what pool mode does in one.
const QUERIES_AND_TRANSACTIONS: Record<Mode, number> = { pool: 7000, portable: 3000 }
const CALLERS = 8

interface Tenant {
  readonly tenantId: string
  readonly projectIds: readonly string[]
}

class RolledBack extends Error {}

describe.skipIf(!pgbouncerAvailable())(
  'through PgBouncer with one server connection (skipped where it is not installed)',
  () => {
    let db: TenantDatabase
    let pooler: PgBouncer
    let tenants: readonly [Tenant, Tenant]
    beforeAll(async () => {
      db = await createTestDatabase()
      tenants = await seedTenants(db, [randomUUID(), randomUUID()] as const)
      const users = [{ name: ROLES.app, password: ROLES.app }]
      pooler = await startPgBouncer({ server: await startPostgres(), database: db.name, users })
    })
    afterAll(async () => {
      await pooler?.stop()
      await db.drop()
    })

    test.each(['pool', 'portable'] as const)('no row is wrong in %s mode', { timeout: 120_000 }, async (mode) => {
      const { prisma, pool, close } = await openMode(mode, pooler.url(ROLES.app), { max: CALLERS })
      const wrong: unknown[] = []
      let done = 0
      const caller = async (first: number): Promise<void> => {
        for (let turn = first; done < QUERIES_AND_TRANSACTIONS[mode]; turn++) {
          const own = tenants[turn % 2] as Tenant
          const other = tenants[(turn + 1) % 2] as Tenant
          const [count, operation] = operations[Math.floor(Math.random() * operations.length)] as (typeof operations)[0]
          done += count
          const seen = await operation(prisma, own, other).catch((error: unknown) => [error])
          wrong.push(...seen.filter((tenant) => tenant !== own.tenantId))
        }
      }
      await Promise.all(Array.from({ length: CALLERS }, (_, i) => caller(i)))
      expect(wrong).toEqual([])
      expect(done).toBeGreaterThanOrEqual(QUERIES_AND_TRANSACTIONS[mode])
      expect((await leftOnIdleConnections(pool)).join('')).toBe('')
      await close()
    })

    test('every project is as it was written by its own tenant, and what was rolled back is gone', async () => {
      const rows = await rowsSeenBySuperuser(
        db,
        "SELECT count(*)::int AS n FROM projects WHERE name LIKE 'rolled back%'",
      )
      expect(rows).toEqual([{ n: 0 }])
      const budgets = await rowsSeenBySuperuser<{ tenant_id: string; sum: number }>(
        db,
        'SELECT tenant_id, sum(budget)::int AS sum FROM projects GROUP BY tenant_id',
      )
      for (const { tenantId } of tenants)
        expect(budgets.find((row) => row.tenant_id === tenantId)?.sum).toBe(increments.get(tenantId))
    })
  },
)

/** The tenants of all rows it saw; anything else it answers is wrong. */
type Operation = (prisma: TenantPrisma, own: Tenant, other: Tenant) => Promise<unknown[]>

const increments = new Map<string, number>()
const tenantsOf = (rows: readonly { tenantId: string }[]) => rows.map((row) => row.tenantId)

/** Each with the number of queries and transactions that it is. */
const operations: readonly (readonly [count: number, operation: Operation])[] = [
  [
    1,
    async (prisma, own) => {
      const rows = await withTenant(own.tenantId, () => prisma.project.findMany())
      return rows.length === own.projectIds.length ? tenantsOf(rows) : [`${rows.length} rows`]
    },
  ],
  [
    2,
    async (prisma, own, other) => {
      const ids = [own.projectIds[0] as string, other.projectIds[0] as string]
      const found = await withTenant(own.tenantId, () =>
        Promise.all(ids.map((id) => prisma.project.findUnique({ where: { id } }))),
      )
      return found[1] === null ? [found[0]?.tenantId] : ['a row of the other tenant']
    },
  ],
  [
    1,
    async (prisma, own) => {
      const rows = await withTenant(
        own.tenantId,
        () => prisma.$queryRaw<{ tenantId: string }[]>`SELECT tenant_id::text AS "tenantId" FROM projects`,
      )
      return rows.length === own.projectIds.length ? tenantsOf(rows) : [`${rows.length} rows`]
    },
  ],
  [
    1,
    async (prisma, own, other) => {
      const { count } = await withTenant(own.tenantId, () =>
        prisma.project.updateMany({ where: { id: { in: [...other.projectIds] } }, data: { name: 'stolen' } }),
      )
      return count === 0 ? [] : ['a write to the other tenant']
    },
  ],
  [
    3,
    (prisma, own) =>
      withTenant(own.tenantId, () =>
        prisma.$transaction(async (tx) => {
          const id = own.projectIds[1] as string
          const row = await tx.project.update({ where: { id }, data: { budget: { increment: 1 } } })
          increments.set(own.tenantId, (increments.get(own.tenantId) ?? 0) + 1)
          return [row.tenantId, ...tenantsOf(await tx.project.findMany())]
        }),
      ),
  ],
  [
    2,
    (prisma, own) =>
      withTenant(own.tenantId, async () => {
        const seen: unknown[] = []
        const rolledBack = prisma.$transaction(async (tx) => {
          seen.push((await tx.project.create({ data: { name: `rolled back ${randomUUID()}` } })).tenantId)
          throw new RolledBack()
        })
        await rolledBack.catch((error: unknown) => error instanceof RolledBack || seen.push(error))
        return seen
      }),
  ],
  [
    3,
    async (prisma, own) => {
      const [rows, count] = await withTenant(own.tenantId, () =>
        prisma.$transaction([prisma.project.findMany(), prisma.task.count()]),
      )
      return count === own.projectIds.length * 2 ? tenantsOf(rows) : [`${count} tasks`]
    },
  ],
  [
    1,
    async (prisma) => {
      const count = await withoutTenant(() => prisma.project.count())
      return count === 0 ? [] : [`${count} rows without a tenant`]
    },
  ],
  [
    1,
    async (prisma, own) => {
      const failed = withTenant(own.tenantId, () => prisma.$queryRaw`SELECT 1 / 0`)
      return failed.then(
        () => ['no error'],
        () => [],
      )
    },
  ],
]
