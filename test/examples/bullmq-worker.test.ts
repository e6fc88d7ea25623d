// The example worker as its users would run it, a process of its own: each company's report counts its own rows, the nightly
// ones too, and a job that somebody wrote into Redis without the key is refused.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { QueueEvents } from 'bullmq'
import pg from 'pg'
import { withTenant } from 'prisma-extension-tenancy'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Sent } from '../../examples/bullmq-worker/queue.js'
import { COMPANIES, seedCompanies } from '../../examples/demo/companies.js'
import { until } from '../jobs/tenants.js'
import { runSql, startPostgres, type TestDatabase } from '../support/postgres.js'
import { redisAvailable, startRedis, type TestRedis } from '../support/redis.js'
import { ROLES } from '../support/template.js'

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const MIGRATIONS = at('examples/http-service/prisma/migrations')

describe.skipIf(!redisAvailable())(`the worker${redisAvailable() ? '' : ' (skipped: no redis-server here)'}`, () => {
  let database: TestDatabase
  let redis: TestRedis
  let worker: ChildProcess
  let example: typeof import('../../examples/bullmq-worker/queue.js')
  let opened: ReturnType<typeof example.openReports>
  let events: QueueEvents
  let printed = ''
  const expected = new Map<string, Omit<Sent, 'title'>>()

  beforeAll(async () => {
    await promisify(execFile)(process.execPath, [at('scripts/generate-example.mjs')])
    const server = await startPostgres()
    database = await server.createDatabase()
    redis = await startRedis()
    await runSql(server.adminUrl, `ALTER DATABASE ${database.name} OWNER TO ${ROLES.owner}`)
    for (const name of (await readdir(MIGRATIONS)).filter((name) => /^\d/.test(name)).sort()) {
      await runSql(
        database.urlFor(ROLES.owner, ROLES.owner),
        await readFile(`${MIGRATIONS}/${name}/migration.sql`, 'utf8'),
      )
    }
    const superuser = new pg.Client({ connectionString: database.adminUrl })
    await superuser.connect()
    await seedCompanies(superuser)
    const { rows } = await superuser.query(`
      SELECT c.id, (SELECT count(*)::int FROM projects p WHERE p.tenant_id = c.id) AS projects,
        (SELECT count(*)::int FROM tasks t WHERE t.tenant_id = c.id AND NOT done) AS "openTasks" FROM companies c`)
    await superuser.end()
    for (const { id, ...counts } of rows) expected.set(id, counts)

    Object.assign(process.env, { REDIS_URL: redis.url, JOB_SIGNING_KEY: randomBytes(32).toString('base64') })
    example = await import('../../examples/bullmq-worker/queue.js')
    opened = example.openReports()
    events = new QueueEvents(example.QUEUE, { connection: example.connection })
    await events.waitUntilReady()
    worker = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), at('examples/bullmq-worker/main.ts')], {
      env: { ...process.env, DATABASE_URL: database.urlFor(ROLES.app, ROLES.app) },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    worker.stdout?.on('data', (chunk) => {
      printed += chunk
    })
    await until('the worker works', () => printed.includes('Working'))
  })
  afterAll(async () => {
    if (worker?.exitCode === null) worker.kill('SIGKILL')
    await events?.close()
    await opened?.close()
    await redis?.stop()
    await database?.drop()
  })

  test('a report counts the rows of its own company', async () => {
    expect(expected.size).toBe(COMPANIES.length)
    expect(new Set([...expected.values()].map((counts) => JSON.stringify(counts))).size).toBeGreaterThan(1)
    const sent = await Promise.all(
      [...expected.keys()].map(async (company) => {
        const job = await withTenant(company, () => opened.reports.add('report', { title: 'Now' }))
        return [company, await job.waitUntilFinished(events)] as const
      }),
    )
    for (const [company, report] of sent) expect(report).toEqual({ title: 'Now', ...expected.get(company) })
  })

  test('every company has its nightly schedule, and what it makes is its own report', async () => {
    expect(printed).toContain(`a nightly report for ${COMPANIES.length} companies`)
    const schedules = await opened.queue.getJobSchedulers()
    expect(schedules.map(({ key, pattern }) => [key, pattern]).sort()).toEqual(
      [...expected.keys()].map((company) => [`${company}/nightly`, '0 3 * * *']).sort(),
    )
    // Three in the morning, now.
    for (const job of await opened.queue.getDelayed()) {
      await job.promote()
      const company = job.opts.repeatJobKey?.split('/')[0] ?? job.repeatJobKey?.split('/')[0] ?? ''
      expect(await job.waitUntilFinished(events)).toEqual({ title: 'Last night', ...expected.get(company) })
    }
  })

  test('a job that was written into Redis without the key is refused', async () => {
    const [company] = [...expected.keys()]
    const forged = { title: 'Mine', tenancy: { tenant: company, signature: `2026-01.${'A'.repeat(43)}` } }
    const job = await opened.queue.add('report', forged, { attempts: 5 })
    await expect(job.waitUntilFinished(events)).rejects.toThrow('The job is refused')
  })

  test('it ends when it is told to', async () => {
    worker.kill('SIGTERM')
    const [code] = await once(worker, 'exit')
    expect(code).toBe(0)
  })
})
