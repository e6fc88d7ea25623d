// Proves on a real PostgreSQL that a graphile-worker job runs in its tenant: plain, in queues, retried, delayed, from cron for
// all, after its worker was killed; that one whose payload was not written for its tenant, queue and name fails at once and
// for good; and that a job added in a transaction comes and goes with its data.
import { randomBytes, randomUUID } from 'node:crypto'
import {
  Logger,
  makeWorkerUtils,
  parseCronItems,
  type Runner,
  type RunnerOptions,
  run,
  type TaskList,
  type WorkerUtils,
} from 'graphile-worker'
import pg from 'pg'
import { currentTenant, tryCurrentTenant, withoutTenant, withTenant } from 'prisma-extension-tenancy'
import { allowAddJob, inTransaction, tenantJobs, tenantTask } from 'prisma-extension-tenancy/graphile-worker'
import { forEachTenant, jobs, tenantPayload } from 'prisma-extension-tenancy/jobs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, rowsSeenBySuperuser, type TenantDatabase } from '../support/database.js'
import { leftOnIdleConnections, modes, openMode } from '../support/modes.js'
import { runSql } from '../support/postgres.js'
import { ROLES } from '../support/template.js'
import { expectRuns, killHolding, runsOf } from './killed-worker.js'
import { nameOfRun } from './stopping-work.js'
import { expectProjectsOf, JOBS_EACH, jobsOfTenants, namesOf, TENANTS, until } from './tenants.js'

const [acme, birch] = TENANTS as [string, string]
const key = (keyId: string) => ({ keyId, key: randomBytes(32) })
const signed = jobs({ signingKeys: [key('k1')], tenantId: 'uuid' })
const SCALE_TIMEOUT = 600_000
// Quiet: a test that wants to know what failed asks the database.
const logger = new Logger(() => () => {})

let db: TenantDatabase
let pool: pg.Pool
let utils: WorkerUtils
let mode: Awaited<ReturnType<typeof openMode>>
const runners: Runner[] = []
beforeAll(async () => {
  db = await createTestDatabase()
  pool = new pg.Pool({ connectionString: db.ownerUrl, max: 20 })
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  utils = await makeWorkerUtils({ pgPool: pool, logger })
  await utils.migrate()
  // Twice: it changes nothing.
  for (let n = 0; n < 2; n++) await runSql(db.ownerUrl, allowAddJob({ role: ROLES.app }))
  mode = await openMode('pool', db.appUrl, { max: 8 })
})
afterEach(async () => {
  for (const runner of runners.splice(0)) await runner.stop()
  expect(tryCurrentTenant()).toBeUndefined()
  expect((await leftOnIdleConnections(mode.pool)).filter((left) => left !== '')).toEqual([])
})
afterAll(async () => {
  await utils?.release()
  await pool?.end()
  await mode?.close()
  await db?.drop()
})

const newTask = () => `t-${randomUUID()}`

async function start(taskList: TaskList, options: RunnerOptions = {}): Promise<Runner> {
  const runner = await run({
    pgPool: pool,
    logger,
    taskList,
    concurrency: 8,
    pollInterval: 100,
    noHandleSignals: true,
    parsedCronItems: [],
    ...options,
  })
  runners.push(runner)
  return runner
}

interface JobRow extends Record<string, unknown> {
  payload: { name: string; owner: string }
  attempts: number
  max_attempts: number
  last_error: string | null
  key: string | null
  locked_by: string | null
}
/** The jobs of a task that are not done. */
const rowsOf = (task: string) =>
  rowsSeenBySuperuser<JobRow>(
    db,
    `SELECT j.* FROM graphile_worker._private_jobs j JOIN graphile_worker._private_tasks t ON t.id = task_id
     WHERE identifier = $1 ORDER BY j.id`,
    [task],
  )
const done = (task: string, seconds = 60) =>
  until(`every ${task} done`, async () => (await rowsOf(task)).length === 0, seconds)

type Work = { name: string; owner: string }

test(
  `${JOBS_EACH * 50} jobs of 50 tenants, added one by one and in bulk, some in queues, half of them retried: each ran in its tenant, once`,
  async () => {
    const owners = jobsOfTenants(JOBS_EACH)
    const task = newTask()
    const tenants = tenantJobs(utils, { jobs: signed })
    let foreign = 0
    const work = tenantTask<Work>(
      async ({ name, owner }, { job }) => {
        if (currentTenant() !== owner) foreign += 1
        if (name.endsWith('again') && job.attempts === 1) throw new Error('once more')
        await mode.prisma.project.create({ data: { name: `graphile-${name}` } })
        if (currentTenant() !== owner) foreign += 1
      },
      { jobs: signed },
    )
    await forEachTenant(
      TENANTS,
      async (owner) => {
        const names = namesOf(owners, owner)
        const half = Math.ceil(names.length / 2)
        for (const [n, name] of names.slice(0, half).entries())
          await tenants.addJob(task, { name, owner }, n % 10 === 0 ? { queueName: `queue-${n % 3}` } : {})
        await tenants.addJobs(names.slice(half).map((name) => ({ identifier: task, payload: { name, owner } })))
      },
      { concurrency: 10 },
    )
    await start({ [task]: work })
    await done(task, 500)
    expect(foreign).toBe(0)
    await expectProjectsOf(db, 'graphile-', owners)
  },
  SCALE_TIMEOUT,
)

test('a delayed job runs in the tenant that added it, and a job key is the tenant’s own', async () => {
  const task = newTask()
  const tenants = tenantJobs(utils, { jobs: signed })
  const seen: string[] = []
  for (const owner of [acme, birch]) {
    await withTenant(owner, async () => {
      await tenants.addJob(task, { name: 'late', owner }, { runAt: new Date(Date.now() + 300) })
      // The second replaces the first, of its own tenant.
      await tenants.addJob(task, { name: 'first', owner }, { jobKey: 'report' })
      await tenants.addJob(task, { name: 'second', owner }, { jobKey: 'report' })
      await tenants.addJobs([{ identifier: task, payload: { name: 'third', owner }, jobKey: 'other' }])
    })
  }
  expect((await rowsOf(task)).map((row) => row.key).filter((found) => found !== null)).toEqual(
    [acme, birch].flatMap((tenant) => [`${tenant}/report`, `${tenant}/other`]),
  )
  const work = ({ name, owner }: Work) => void seen.push(`${name} ${currentTenant() === owner} ${owner}`)
  await start({ [task]: tenantTask<Work>(work, { jobs: signed }) })
  await done(task)
  const expected = ['late', 'second', 'third'].flatMap((name) => [`${name} true ${acme}`, `${name} true ${birch}`])
  expect(seen.sort()).toEqual(expected.sort())
  // graphile-worker's own key is one for all: the second tenant's job takes the first one's place.
  const bare = newTask()
  for (const owner of [acme, birch]) await utils.addJob(bare, { owner }, { jobKey: 'bare' })
  expect(await rowsOf(bare)).toHaveLength(1)
})

test('cron for every tenant: its job runs with none, and adds one for each tenant', async () => {
  const [nightly, report] = [newTask(), newTask()]
  const seen: string[] = []
  const taskList: TaskList = {
    [nightly]: async (_, helpers) => {
      expect(tryCurrentTenant()).toBeUndefined()
      await forEachTenant(TENANTS, () => tenantJobs(helpers).addJob(report, {}))
    },
    [report]: tenantTask(() => void seen.push(currentTenant())),
  }
  // Known since long ago, so that it is due at once.
  await runSql(
    db.ownerUrl,
    `INSERT INTO graphile_worker._private_known_crontabs (identifier, known_since) VALUES ($1, now() - interval '1 hour')`,
    ['nightly'],
  )
  const minute = new Date(Date.now() - 120_000).getMinutes()
  const item = {
    task: nightly,
    identifier: 'nightly',
    match: `${minute} * * * *`,
    options: { backfillPeriod: 600_000 },
  }
  await start(taskList, { parsedCronItems: parseCronItems([item]) })
  await until('a report of each', () => seen.length >= TENANTS.length)
  expect(new Set(seen)).toEqual(new Set(TENANTS))
})

test('nothing is added without a tenant, nor a batch, which has no room for one', async () => {
  const task = newTask()
  const tenants = tenantJobs(utils)
  const calls: (() => Promise<unknown>)[] = [
    () => tenants.addJob(task, {}),
    () => tenants.addJobs([{ identifier: task, payload: {} }]),
  ]
  for (const call of calls) {
    await expect(call()).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
    await expect(withoutTenant(call)).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
  }
  const batch = withTenant(acme, () => tenants.addJob(task, [{}]))
  await expect(batch).rejects.toMatchObject({ code: 'CONFIG.INVALID' })
  expect(await rowsOf(task)).toEqual([])
})

test('a refused job is failed at once, was tried once, says why, and never ran', async () => {
  const task = newTask()
  const write = (target: { queue: string; name: string }, writer = signed) =>
    withTenant(acme, () => writer.tenantPayload({}, target))
  const here = { queue: 'mails', name: task }
  const good = await write(here)
  const attacks: [name: string, data: unknown, why: string][] = [
    ['nothing', {}, 'names no tenant'],
    ['a batch', [good], 'names no tenant'],
    ['an invalid tenant', { tenancy: { tenant: ['x'] } }, 'it is not a string'],
    ['no uuid', { tenancy: { ...good.tenancy, tenant: 'acme' } }, 'it is not a uuid'],
    ['another tenant', { tenancy: { ...good.tenancy, tenant: birch } }, 'not that of this tenant, queue, name'],
    ['another queue', await write({ queue: 'pays', name: task }), 'not that of this tenant, queue, name'],
    ['no queue', await write({ queue: '', name: task }), 'not that of this tenant, queue, name'],
    ['another name', await write({ queue: 'mails', name: 'pay' }), 'not that of this tenant, queue, name'],
    ['a retired key', await write(here, jobs({ signingKeys: [key('k0')] })), 'the key "k0", which is not accepted'],
    ['no signature', await withTenant(acme, () => tenantPayload({})), 'not signed'],
  ]
  for (const [, data] of attacks) await utils.addJob(task, data, { queueName: 'mails', maxAttempts: 10 })
  // Shows that the worker is there, and that what it is handed in order runs.
  await utils.addJob(task, good, { queueName: 'mails', maxAttempts: 10 })
  let ran = 0
  const count = () => {
    ran += 1
  }
  const runner = await start({ [task]: tenantTask(count, { jobs: signed }) })
  let failed = 0
  runner.events.on('job:failed', () => {
    failed += 1
  })
  await until('the good one done', async () => (await rowsOf(task)).length === attacks.length && ran === 1)
  const rows = await rowsOf(task)
  for (const [index, [, , why]] of attacks.entries()) {
    expect(rows[index]).toMatchObject({ attempts: 1, max_attempts: 1, is_available: false, locked_by: null })
    expect(rows[index]?.last_error).toContain(why)
  }
  expect(failed).toBe(attacks.length)
})

test('where a refused job cannot be failed for good, it says so, and never runs all the same', async () => {
  const task = newTask()
  await utils.addJob(task, {}, { maxAttempts: 10 })
  await start({ [task]: tenantTask(() => expect.unreachable(), { schema: 'elsewhere' }) })
  await until('it was tried', async () => (await rowsOf(task))[0]?.last_error !== null)
  const [row] = await rowsOf(task)
  expect(row).toMatchObject({ attempts: 1, max_attempts: 10 })
  expect(row?.last_error).toMatch(/names no tenant.*It will be tried again, and refused again: .*elsewhere/)
  await runSql(db.ownerUrl, 'DELETE FROM graphile_worker._private_jobs')
})

test(
  `${JOBS_EACH * 50} jobs of 50 tenants, their worker killed midway: each ran in its tenant, and twice only what had written when it died`,
  async () => {
    const task = newTask()
    const owners = jobsOfTenants(JOBS_EACH)
    const tenants = tenantJobs(utils, { jobs: signed })
    await forEachTenant(TENANTS, (owner) =>
      tenants.addJobs(namesOf(owners, owner).map((name) => ({ identifier: task, payload: { name, owner } }))),
    )
    const prefix = 'graphile-killed-'
    const ends = Math.floor(owners.size / 3)
    const locked = async () => (await rowsOf(task)).filter(({ locked_by }) => locked_by !== null)
    // graphile-worker takes the next job before the last one is off the table.
    const quiet = () => until('what ended is done', async () => (await locked()).length === 8)
    await killHolding('graphile-worker-process.ts', [db.ownerUrl, task, db.appUrl, prefix, `${ends}`, '8'], quiet)
    const [left, held] = [await rowsOf(task), await locked()]
    expect(held).toHaveLength(8)
    expect(left.length).toBeGreaterThan(held.length)
    expect(left.length).toBeLessThanOrEqual(owners.size - ends)
    const written = new Set((await runsOf(db, prefix)).map(({ name }) => name))
    const writtenAndHeld = held.map(({ payload }) => payload.name).filter((name) => written.has(name))
    expect(writtenAndHeld).toHaveLength(4)

    // graphile-worker leaves a dead worker's jobs locked for four hours, or until it is told.
    await utils.forceUnlockWorkers([...new Set(held.map(({ locked_by }) => String(locked_by)))])
    await start({
      [task]: tenantTask<Work>(
        async ({ name }) => {
          await mode.prisma.project.create({ data: { name: nameOfRun(prefix, name) } })
        },
        { jobs: signed },
      ),
    })
    await done(task, 500)
    await expectRuns(db, prefix, owners, writtenAndHeld)
  },
  SCALE_TIMEOUT,
)

describe.each(modes)('in a transaction of Prisma, in %s mode', (name) => {
  let opened: Awaited<ReturnType<typeof openMode>>
  const task = newTask()
  beforeAll(async () => {
    opened = await openMode(name, db.appUrl)
  })
  afterAll(() => opened.close())
  const projects = () =>
    rowsSeenBySuperuser(db, 'SELECT name, tenant_id AS tenant FROM projects WHERE starts_with(name, $1)', [task])

  test('a rollback leaves neither data nor job, and a commit leaves both', async () => {
    const runAt = new Date(Date.now() + 500)
    const enqueue = (fail: boolean) =>
      withTenant(acme, () =>
        opened.prisma.$transaction(async (tx) => {
          const { id } = await tx.project.create({ data: { name: `${task} ${fail}` } })
          const tenants = tenantJobs(inTransaction(tx), { jobs: signed })
          const job = await tenants.addJob(
            task,
            { id, name: 'plain' },
            { runAt, queueName: 'q', maxAttempts: 3, priority: 2, flags: ['slow', 'big'], jobKey: 'k' },
          )
          expect(job).toMatchObject({
            id: expect.stringMatching(/^\d+$/),
            task_identifier: task,
            payload: { id, name: 'plain', tenancy: { tenant: acme } },
            run_at: runAt,
            max_attempts: 3,
            priority: 2,
            flags: { slow: true, big: true },
            key: `${acme}/k`,
          })
          await tenants.addJobs([{ identifier: task, payload: { id, name: 'bulk' } }])
          await tenants.addJobs([{ identifier: task, payload: { id, name: 'kept' }, jobKey: 'k' }], true)
          if (fail) throw new Error('no')
        }),
      )
    await expect(enqueue(true)).rejects.toThrow('no')
    expect([await projects(), await rowsOf(task)]).toEqual([[], []])
    await enqueue(false)
    expect(await projects()).toEqual([{ name: `${task} false`, tenant: acme }])
    const rows = await rowsOf(task)
    expect(rows.map(({ payload }) => payload.name).sort()).toEqual(['bulk', 'kept'])
    expect(rows.find(({ payload }) => payload.name === 'kept')?.run_at).toEqual(runAt)
    const ran: string[] = []
    const work = (payload: Work) => void ran.push(`${payload.name} ${currentTenant()}`)
    // `kept` has no queue any more, and was signed for none.
    await start({ [task]: tenantTask<Work>(work, { jobs: signed }) })
    await done(task)
    expect(ran.sort()).toEqual(['bulk', 'kept'].map((each) => `${each} ${acme}`))
  })

  test('the role that adds reads no job of anybody, and adds none by another way', async () => {
    await utils.addJob(newTask(), {}, { runAt: new Date(Date.now() + 3_600_000) })
    for (const sql of [
      'SELECT * FROM graphile_worker._private_jobs',
      'SELECT * FROM graphile_worker.jobs',
      "SELECT graphile_worker.add_job('x')",
      'DELETE FROM graphile_worker._private_jobs',
    ]) {
      await expect(runSql(db.appUrl, sql), sql).rejects.toMatchObject({ code: '42501' })
    }
  })
})

test('a schema and a role that could say more than a name are refused', () => {
  for (const schema of ['a$$b', 7, null]) {
    for (const call of [
      () => tenantTask(() => {}, { schema } as never),
      () => allowAddJob({ role: 'r', schema } as never),
    ])
      expect(call).toThrow(expect.objectContaining({ code: 'CONFIG.INVALID' }))
  }
  expect(allowAddJob({ role: 'we"ird', schema: 'Sch"ema' })).toContain('GRANT USAGE ON SCHEMA "Sch""ema" TO "we""ird";')
  expect(() => allowAddJob({ role: 'public' })).toThrow('reserved')
})
