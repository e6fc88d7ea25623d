// Proves that docs/jobs.md is true to the code: its TypeScript and SQL run as written, in order, and its jobs run.
import { randomBytes, randomUUID } from 'node:crypto'
import { makeWorkerUtils } from 'graphile-worker'
import PgBoss from 'pg-boss'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { until } from './jobs/tenants.js'
import { createTestDatabase, seedTenants, type TenantDatabase } from './support/database.js'
import { blocks, readPage, runModule } from './support/docs.js'
import { runSql } from './support/postgres.js'
import { redisAvailable, startRedis, type TestRedis } from './support/redis.js'
import { ROLES } from './support/template.js'

describe.skipIf(!redisAvailable())(`the page${redisAvailable() ? '' : ' (skipped: no redis-server here)'}`, () => {
  let db: TenantDatabase
  let redis: TestRedis
  beforeAll(async () => {
    db = await createTestDatabase()
    redis = await startRedis()
  })
  afterAll(async () => {
    await redis?.stop()
    await db?.drop()
  })

  test('every snippet runs, one after another, and each job sees its own tenant', async () => {
    const page = await readPage('docs/jobs.md')
    const [{ tenantId }] = await seedTenants(db, [randomUUID(), randomUUID()] as const, { projects: 7 })
    // What a project that has these queues has done already.
    const boss = await new PgBoss(db.ownerUrl).start()
    await boss.stop({ graceful: false })
    const utils = await makeWorkerUtils({ connectionString: db.ownerUrl })
    await utils.migrate()
    await utils.release()
    const grants = blocks(page, 'sql')
    expect(grants).toHaveLength(1)
    for (const sql of grants) await runSql(db.ownerUrl, sql)
    const { allowAddJob } = await import('prisma-extension-tenancy/graphile-worker')
    await runSql(db.ownerUrl, allowAddJob({ role: ROLES.app }))

    const snippets = blocks(page, 'ts')
    expect(snippets.length).toBeGreaterThan(7)
    const module = `import { PrismaPg } from '@prisma/adapter-pg'
import PgBoss from 'pg-boss'
import { currentTenant, TenantPool, tenancy, withTenant } from 'prisma-extension-tenancy'
import { PrismaClient } from '../../generated/test/client.js'
process.env.JOB_SIGNING_KEY = ${JSON.stringify(randomBytes(32).toString('base64'))}
const tenantId = ${JSON.stringify(tenantId)}
const workerUrl = ${JSON.stringify(db.ownerUrl)}
const connection = { host: ${JSON.stringify(redis.host)}, port: ${redis.port}, maxRetriesPerRequest: null }
const pool = new TenantPool({ connectionString: ${JSON.stringify(db.appUrl)} })
const prisma = new PrismaClient({ adapter: new PrismaPg(pool) }).$extends(tenancy({ pool }))
const findTenants = async () => [{ id: tenantId }]
export const sent: string[] = []
const send = (what: unknown, projects: number): void => {
  // Seven, and one more once the transaction further down has made it: whichever comes first.
  const own = projects === 7 || projects === 8 ? 'own' : projects
  if (currentTenant() === tenantId) sent.push(what + ' ' + own)
}
${snippets.join('\n')}
export { summary }
export const close = async () => {
  await Promise.all([worker.close(), runner.stop(), boss.stop({ graceful: false })])
  await queue.close()
  await prisma.$disconnect()
  await pool.end()
}
`
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    type Ran = { sent: string[]; summary: { succeeded: number; failed: unknown[] }; close(): Promise<void> }
    const ran = await runModule<Ran>('jobs', module)
    const wanted = ['ada@example.com own', 'ada@example.com 0', '1 own', 'csv own', '2 own', 'pdf own']
    await until(`${wanted} sent`, () => wanted.every((line) => ran.sent.includes(line)), 20)
    const printed = log.mock.calls.map((call) => call.join(' '))
    log.mockRestore()
    await ran.close()
    expect([...ran.sent].sort()).toEqual([...wanted].sort())
    expect(ran.summary).toEqual({ succeeded: 1, failed: [], aborted: false })
    expect(printed.join('\n')).toContain('SECURITY DEFINER')
    expect(printed).toContain('1 done, 0 failed')
  }, 60_000)
})
