// Proves on a real PostgreSQL that a pg-boss job runs in its tenant: plain, in batches, retried, delayed, scheduled for all,
// after its worker was killed; that one whose payload was not written for its tenant and queue fails at once and for good;
// and that a job enqueued in a transaction comes and goes with its data.
import { randomBytes, randomUUID } from 'node:crypto'
import PgBoss from 'pg-boss'
import { currentTenant, tryCurrentTenant, withoutTenant, withTenant } from 'prisma-extension-tenancy'
import { forEachTenant, jobs, tenantPayload } from 'prisma-extension-tenancy/jobs'
import { inTransaction, tenantBoss } from 'prisma-extension-tenancy/pg-boss'
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
const QUICK = { pollingIntervalSeconds: 0.5 }

let db: TenantDatabase
let boss: PgBoss
let mode: Awaited<ReturnType<typeof openMode>>
const errors: unknown[] = []
beforeAll(async () => {
  db = await createTestDatabase()
  boss = new PgBoss({
    connectionString: db.ownerUrl,
    max: 4,
    cronMonitorIntervalSeconds: 1,
    cronWorkerIntervalSeconds: 1,
  })
  boss.on('error', (error) => errors.push(error))
  await boss.start()
  await runSql(
    db.ownerUrl,
    `GRANT USAGE ON SCHEMA pgboss TO ${ROLES.app};
     GRANT SELECT ON pgboss.queue TO ${ROLES.app};
     GRANT INSERT, SELECT (id) ON pgboss.job TO ${ROLES.app}`,
  )
  mode = await openMode('pool', db.appUrl, { max: 8 })
})
afterEach(async () => {
  expect(tryCurrentTenant()).toBeUndefined()
  expect((await leftOnIdleConnections(mode.pool)).filter((left) => left !== '')).toEqual([])
  expect(errors).toEqual([])
})
afterAll(async () => {
  await boss?.stop({ graceful: false })
  await mode?.close()
  await db?.drop()
})

async function newQueue(options: Partial<PgBoss.Queue> = {}): Promise<string> {
  const name = `q-${randomUUID()}`
  await boss.createQueue(name, { name, ...options })
  return name
}

interface JobRow extends Record<string, unknown> {
  name: string
  state: string
  retries: number
  data: { name: string; owner: string }
  output: { message?: string; code?: string }
}
const rowsOf = (queue: string) =>
  rowsSeenBySuperuser<JobRow>(
    db,
    'SELECT id, name, state::text, retry_count AS retries, data, output FROM pgboss.job WHERE name = $1 ORDER BY created_on',
    [queue],
  )
async function settled(queue: string, count: number, seconds = 60): Promise<void> {
  const ended = async () => {
    const sql = "SELECT count(*)::int AS n FROM pgboss.job WHERE name = $1 AND state IN ('completed', 'failed')"
    return (await rowsSeenBySuperuser<{ n: number }>(db, sql, [queue]))[0]?.n === count
  }
  await until(`${count} jobs of ${queue} done`, ended, seconds)
}

type Work = { name: string; owner: string }

test(
  `${JOBS_EACH * 50} jobs of 50 tenants, sent one by one and in bulk, run in batches, half of them retried: each ran in its tenant, once`,
  async () => {
    const owners = jobsOfTenants(JOBS_EACH)
    const queue = await newQueue({ retryLimit: 3, retryDelay: 0 })
    const tenants = tenantBoss(boss, { jobs: signed })
    const runs = new Map<string, number>()
    let foreign = 0
    await forEachTenant(
      TENANTS,
      async (owner) => {
        const names = namesOf(owners, owner)
        const half = Math.ceil(names.length / 2)
        for (const name of names.slice(0, half)) await tenants.send(queue, { name, owner })
        await tenants.insert(names.slice(half).map((name) => ({ name: queue, data: { name, owner } })))
      },
      { concurrency: 10 },
    )
    for (let worker = 0; worker < 2; worker++) {
      await tenants.work<Work>(queue, { ...QUICK, batchSize: 100 }, async ({ data: { name, owner } }) => {
        if (currentTenant() !== owner) foreign += 1
        const run = (runs.get(name) ?? 0) + 1
        runs.set(name, run)
        await new Promise(setImmediate)
        if (name.endsWith('again') && run === 1) throw new Error('once more')
        await mode.prisma.project.create({ data: { name: `boss-${name}` } })
        if (currentTenant() !== owner) foreign += 1
      })
    }
    await settled(queue, owners.size, 500)
    const rows = await rowsOf(queue)
    expect(new Set(rows.map(({ state }) => state))).toEqual(new Set(['completed']))
    expect(foreign).toBe(0)
    await expectProjectsOf(db, 'boss-', owners)
    // One job of a batch that fails takes none of the others with it.
    for (const [name, count] of runs) expect([name, count]).toEqual([name, name.endsWith('again') ? 2 : 1])
    await boss.offWork(queue)
  },
  SCALE_TIMEOUT,
)

test('what a handler returns is the output of its own job, whatever its neighbours do', async () => {
  const queue = await newQueue({ retryLimit: 0 })
  const tenants = tenantBoss(boss)
  const names = ['text', 'nothing', 'throws', 'object']
  await withTenant(acme, () => tenants.insert(names.map((name) => ({ name: queue, data: { name } }))))
  await tenants.work<Work>(queue, { ...QUICK, batchSize: 10, includeMetadata: true }, ({ data, retryLimit }) => {
    if (data.name === 'throws') throw new Error('broken')
    return { text: 'x', object: { retryLimit } }[data.name]
  })
  await settled(queue, names.length)
  const outputs = (await rowsOf(queue)).map(({ data, state, output }) => [data.name, state, output])
  expect(outputs).toHaveLength(4)
  expect(outputs).toEqual(
    expect.arrayContaining([
      ['text', 'completed', { value: 'x' }],
      ['nothing', 'completed', null],
      ['throws', 'failed', expect.objectContaining({ message: 'broken' })],
      ['object', 'completed', { retryLimit: 0 }],
    ]),
  )
  await boss.offWork(queue)
})

test('a delayed job, one for later and one that was published run in the tenant that sent them', async () => {
  const queue = await newQueue()
  await boss.subscribe('signed-up', queue)
  const tenants = tenantBoss(boss, { jobs: signed })
  const seen: string[] = []
  await tenants.work<Work>(queue, { ...QUICK, batchSize: 8, signedFor: ['signed-up'] }, ({ data }) => {
    seen.push(`${data.name} ${currentTenant() === data.owner}`)
  })
  for (const owner of [acme, birch]) {
    await withTenant(owner, async () => {
      await tenants.send(queue, { name: 'delayed', owner }, { startAfter: 1 })
      await tenants.send({ name: queue, data: { name: 'request', owner } })
      await tenants.sendAfter(queue, { name: 'after', owner }, {}, 1)
      await tenants.publish('signed-up', { name: 'published', owner })
    })
  }
  await settled(queue, 8)
  const twice = ['delayed', 'request', 'after', 'published'].flatMap((name) => [`${name} true`, `${name} true`])
  expect(seen.sort()).toEqual(twice.sort())
  await boss.offWork(queue)
})

test('a schedule for every tenant: its job runs with none, and sends each tenant one of its own', async () => {
  const [nightly, report] = [await newQueue(), await newQueue()]
  const tenants = tenantBoss(boss)
  const seen: string[] = []
  // One at a time, pg-boss would wait half a second between two of the fifty.
  await tenants.work<object>(report, { ...QUICK, batchSize: 50 }, () => {
    seen.push(currentTenant())
  })
  await boss.work(nightly, QUICK, async () => {
    expect(tryCurrentTenant()).toBeUndefined()
    await forEachTenant(TENANTS, () => tenants.send(report, {}))
  })
  await boss.schedule(nightly, '* * * * *')
  await until('a report of each', () => seen.length >= TENANTS.length)
  expect(new Set(seen)).toEqual(new Set(TENANTS))
  await boss.unschedule(nightly)
  for (const queue of [nightly, report]) await boss.offWork(queue)
}, 100_000)

test('singleton keys are the tenant’s own: one tenant’s job never takes the place of another’s', async () => {
  const short = await newQueue({ policy: 'short' })
  const queue = await newQueue()
  const tenants = tenantBoss(boss)
  for (const owner of [acme, birch]) {
    await withTenant(owner, async () => {
      const data = (name: string) => ({ name, owner })
      for (let n = 0; n < 2; n++) {
        await tenants.send(short, data('short'))
        await tenants.sendThrottled(queue, data('throttled'), {}, 3600)
        await tenants.sendThrottled(queue, data('throttled by key'), {}, 3600, 'key')
        await tenants.send(queue, data('single'), { singletonKey: 'single', singletonHours: 1 })
        await tenants.insert([{ name: queue, data: data('inserted'), singletonKey: 'i', singletonSeconds: 3600 }])
      }
      await tenants.sendDebounced(queue, data('debounced'), {}, 3600, 'd')
    })
  }
  const found = [...(await rowsOf(short)), ...(await rowsOf(queue))].map(({ data }) => `${data.name} ${data.owner}`)
  const names = ['short', 'throttled', 'throttled by key', 'single', 'inserted', 'debounced']
  expect(found.sort()).toEqual(names.flatMap((name) => [`${name} ${acme}`, `${name} ${birch}`]).sort())
  // pg-boss itself keeps the first tenant's and drops the second's.
  const bare = await newQueue({ policy: 'short' })
  for (const owner of [acme, birch]) await boss.send(bare, { name: 'bare', owner })
  expect(await rowsOf(bare)).toHaveLength(1)
})

test('nothing is sent without a tenant', async () => {
  const queue = await newQueue()
  const tenants = tenantBoss(boss)
  const calls: (() => Promise<unknown>)[] = [
    () => tenants.send(queue, {}),
    () => tenants.send({ name: queue }),
    () => tenants.sendAfter(queue, {}, {}, 1),
    () => tenants.sendThrottled(queue, {}, {}, 1),
    () => tenants.sendDebounced(queue, {}, {}, 1),
    () => tenants.insert([{ name: queue }]),
    () => tenants.publish(queue),
  ]
  for (const call of calls) {
    await expect(call()).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
    await expect(withoutTenant(call)).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
  }
  expect(await rowsOf(queue)).toEqual([])
  expect(() => tenantBoss(boss, { schema: 'a; drop' })).toThrow('The schema of pg-boss is "a; drop"')
})

test.each([1, 20])(
  'in batches of %d, a refused job is failed at once, was tried once, says why, and never ran',
  async (batchSize) => {
    const queue = await newQueue({ retryLimit: 10 })
    const write = (target: string, writer = signed) =>
      withTenant(acme, () => writer.tenantPayload({}, { queue: target }))
    const good = await write(queue)
    const attacks: [name: string, data: object, code: string, why: string][] = [
      ['nothing', {}, 'TENANT.REQUIRED', 'names no tenant'],
      ['an invalid tenant', { tenancy: { tenant: ['x'] } }, 'TENANT.INVALID_ID', 'it is not a string'],
      ['no uuid', { tenancy: { ...good.tenancy, tenant: 'acme' } }, 'TENANT.INVALID_ID', 'it is not a uuid'],
      ['another tenant', { tenancy: { ...good.tenancy, tenant: birch } }, 'JOB.REFUSED', 'not that of this tenant'],
      ['another queue', await write('payments'), 'JOB.REFUSED', 'not that of this tenant, queue'],
      ['a retired key', await write(queue, jobs({ signingKeys: [key('k0')] })), 'JOB.REFUSED', 'the key "k0"'],
      ['no signature', await withTenant(acme, () => tenantPayload({})), 'JOB.REFUSED', 'not signed'],
    ]
    for (const [, data] of attacks) await boss.send(queue, data)
    // Shows that the worker is there, and that what it is handed in order runs.
    await boss.send(queue, good)
    let ran = 0
    const tenants = tenantBoss(boss, { jobs: signed })
    await tenants.work(queue, { ...QUICK, batchSize }, () => {
      ran += 1
    })
    await settled(queue, attacks.length + 1)
    const rows = await rowsOf(queue)
    for (const [index, [, , code, why]] of attacks.entries()) {
      expect(rows[index]).toMatchObject({ state: 'failed', retries: 0, output: { code } })
      expect(rows[index]?.output.message).toContain(why)
    }
    expect([ran, rows.at(-1)?.state]).toEqual([1, 'completed'])
    await boss.offWork(queue)
  },
)

test('dead letters are accepted where the queue they were signed for is named, and nowhere else', async () => {
  const [open, closed] = [await newQueue(), await newQueue()]
  const tenants = tenantBoss(boss, { jobs: signed })
  const [first, second] = [
    await newQueue({ deadLetter: open, retryLimit: 0 }),
    await newQueue({ deadLetter: closed, retryLimit: 0 }),
  ]
  const seen: string[] = []
  for (const queue of [first, second]) {
    await tenants.work(queue, QUICK, () => Promise.reject(new Error('broken')))
    await withTenant(acme, () => tenants.send(queue, {}))
  }
  await tenants.work(open, { ...QUICK, signedFor: [first] }, () => seen.push(`open ${currentTenant()}`))
  await tenants.work(closed, QUICK, () => seen.push('closed'))
  for (const queue of [open, closed]) await settled(queue, 1)
  expect(seen).toEqual([`open ${acme}`])
  expect(await rowsOf(closed)).toMatchObject([{ state: 'failed', output: { code: 'JOB.REFUSED' } }])
  for (const queue of [first, second, open, closed]) await boss.offWork(queue)
})

test(
  `${JOBS_EACH * 50} jobs of 50 tenants, their worker killed midway: each ran in its tenant, and twice only what had written when it died`,
  async () => {
    const queue = await newQueue({ retryLimit: 3, retryDelay: 0 })
    const owners = jobsOfTenants(JOBS_EACH)
    const tenants = tenantBoss(boss, { jobs: signed })
    await forEachTenant(TENANTS, (owner) =>
      tenants.insert(namesOf(owners, owner).map((name) => ({ name: queue, data: { name, owner } }))),
    )
    const prefix = 'boss-killed-'
    const batch = Math.max(10, owners.size / 50)
    const ends = batch * Math.floor(owners.size / 3 / batch)
    await killHolding('pg-boss-worker-process.ts', [db.ownerUrl, queue, db.appUrl, prefix, `${ends}`, `${batch}`])
    const rows = await rowsOf(queue)
    const inState = (wanted: string) => rows.filter(({ state }) => state === wanted).map(({ data }) => data.name)
    expect([inState('completed').length, inState('active').length]).toEqual([ends, batch])
    expect(inState('created')).toHaveLength(owners.size - ends - batch)
    const written = new Set((await runsOf(db, prefix)).map(({ name }) => name))
    const writtenAndHeld = inState('active').filter((name) => written.has(name))
    expect(writtenAndHeld).toHaveLength(batch / 2)

    // pg-boss gives a job of the dead 15 minutes: they pass.
    await runSql(
      db.ownerUrl,
      "UPDATE pgboss.job SET started_on = started_on - interval '1 hour' WHERE name = $1 AND state = 'active'",
      [queue],
    )
    await boss.expire()
    await tenants.work<Work>(queue, { ...QUICK, batchSize: batch }, async ({ data: { name } }) => {
      await mode.prisma.project.create({ data: { name: nameOfRun(prefix, name) } })
    })
    await settled(queue, owners.size, 500)
    expect((await rowsOf(queue)).filter(({ state }) => state !== 'completed')).toEqual([])
    await expectRuns(db, prefix, owners, writtenAndHeld)
    await boss.offWork(queue)
  },
  SCALE_TIMEOUT,
)

describe.each(modes)('in a transaction of Prisma, in %s mode', (name) => {
  let opened: Awaited<ReturnType<typeof openMode>>
  let queue: string
  beforeAll(async () => {
    opened = await openMode(name, db.appUrl)
    queue = await newQueue()
  })
  afterAll(() => opened.close())
  const projects = () =>
    rowsSeenBySuperuser(db, 'SELECT name, tenant_id AS tenant FROM projects WHERE starts_with(name, $1)', [queue])

  test('a rollback leaves neither data nor job, and a commit leaves both', async () => {
    const tenants = tenantBoss(boss, { jobs: signed })
    const enqueue = (fail: boolean) =>
      withTenant(acme, () =>
        opened.prisma.$transaction(async (tx) => {
          const { id } = await tx.project.create({ data: { name: `${queue} ${fail}` } })
          expect(await tenants.send(queue, { id, name: 'sent' }, { db: inTransaction(tx) })).toMatch(/^[0-9a-f-]{36}$/)
          await tenants.insert([{ name: queue, data: { id, name: 'inserted' } }], { db: inTransaction(tx) })
          await tenants.sendAfter(queue, { id, name: 'after' }, { db: inTransaction(tx) }, new Date(Date.now() + 1000))
          if (fail) throw new Error('no')
        }),
      )
    await expect(enqueue(true)).rejects.toThrow('no')
    expect([await projects(), await rowsOf(queue)]).toEqual([[], []])
    await enqueue(false)
    expect(await projects()).toEqual([{ name: `${queue} false`, tenant: acme }])
    expect((await rowsOf(queue)).map(({ data }) => data.name).sort()).toEqual(['after', 'inserted', 'sent'])
    const ran: string[] = []
    await tenants.work<Work>(queue, { ...QUICK, batchSize: 5 }, ({ data }) =>
      ran.push(`${data.name} ${currentTenant()}`),
    )
    await settled(queue, 3)
    expect(ran.sort()).toEqual(['after', 'inserted', 'sent'].map((each) => `${each} ${acme}`))
    await boss.offWork(queue)
  })

  test('the role that sends reads no job of anybody', async () => {
    for (const sql of ['SELECT data FROM pgboss.job', 'UPDATE pgboss.job SET data = null', 'DELETE FROM pgboss.job']) {
      await expect(runSql(db.appUrl, sql), sql).rejects.toMatchObject({ code: '42501' })
    }
    expect(await runSql(db.appUrl, 'SELECT id FROM pgboss.job')).not.toEqual([])
  })

  test('what is no transaction is refused', async () => {
    await expect(inTransaction({} as never).executeSql('SELECT 1', [])).rejects.toMatchObject({
      code: 'CONFIG.INVALID',
    })
  })
})
