import type { FlowJob, FlowProducer, Job, Processor, Queue } from 'bullmq'
import { type Tenant, withTenant } from '../context.js'
import { TenancyError } from '../errors.js'
import type { TenantJobs } from './jobs.js'
import type { TenantPayload } from './payload.js'
import { reasonOf } from './refusal.js'
import { defaultJobs } from './unsigned.js'

export interface BullmqOptions {
  /** `jobs({ signingKeys })`, the same for those who enqueue and those who work. Default: nothing is signed. */
  readonly jobs?: TenantJobs | undefined
}

type QueueMethods = Pick<Queue, 'name' | 'add' | 'addBulk' | 'upsertJobScheduler' | 'removeJobScheduler'>
type FlowMethods = Pick<FlowProducer, 'add' | 'addBulk'>

/** A queue whose every job carries the tenant in scope. */
export interface TenantQueue<Q extends QueueMethods> {
  /** The queue itself, for everything that adds no job. */
  readonly queue: Q
  /** As the queue's own. `repeat` of old is refused: use `upsertJobScheduler`. */
  readonly add: Q['add']
  readonly addBulk: Q['addBulk']
  /** As the queue's own, one schedule of this id for each tenant. Every job of it runs in the tenant that made it. */
  readonly upsertJobScheduler: Q['upsertJobScheduler']
  /** Removes the tenant's own schedule of this id. */
  readonly removeJobScheduler: Q['removeJobScheduler']
}

/** A flow producer whose every job, parents and children, carries the tenant in scope. */
export interface TenantFlow<F extends FlowMethods> {
  readonly flow: F
  readonly add: F['add']
  readonly addBulk: F['addBulk']
}

/**
 * A BullMQ queue whose every job carries the tenant in scope. Job ids, deduplication ids and the ids of schedulers are the
 * tenant's own, as `tenantJobKey` makes them: all tenants share one queue, and one's job never takes another's place.
 *
 * @throws NoTenantError from every method outside a tenant's scope
 * @example
 * const emails = tenantQueue(new Queue<Email>('email', { connection }))
 * await withTenant(tenantId, () => emails.add('welcome', { to }))
 */
export function tenantQueue<Q extends QueueMethods>(queue: Q, options: BullmqOptions = {}): TenantQueue<Q> {
  const { jobs = defaultJobs } = options
  const payload = (name: string, data: object | undefined): object =>
    jobs.tenantPayload(data, { queue: queue.name, name })
  const methods: Omit<TenantQueue<QueueMethods>, 'queue'> = {
    add: async (name, data, opts) => queue.add(name, payload(name, data), ownOptions(opts, jobs)),
    addBulk: async (list) =>
      queue.addBulk(list.map((job) => ({ ...job, data: payload(job.name, job.data), ...ownOptionsOf(job, jobs) }))),
    upsertJobScheduler: async (id, repeat, template = {}) => {
      const name = template.name ?? id
      const own = { ...template, name, data: payload(name, template.data), ...ownOptionsOf(template, jobs) }
      return queue.upsertJobScheduler(jobs.tenantJobKey(id), repeat, own)
    },
    removeJobScheduler: async (id) => queue.removeJobScheduler(jobs.tenantJobKey(id)),
  }
  return { queue, ...methods } as TenantQueue<Q>
}

/**
 * A BullMQ flow producer whose every job carries the tenant in scope, in whatever queue it is.
 *
 * @throws NoTenantError from every method outside a tenant's scope
 * @example await withTenant(tenantId, () => tenantFlow(flow).add({ name: 'invoice', queueName: 'billing', children: [...] }))
 */
export function tenantFlow<F extends FlowMethods>(flow: F, options: BullmqOptions = {}): TenantFlow<F> {
  const { jobs = defaultJobs } = options
  const own = <Node extends FlowJob>(node: Node): Node => ({
    ...node,
    data: jobs.tenantPayload(node.data, { queue: node.queueName, name: node.name }),
    ...ownOptionsOf(node, jobs),
    ...(node.children && { children: node.children.map(own) }),
  })
  const methods: Omit<TenantFlow<FlowMethods>, 'flow'> = {
    add: async (node, opts) => flow.add(own(node), opts),
    addBulk: async (nodes) => flow.addBulk(nodes.map(own)),
  }
  return { flow, ...methods } as TenantFlow<F>
}

/**
 * Runs each job in the scope of the tenant that its payload names. A job that names none, or whose signature is not
 * accepted, fails at once and for good, with the reason in `failedReason`.
 *
 * @example new Worker<Email>('email', tenantProcessor(async (job) => send(job.data.to)), { connection })
 */
export function tenantProcessor<Data = unknown, Result = unknown, Name extends string = string>(
  fn: Processor<TenantPayload<Data>, Result, Name>,
  options: BullmqOptions = {},
): Processor<Data, Result, Name> {
  const { jobs = defaultJobs } = options
  return async (job, token, signal) => {
    let tenant: Tenant
    try {
      tenant = jobs.tenantOfPayload(job.data, { queue: job.queueName, name: job.name })
    } catch (error) {
      throw unrecoverable(error)
    }
    return withTenant(tenant, () => fn(job as Job<TenantPayload<Data>, Result, Name>, token, signal))
  }
}

interface KeyedOptions {
  jobId?: string
  deduplication?: { id: string }
  debounce?: { id: string }
  repeat?: unknown
}

function ownOptions<Options extends object>(opts: Options | undefined, jobs: TenantJobs): Options | undefined {
  if (opts === undefined) return undefined
  const { jobId, deduplication, debounce, repeat } = opts as KeyedOptions
  if (repeat !== undefined) {
    // Its key is made of name and pattern, which two tenants may share: the second would change the first one's schedule.
    throw new TenancyError(
      'CONFIG.INVALID',
      'A job with the option repeat cannot be told apart from another tenant’s.',
      {
        hint: "upsertJobScheduler('nightly', { pattern: '0 3 * * *' }, { name, data })",
        docsUrl: 'https://docs.bullmq.io/guide/job-schedulers',
      },
    )
  }
  return {
    ...opts,
    ...(jobId !== undefined && { jobId: jobs.tenantJobKey(jobId) }),
    ...(deduplication && { deduplication: { ...deduplication, id: jobs.tenantJobKey(deduplication.id) } }),
    ...(debounce && { debounce: { ...debounce, id: jobs.tenantJobKey(debounce.id) } }),
  }
}

function ownOptionsOf<Options extends object>({ opts }: { opts?: Options }, jobs: TenantJobs): { opts?: Options } {
  const own = ownOptions(opts, jobs)
  return own === undefined ? {} : { opts: own }
}

/** BullMQ knows this error by its name too, which spares us the import: https://docs.bullmq.io/patterns/stop-retrying-jobs */
function unrecoverable(cause: unknown): Error {
  return Object.assign(new Error(reasonOf(cause), { cause }), { name: 'UnrecoverableError' })
}
