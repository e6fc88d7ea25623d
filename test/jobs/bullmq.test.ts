// Proves on a real Redis that a BullMQ job runs in its tenant: plain, retried, delayed, repeated, in flows, after its worker
// was killed; and that one whose payload was not written for its tenant, queue and name fails at once and for good.
import { randomBytes, randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { FlowProducer, type Job, Queue, Worker, type WorkerOptions } from 'bullmq'
import { currentTenant, tryCurrentTenant, withoutTenant, withTenant } from 'prisma-extension-tenancy'
import { tenantFlow, tenantProcessor, tenantQueue } from 'prisma-extension-tenancy/bullmq'
import { forEachTenant, jobs, type TenantPayload, tenantPayload } from 'prisma-extension-tenancy/jobs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TenantDatabase } from '../support/database.js'
import { leftOnIdleConnections, openMode } from '../support/modes.js'
import { redisAvailable, startRedis, type TestRedis } from '../support/redis.js'
import { expectRuns, killHolding, runsOf } from './killed-worker.js'
import { nameOfRun } from './stopping-work.js'
import { expectProjectsOf, JOBS_EACH, jobsOfTenants, namesOf, TENANTS, until } from './tenants.js'

const [acme, birch] = TENANTS as [string, string]
const key = (keyId: string) => ({ keyId, key: randomBytes(32) })
const KEY = key('k1')
const signed = jobs({ signingKeys: [KEY], tenantId: 'uuid' })
const SCALE_TIMEOUT = 600_000

describe.skipIf(!redisAvailable())(`BullMQ${redisAvailable() ? '' : ' (skipped: no redis-server here)'}`, () => {
  let redis: TestRedis
  let db: TenantDatabase
  let mode: Awaited<ReturnType<typeof openMode>>
  const closing: { close(): Promise<unknown> }[] = []
  beforeAll(async () => {
    redis = await startRedis()
    db = await createTestDatabase()
    mode = await openMode('pool', db.appUrl, { max: 8 })
  })
  afterEach(async () => {
    expect(tryCurrentTenant()).toBeUndefined()
    expect((await leftOnIdleConnections(mode.pool)).filter((left) => left !== '')).toEqual([])
    // Workers first: a queue that is closed under one is an error to it.
    for (const each of closing.splice(0).reverse()) await each.close()
  })
  afterAll(async () => {
    await mode?.close()
    await db?.drop()
    await redis?.stop()
  })

  const connection = () => ({ host: redis.host, port: redis.port, maxRetriesPerRequest: null })
  function kept<T extends { close(): Promise<unknown> }>(each: T): T {
    closing.push(each)
    return each
  }
  const newQueue = <D>(name = `q-${randomUUID()}`): Queue<D> => kept(new Queue<D>(name, { connection: connection() }))
  const newFlow = () => kept(new FlowProducer({ connection: connection() }))
  function work<D>(
    queue: { name: string },
    fn: (job: Job<TenantPayload<D>>) => Promise<unknown>,
    { options = {}, with: own }: { options?: Partial<WorkerOptions>; with?: ReturnType<typeof jobs> } = {},
  ): Worker {
    const processor = tenantProcessor<D>(fn, { jobs: own })
    return kept(new Worker(queue.name, processor, { connection: connection(), concurrency: 16, ...options }))
  }
  async function settled(queue: Queue, count: number, seconds = 60): Promise<void> {
    await until(
      `${count} jobs of ${queue.name} done`,
      async () => {
        const counts = await queue.getJobCounts('completed', 'failed')
        return (counts.completed ?? 0) + (counts.failed ?? 0) >= count
      },
      seconds,
    )
  }

  type Work = { name: string; owner: string }

  test(
    `${JOBS_EACH * 50} jobs of 50 tenants, added one by one and in bulk, half of them retried: each ran in its tenant, once`,
    async () => {
      const owners = jobsOfTenants(JOBS_EACH)
      const queue = newQueue<Work>()
      const tenants = tenantQueue(queue, { jobs: signed })
      let foreign = 0
      work<Work>(
        queue,
        async (job) => {
          const { owner, name } = job.data
          if (currentTenant() !== owner) foreign += 1
          if (name.endsWith('again') && job.attemptsMade === 0) throw new Error('once more')
          await new Promise(setImmediate)
          await mode.prisma.project.create({ data: { name: `bull-${name}` } })
          if (currentTenant() !== owner) foreign += 1
        },
        { with: signed },
      )
      const opts = { attempts: 3 }
      await forEachTenant(
        TENANTS,
        async (owner) => {
          const names = namesOf(owners, owner)
          const data = (name: string) => ({ name: 'project', data: { name, owner }, opts })
          const half = Math.ceil(names.length / 2)
          for (const name of names.slice(0, half)) await tenants.add('project', data(name).data, opts)
          await tenants.addBulk(names.slice(half).map(data))
        },
        { concurrency: 10 },
      )
      await settled(queue, owners.size, 500)
      expect(await queue.getJobCounts('completed', 'failed')).toEqual({ completed: owners.size, failed: 0 })
      expect(foreign).toBe(0)
      await expectProjectsOf(db, 'bull-', owners)
    },
    SCALE_TIMEOUT,
  )

  test('a delayed job and every job of a schedule run in the tenant that made them', async () => {
    const queue = newQueue<Work>()
    const tenants = tenantQueue(queue, { jobs: signed })
    const seen: string[] = []
    work<Work>(queue, async (job) => seen.push(`${job.name} ${job.data.name} ${currentTenant()}`), { with: signed })
    for (const [name, tenant] of [
      ['a', acme],
      ['b', birch],
    ] as const) {
      await withTenant(tenant, async () => {
        await tenants.add('later', { name, owner: tenant }, { delay: 300 })
        // One id, and a schedule for each tenant.
        await tenants.upsertJobScheduler('tick', { every: 150 }, { data: { name, owner: tenant } })
        await tenants.upsertJobScheduler('tick', { every: 150 }, { data: { name, owner: tenant } })
      })
    }
    expect((await queue.getJobSchedulers()).map(({ key }) => key).sort()).toEqual(
      [acme, birch].map((tenant) => `${tenant}/tick`).sort(),
    )
    const count = (what: string) => seen.filter((line) => line === what).length
    await until('three ticks of each', () => [`tick a ${acme}`, `tick b ${birch}`].every((line) => count(line) >= 3))
    await until('both late jobs', () => seen.filter((line) => line.startsWith('later')).length === 2)
    expect(new Set(seen)).toEqual(new Set([`tick a ${acme}`, `tick b ${birch}`, `later a ${acme}`, `later b ${birch}`]))
    // One tenant stops its own.
    await withTenant(acme, () => tenants.removeJobScheduler('tick'))
    expect((await queue.getJobSchedulers()).map(({ key }) => key)).toEqual([`${birch}/tick`])
    await withTenant(birch, () => tenants.removeJobScheduler('tick'))
  })

  test('every job of a flow runs in its tenant, in whatever queue it is, and hands its result to its parent', async () => {
    const [parents, children] = [newQueue(), newQueue()]
    const flow = tenantFlow(newFlow(), { jobs: signed })
    const seen: string[] = []
    work(children, async ({ name }) => seen.push(`${name} ${currentTenant()}`) && currentTenant(), { with: signed })
    work(
      parents,
      async (job) => {
        const results = Object.values(await job.getChildrenValues())
        seen.push(`${job.name} ${currentTenant()} of ${[...new Set(results)]}`)
      },
      { with: signed },
    )
    const tree = {
      name: 'invoice',
      queueName: parents.name,
      children: ['one', 'two'].map((name) => ({
        name,
        queueName: children.name,
        data: { name },
        children: [{ name: `${name}-leaf`, queueName: children.name }],
      })),
    }
    await withTenant(acme, () => flow.add(tree))
    await withTenant(birch, () => flow.addBulk([tree, tree]))
    await settled(parents, 3)
    const expected = (tenant: string) =>
      ['one', 'one-leaf', 'two', 'two-leaf'].map((name) => `${name} ${tenant}`).concat(`invoice ${tenant} of ${tenant}`)
    expect(seen.sort()).toEqual([acme, birch, birch].flatMap(expected).sort())
  })

  test('ids are the tenant’s own: one tenant’s job never takes the place of another’s', async () => {
    const queue = newQueue<Work>()
    const tenants = tenantQueue(queue)
    for (const tenant of [acme, birch]) {
      await withTenant(tenant, async () => {
        const data = { name: 'x', owner: tenant }
        for (let n = 0; n < 2; n++) {
          await tenants.add('report', data, { jobId: 'report' })
          await tenants.addBulk([{ name: 'sync', data, opts: { jobId: 'sync' } }])
          await tenants.add('mail', data, { deduplication: { id: 'mail' } })
          await tenants.add('old', data, { debounce: { id: 'old', ttl: 60_000 } })
        }
      })
    }
    const waiting = await queue.getJobs('waiting')
    const found = waiting.map(({ name, data }) => `${name} ${data.owner === acme ? 'acme' : 'birch'}`)
    const both = (name: string) => [`${name} acme`, `${name} birch`]
    expect(found.sort()).toEqual(['report', 'sync', 'mail', 'old'].flatMap(both).sort())
    // The queue's own methods show what happens without.
    await queue.add('bare', { name: 'x', owner: acme }, { jobId: 'bare' })
    await queue.add('bare', { name: 'x', owner: birch }, { jobId: 'bare' })
    expect((await queue.getJobs('waiting')).filter(({ name }) => name === 'bare')).toHaveLength(1)
  })

  test('nothing is added without a tenant, and repeat, which tenants would share, is refused', async () => {
    const queue = newQueue<Work>()
    const tenants = tenantQueue(queue)
    const flow = tenantFlow(newFlow())
    const data = { name: 'x', owner: acme }
    const calls: (() => Promise<unknown>)[] = [
      () => tenants.add('a', data),
      () => tenants.addBulk([{ name: 'a', data }]),
      () => tenants.upsertJobScheduler('a', { every: 1000 }),
      () => tenants.removeJobScheduler('a'),
      () => flow.add({ name: 'a', queueName: queue.name }),
      () => flow.addBulk([{ name: 'a', queueName: queue.name }]),
    ]
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
      await expect(withoutTenant(call)).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
    }
    const repeat = withTenant(acme, () => tenants.add('a', data, { repeat: { every: 1000 } }))
    await expect(repeat).rejects.toMatchObject({
      code: 'CONFIG.INVALID',
      hint: expect.stringContaining('upsertJobScheduler'),
    })
    expect(await queue.getJobCounts('waiting', 'delayed')).toMatchObject({ waiting: 0, delayed: 0 })
  })

  test('a refused job is in the failed set at once, was tried once, says why, and never ran', async () => {
    const [queue, other] = [newQueue<object>(), newQueue<object>()]
    const write = (target: { queue: string; name?: string }, writer = signed) =>
      withTenant(acme, () => writer.tenantPayload({}, target))
    const here = { queue: queue.name, name: 'mail' }
    const good = await write(here)
    const retired = jobs({ signingKeys: [key('k0')] })
    const forged = jobs({ signingKeys: [key('k1')] })
    const attacks: [name: string, data: object, why: string][] = [
      ['nothing', {}, 'names no tenant'],
      ['an invalid tenant', { tenancy: { tenant: ['x'] } }, 'it is not a string'],
      ['no uuid', { tenancy: { ...good.tenancy, tenant: 'acme' } }, 'it is not a uuid'],
      ['another tenant', { tenancy: { ...good.tenancy, tenant: birch } }, 'not that of this tenant, queue, name'],
      ['another queue', await write({ queue: other.name, name: 'mail' }), 'not that of this tenant, queue, name'],
      ['another name', await write({ queue: queue.name, name: 'pay' }), 'not that of this tenant, queue, name'],
      ['a setting', { tenancy: { ...good.tenancy, settings: { 'app.role': 'admin' } } }, 'not that of this tenant'],
      ['a retired key', await write(here, retired), 'signed with the key "k0", which is not accepted'],
      ['a forged key', await write(here, forged), 'not that of this tenant, queue, name'],
      ['no signature', await withTenant(acme, () => tenantPayload({})), 'not signed'],
    ]
    let ran = 0
    work(queue, async () => (ran += 1), { with: signed })
    const opts = { attempts: 10, backoff: { type: 'fixed', delay: 60_000 } }
    const added = await queue.addBulk(attacks.map(([, data]) => ({ name: 'mail', data, opts })))
    // Shows that the worker is there, and that what it is handed in order runs.
    await queue.add('mail', good, opts)
    await settled(queue, attacks.length + 1)
    expect(ran).toBe(1)
    for (const [index, [name, , why]] of attacks.entries()) {
      const job = (await queue.getJob(added[index]?.id as string)) as Job
      expect([name, await job.getState(), job.attemptsMade]).toEqual([name, 'failed', 1])
      expect(job.failedReason, name).toContain(why)
      expect(job.failedReason, name).toContain('The ')
    }
  })

  test('an error of the job itself is retried as ever, one of this library among them', async () => {
    const queue = newQueue<object>()
    const attempts: string[] = []
    work(queue, async (job) => {
      attempts.push(`${job.name} ${currentTenant()}`)
      if (job.name === 'query') await withoutTenant(() => mode.prisma.project.create({ data: { name: 'nobody' } }))
      throw new Error('again')
    })
    const tenants = tenantQueue(queue)
    await withTenant(acme, async () => {
      await tenants.add('mail', {}, { attempts: 3 })
      await tenants.add('query', {}, { attempts: 2 })
    })
    await settled(queue, 2)
    expect(attempts.sort()).toEqual([...Array(3).fill(`mail ${acme}`), ...Array(2).fill(`query ${acme}`)])
  })

  test('a processor in a process of its own runs in the tenant, and refuses for good', async () => {
    const queue = newQueue<object>()
    const file = fileURLToPath(new URL('bullmq-sandbox.ts', import.meta.url))
    const workerForkOptions = { execArgv: ['--import', import.meta.resolve('tsx')] }
    kept(new Worker(queue.name, file, { connection: connection(), workerForkOptions }))
    const good = await withTenant(acme, () => tenantQueue(queue).add('mail', {}, { attempts: 5 }))
    const bad = await queue.add('mail', {}, { attempts: 5 })
    await settled(queue, 2)
    expect((await queue.getJob(good.id as string))?.returnvalue).toBe(acme)
    const refused = await queue.getJob(bad.id as string)
    expect(refused).toMatchObject({ attemptsMade: 1, failedReason: expect.stringContaining('names no tenant') })
  })

  test(
    `${JOBS_EACH * 50} jobs of 50 tenants, their worker killed midway: each ran in its tenant, and twice only what had written when it died`,
    async () => {
      const queue = newQueue<Work>()
      const tenants = tenantQueue(queue, { jobs: signed })
      const owners = jobsOfTenants(JOBS_EACH)
      await forEachTenant(TENANTS, (owner) =>
        tenants.addBulk(namesOf(owners, owner).map((name) => ({ name: 'work', data: { name, owner } }))),
      )
      const prefix = 'bull-killed-'
      const ends = Math.floor(owners.size / 3)
      await killHolding('bullmq-worker-process.ts', [redis.url, queue.name, db.appUrl, prefix, `${ends}`, '8'])
      const held = (await queue.getActive()).map(({ data }) => data.name)
      expect(held).toHaveLength(8)
      const { completed = 0, waiting = 0 } = await queue.getJobCounts('completed', 'waiting')
      expect(completed).toBeGreaterThanOrEqual(ends)
      expect(waiting).toBe(owners.size - completed - held.length)
      expect(waiting).toBeGreaterThan(0)
      const written = new Set((await runsOf(db, prefix)).map(({ name }) => name))
      const writtenAndHeld = held.filter((name) => written.has(name))
      expect(writtenAndHeld).toHaveLength(4)

      work<Work>(
        queue,
        async ({ data: { name } }) => {
          await mode.prisma.project.create({ data: { name: nameOfRun(prefix, name) } })
        },
        { options: { stalledInterval: 300 }, with: signed },
      )
      await settled(queue, owners.size, 500)
      expect(await queue.getJobCounts('completed', 'failed')).toEqual({ completed: owners.size, failed: 0 })
      await expectRuns(db, prefix, owners, writtenAndHeld)
    },
    SCALE_TIMEOUT,
  )
})
