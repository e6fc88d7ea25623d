// Proves that a service whose backends are killed and cancelled at random loses no connection, lets nobody wait for ever and
// answers each tenant with its own rows as they were written: five tenants, at most three connections, pool mode with plain
// pg beside Prisma, and portable mode. Six seconds; ten minutes with TENANCY_SCALE=full. TENANCY_SEED runs one again.
import { randomInt, randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { expect, test } from 'vitest'
import { expectWhole, takingUncaught, within } from '../connections/whole.js'
import { createTestDatabase, rowsSeenBySuperuser, seedTenants } from '../support/database.js'
import { modes, openMode } from '../support/modes.js'
import { scaled } from '../support/scale.js'
import { ROLES } from '../support/template.js'
import { type Actor, plainActors, prismaActors } from './actors.js'
import { OwnRow, seeded } from './oracle.js'

const DURATION = scaled(600_000)
const SEED = Number(process.env.TENANCY_SEED ?? randomInt(2 ** 31))
const ACTORS = 8
const TENANTS = 5
/** Far more than anything takes here: who waits so long waits for ever. */
const FOREVER = 60_000

test.each(modes)(
  `in %s mode, seed ${SEED}`,
  async (mode) => {
    const db = await createTestDatabase()
    const tenants = await seedTenants(
      db,
      Array.from({ length: TENANTS }, () => randomUUID()),
      { projects: ACTORS, tasks: 0 },
    )
    const opened = await openMode(mode, db.appUrl, { max: 3 })
    // As README has it: the error of an idle connection is an event of its pool.
    opened.pool.on('error', () => {})
    const admin = new pg.Client({ connectionString: db.adminUrl })
    await admin.connect()
    const backends = async (condition = 'true', select = 'pid') => {
      const sql = `SELECT ${select} FROM pg_stat_activity
        WHERE datname = current_database() AND usename = '${ROLES.app}' AND (${condition}) ORDER BY pid`
      return (await admin.query(sql)).rows
    }

    const ends = Date.now() + DURATION
    const counts: Record<string, number> = {}
    const rows: { row: OwnRow; tenantId: string }[] = []
    let value = 0

    const act = async (index: number): Promise<void> => {
      const random = seeded(SEED + index)
      // Each actor has one row of every tenant for its own.
      const roles = tenants.map(({ tenantId, projectIds }): Actor => {
        const row = new OwnRow(projectIds[index] as string, 0)
        rows.push({ row, tenantId })
        return { tenantId, projectIds, row, random, next: () => ++value }
      })
      const works = Object.entries({
        ...prismaActors(opened.prisma),
        ...(mode === 'pool' && index % 2 === 0 ? plainActors(opened.pool) : {}),
      })
      while (Date.now() < ends) {
        const actor = roles[Math.floor(random() * TENANTS)] as Actor
        const [name, work] = works[Math.floor(random() * works.length)] as (typeof works)[number]
        await within(work(actor), name, FOREVER)
        counts[name] = (counts[name] ?? 0) + 1
      }
      // In the calm afterwards: a blow would end the wait of who waits for ever.
      for (const [name, work] of works)
        for (const actor of roles) await within(work(actor), `${name}, in the calm`, FOREVER)
    }
    const strike = async (): Promise<void> => {
      const random = seeded(SEED - 1)
      while (Date.now() < ends) {
        await wait(random() * 60)
        const how = random() < 0.4 ? 'pg_terminate_backend' : 'pg_cancel_backend'
        const struck = await backends()
        const { pid } = struck[Math.floor(random() * struck.length)] ?? {}
        if (pid === undefined) continue
        await admin.query(`SELECT ${how}($1)`, [pid])
        counts[how] = (counts[how] ?? 0) + 1
      }
    }

    const uncaught = await takingUncaught(async () => {
      await Promise.all([strike(), ...Array.from({ length: ACTORS }, (_, index) => act(index))])

      const { pool } = opened
      expect(pool.waitingCount).toBe(0)
      // Those whose end nobody has heard of yet: an error of the server is on its way.
      await expect.poll(() => pool.totalCount - pool.idleCount, { timeout: 5000 }).toBe(0)
      await expect.poll(() => backends("state LIKE 'idle in transaction%'"), { timeout: 5000 }).toEqual([])
      const known = () =>
        (pool as unknown as { _clients: { processID: number }[] })._clients.map(({ processID }) => processID)
      await expect
        .poll(async () => (await backends()).filter(({ pid }) => !known().includes(pid)), { timeout: 5000 })
        .toEqual([])
      const budgets = await rowsSeenBySuperuser(db, 'SELECT id, tenant_id, budget FROM projects')
      expect(budgets).toHaveLength(ACTORS * TENANTS)
      for (const { id, tenant_id, budget } of budgets) {
        const own = rows.find(({ row }) => row.id === id)
        expect(own?.tenantId).toBe(tenant_id)
        own?.row.check(budget)
      }
      const seen = async () => [...new Set((await opened.prisma.project.findMany()).map(({ tenantId }) => tenantId))]
      const [a, b] = tenants as unknown as [{ tenantId: string }, { tenantId: string }]
      await expectWhole(pool, { a, b }, seen)
      expect(await backends("state LIKE 'idle in transaction%'")).toEqual([])
      await opened.base.$disconnect()
    })
    expect(uncaught).toEqual([])
    // Each kind of work was done, and interrupted.
    expect(counts.pg_terminate_backend).toBeGreaterThan(0)
    expect(counts.pg_cancel_backend).toBeGreaterThan(0)
    await admin.end()
    await db.drop()
  },
  DURATION + 3 * FOREVER,
)
