// Proves that the wrappers of the queues keep the libraries' types: what is enqueued is the user's data, and what a handler
// sees is that data and the tenant. The compiler checks each claim in `npm run check`.
import type { FlowProducer, Job, Processor, Queue, Worker } from 'bullmq'
import type { AddJobFunction, AddJobsFunction, JobHelpers, Runner, Task, TaskList, WorkerUtils } from 'graphile-worker'
import type PgBoss from 'pg-boss'
import { tenantFlow, tenantProcessor, tenantQueue } from 'prisma-extension-tenancy/bullmq'
import { tenantJobs, tenantTask } from 'prisma-extension-tenancy/graphile-worker'
import { forEachTenant, type TenancyField, type TenantPayload, tenantPayload } from 'prisma-extension-tenancy/jobs'
import type { TenantBoss } from 'prisma-extension-tenancy/pg-boss'
import { describe, expect, expectTypeOf, test } from 'vitest'

interface Email {
  to: string
}

declare global {
  namespace GraphileWorker {
    interface Tasks {
      email: Email
    }
  }
}

test('a payload is the data and the field', () => {
  const write = () => tenantPayload({ to: 'a' })
  expectTypeOf(write).returns.toEqualTypeOf<TenantPayload<{ to: string }>>()
  expectTypeOf<TenantPayload<Email>>().toExtend<Email>()
  expectTypeOf<TenantPayload<Email>['tenancy']>().toEqualTypeOf<TenancyField>()
  // @ts-expect-error a text is no object
  expect(() => tenantPayload('x')).toThrow()
})

test('forEachTenant hands over what the list holds', async () => {
  const summary = await forEachTenant([{ id: 'a' }], (tenant) => {
    expectTypeOf(tenant).toEqualTypeOf<{ id: string }>()
  })
  expectTypeOf(summary.failed[0]).toEqualTypeOf<
    { readonly tenant: { id: string }; readonly error: unknown } | undefined
  >()
  const source = async () => [1, 2]
  await forEachTenant(source, (tenant) => expectTypeOf(tenant).toEqualTypeOf<number>())
})

describe('BullMQ', () => {
  type Name = 'welcome' | 'goodbye'
  type EmailQueue = Queue<Email, boolean, Name>

  test('the queue takes its own data, names and options, and answers with its own jobs', () => {
    const wrap = (queue: EmailQueue) => tenantQueue(queue)
    type Wrapped = ReturnType<typeof wrap>
    expectTypeOf<Parameters<Wrapped['add']>>().toEqualTypeOf<Parameters<EmailQueue['add']>>()
    expectTypeOf<Awaited<ReturnType<Wrapped['add']>>>().toEqualTypeOf<Job<Email, boolean, Name>>()
    expectTypeOf<Wrapped['addBulk']>().toEqualTypeOf<EmailQueue['addBulk']>()
    expectTypeOf<Wrapped['upsertJobScheduler']>().toEqualTypeOf<EmailQueue['upsertJobScheduler']>()
    expectTypeOf<Wrapped['queue']>().toEqualTypeOf<EmailQueue>()
    const misuse = (wrapped: Wrapped) => [
      wrapped.add('welcome', { to: 'a' }),
      // @ts-expect-error no such name
      wrapped.add('other', { to: 'a' }),
      // @ts-expect-error no such data
      wrapped.add('welcome', { from: 'a' }),
      // @ts-expect-error no such option
      wrapped.add('welcome', { to: 'a' }, { dely: 1 }),
    ]
    expect(misuse).toBeTypeOf('function')
  })

  test("the handler sees the worker's data and the field", () => {
    const start = (Make: typeof Worker) =>
      new Make<Email, boolean, Name>(
        'email',
        tenantProcessor(async (job, token, signal) => {
          expectTypeOf(job.data).toEqualTypeOf<TenantPayload<Email>>()
          expectTypeOf(job.data.tenancy.tenant).toEqualTypeOf<string>()
          expectTypeOf(job.name).toEqualTypeOf<Name>()
          expectTypeOf(token).toEqualTypeOf<string | undefined>()
          expectTypeOf(signal).toEqualTypeOf<AbortSignal | undefined>()
          return true
        }),
      )
    expectTypeOf(start).returns.toEqualTypeOf<Worker<Email, boolean, Name>>()
    const processor = tenantProcessor<Email, number>(async () => 1)
    expectTypeOf(processor).toEqualTypeOf<Processor<Email, number, string>>()
    const answers = tenantProcessor<Email, string>(async () => 'text')
    // @ts-expect-error the worker's result is a boolean
    const wrong = (Make: typeof Worker) => new Make<Email, boolean>('email', answers)
    expect(wrong).toBeTypeOf('function')
  })

  test('the flow producer takes its own flows', () => {
    const wrap = (flow: FlowProducer) => tenantFlow(flow)
    expectTypeOf<ReturnType<typeof wrap>['add']>().toEqualTypeOf<FlowProducer['add']>()
    expectTypeOf<ReturnType<typeof wrap>['addBulk']>().toEqualTypeOf<FlowProducer['addBulk']>()
  })
})

describe('pg-boss', () => {
  test('what sends takes what pg-boss takes', () => {
    for (const _ of ['send', 'sendAfter', 'sendThrottled', 'sendDebounced', 'insert', 'publish'] as const)
      expectTypeOf<TenantBoss[typeof _]>().toEqualTypeOf<PgBoss[typeof _]>()
  })

  test('the handler sees one job, its data and the field, and its metadata where asked', () => {
    const start = (tenants: TenantBoss) => [
      tenants.work<Email>('email', (job) => {
        expectTypeOf(job).toEqualTypeOf<PgBoss.Job<TenantPayload<Email>>>()
      }),
      tenants.work<Email>('email', { batchSize: 5, signedFor: ['other'] }, (job) => {
        expectTypeOf(job).toEqualTypeOf<PgBoss.Job<TenantPayload<Email>>>()
      }),
      tenants.work<Email>('email', { includeMetadata: true }, (job) => {
        expectTypeOf(job).toEqualTypeOf<PgBoss.JobWithMetadata<TenantPayload<Email>>>()
      }),
      // @ts-expect-error no such option
      tenants.work<Email>('email', { batchsize: 5 }, () => {}),
    ]
    expect(start).toBeTypeOf('function')
  })
})

describe('graphile-worker', () => {
  test('what adds jobs takes what graphile-worker takes, declared tasks among it', () => {
    const wrap = (adds: WorkerUtils) => tenantJobs(adds)
    expectTypeOf<ReturnType<typeof wrap>['addJob']>().toEqualTypeOf<AddJobFunction>()
    expectTypeOf<ReturnType<typeof wrap>['addJobs']>().toEqualTypeOf<AddJobsFunction>()
    const ofRunner = (runner: Runner) => tenantJobs(runner)
    expectTypeOf<ReturnType<typeof ofRunner>>().toEqualTypeOf<Pick<Runner, 'addJob'>>()
    const misuse = (adds: WorkerUtils) => [
      wrap(adds).addJob('email', { to: 'a' }, { maxAttempts: 3 }),
      // @ts-expect-error no payload of this task
      wrap(adds).addJob('email', { from: 'a' }),
    ]
    expect(misuse).toBeTypeOf('function')
  })

  test('the task sees its payload and the field, and fits a task list', () => {
    const task: Task<'email'> = tenantTask((payload, helpers) => {
      expectTypeOf(payload).toEqualTypeOf<TenantPayload<Email>>()
      expectTypeOf(helpers).toEqualTypeOf<JobHelpers>()
    })
    const list: TaskList = { email: task, other: tenantTask<Email>(async (payload) => payload.to) }
    // @ts-expect-error the task is for another payload
    const wrong: Task<'email'> = tenantTask<{ from: string }>(() => {})
    expect([list, wrong]).toHaveLength(2)
  })
})
