import type PgBoss from 'pg-boss'
import { type Tenant, withTenant } from '../context.js'
import { isTenancyError, TenancyError } from '../errors.js'
import { showValue } from '../show-value.js'
import type { TenantJobs } from './jobs.js'
import type { TenantPayload } from './payload.js'
import { rowsThrough, type TransactionClient } from './transaction.js'
import { defaultJobs } from './unsigned.js'

export interface PgBossOptions {
  /** `jobs({ signingKeys })`, the same for those who enqueue and those who work. Default: nothing is signed. */
  readonly jobs?: TenantJobs | undefined
  /** The schema that pg-boss was given. Default `'pgboss'`. */
  readonly schema?: string | undefined
}

export interface TenantWorkOptions {
  /**
   * Other names that payloads in this queue may be signed for: queues whose dead letters come here, events that it
   * subscribes to. Default: none.
   */
  readonly signedFor?: readonly string[] | undefined
}

type Boss = Pick<
  PgBoss,
  | 'send'
  | 'sendAfter'
  | 'sendThrottled'
  | 'sendDebounced'
  | 'insert'
  | 'publish'
  | 'work'
  | 'complete'
  | 'fail'
  | 'getDb'
>
type Metadata = { includeMetadata: true }
type Handler<Job> = (job: Job) => unknown

/** What adds and runs jobs, each with the tenant in scope. */
export interface TenantBoss {
  readonly send: PgBoss['send']
  readonly sendAfter: PgBoss['sendAfter']
  readonly sendThrottled: PgBoss['sendThrottled']
  readonly sendDebounced: PgBoss['sendDebounced']
  readonly insert: PgBoss['insert']
  /** Jobs in every queue that subscribes to the event. With signing keys their workers name it in `signedFor`. */
  readonly publish: PgBoss['publish']
  /**
   * Runs `handler` once for each job, in the scope of its tenant; the jobs of one batch at the same time. What a handler
   * throws fails its own job and no other of the batch; what it returns is its job's output.
   */
  work<Data>(name: string, handler: Handler<PgBoss.Job<TenantPayload<Data>>>): Promise<string>
  work<Data>(
    name: string,
    options: PgBoss.WorkOptions & TenantWorkOptions & Metadata,
    handler: Handler<PgBoss.JobWithMetadata<TenantPayload<Data>>>,
  ): Promise<string>
  work<Data>(
    name: string,
    options: PgBoss.WorkOptions & TenantWorkOptions,
    handler: Handler<PgBoss.Job<TenantPayload<Data>>>,
  ): Promise<string>
}

/**
 * pg-boss whose every job carries the tenant in scope. Singleton keys are the tenant's own, also where none is given: no
 * throttling, debouncing or queue policy lets one tenant's job take the place of another's.
 *
 * A job that names no tenant, or whose signature is not accepted, fails at once and for good, with the reason in `output`.
 *
 * pg-boss knows one schedule for a queue, and no tenant is in scope when it is due: let its job call `forEachTenant`.
 *
 * @throws NoTenantError from every method that sends, outside a tenant's scope
 * @throws TenancyError `CONFIG.INVALID`: a schema that is none
 * @example
 * const tenants = tenantBoss(boss)
 * await withTenant(tenantId, () => tenants.send('email', { to }))
 * await tenants.work<Email>('email', (job) => send(job.data.to))
 */
export function tenantBoss(boss: Boss, options: PgBossOptions = {}): TenantBoss {
  const { jobs = defaultJobs, schema = 'pgboss' } = options
  // What pg-boss itself takes, unquoted as it writes it.
  if (typeof schema !== 'string' || !/^[a-z_]\w{0,49}$/i.test(schema)) {
    throw new TenancyError('CONFIG.INVALID', `The schema of pg-boss is ${showValue(schema)}.`, {
      hint: 'Give the name that new PgBoss({ schema }) was given.',
    })
  }
  const payload = (queue: string, data: object | undefined): object => jobs.tenantPayload(data, { queue })
  const own = <Options extends { singletonKey?: string } | undefined>(given: Options) => ({
    ...given,
    singletonKey: jobs.tenantJobKey(given?.singletonKey ?? ''),
  })

  async function send(...[name, data, given]: [string | PgBoss.Request, object?, PgBoss.SendOptions?]) {
    if (typeof name === 'string') return boss.send(name, payload(name, data), own(given))
    return boss.send({ ...name, data: payload(name.name, name.data), options: own(name.options) })
  }

  const sending: Omit<TenantBoss, 'send' | 'work'> = {
    sendAfter: async (name: string, data: object, given: PgBoss.SendOptions, after: never) =>
      boss.sendAfter(name, payload(name, data), own(given), after),
    sendThrottled: async (name: string, data: object, given: PgBoss.SendOptions, seconds: number, key?: string) =>
      boss.sendThrottled(name, payload(name, data), given, seconds, jobs.tenantJobKey(key ?? '')),
    sendDebounced: async (name: string, data: object, given: PgBoss.SendOptions, seconds: number, key?: string) =>
      boss.sendDebounced(name, payload(name, data), given, seconds, jobs.tenantJobKey(key ?? '')),
    insert: async (list: PgBoss.JobInsert[], given: PgBoss.InsertOptions = {}) =>
      boss.insert(
        list.map((job) => ({ ...own(job), data: payload(job.name, job.data) })),
        given,
      ),
    publish: async (event: string, data?: object, given?: PgBoss.SendOptions) =>
      boss.publish(event, payload(event, data), own(given)),
  }

  async function work(name: string, ...rest: unknown[]): Promise<string> {
    const handler = rest.at(-1) as Handler<PgBoss.Job<TenantPayload>>
    const { signedFor = [], ...given } = (rest.length > 1 ? rest[0] : {}) as PgBoss.WorkOptions & TenantWorkOptions
    return boss.work<object>(name, given, (batch) => runBatch(batch, handler, [name, ...signedFor]))
  }

  async function runBatch(
    batch: PgBoss.Job<object>[],
    handler: Handler<PgBoss.Job<TenantPayload>>,
    signedFor: readonly string[],
  ): Promise<unknown> {
    const runs = await Promise.all(batch.map((job) => runOne(job, handler, signedFor)))
    const errors = runs.filter((run) => run.state === 'failed').map(({ value }) => value)
    const done = runs.filter(({ state }) => state === 'done')
    // pg-boss completes or fails a batch as a whole, and takes only the jobs of it that are still active. It is left to
    // that where all are done and have no output; else those that are done are completed first, and do not run again.
    if (batch.length > 1 && (errors.length > 0 || done.some(({ value }) => value !== undefined))) {
      const silent = done.filter(({ value }) => value === undefined).map(({ job }) => job.id)
      if (silent.length > 0) await boss.complete(batch[0]?.name as string, silent)
      for (const { job, value } of done) {
        if (value !== undefined) await boss.complete(job.name, job.id, value as object)
      }
    }
    if (errors.length === 1) throw errors[0]
    if (errors.length > 1) throw new AggregateError(errors, errors.map((error) => String(error)).join('\n'))
    return runs[0]?.value
  }

  async function runOne(
    job: PgBoss.Job<object>,
    handler: Handler<PgBoss.Job<TenantPayload>>,
    signedFor: readonly string[],
  ): Promise<{ job: PgBoss.Job<object>; state: 'done' | 'failed' | 'refused'; value?: unknown }> {
    try {
      const tenant = tenantOf(job.data, signedFor)
      if ('refused' in tenant) {
        await failForGood(job, tenant.refused)
        return { job, state: 'refused' }
      }
      const value = await withTenant(tenant.tenant, () => handler(job as PgBoss.Job<TenantPayload>))
      return { job, state: 'done', value }
    } catch (error) {
      return { job, state: 'failed', value: error }
    }
  }

  function tenantOf(data: object, signedFor: readonly string[]): { tenant: Tenant } | { refused: unknown } {
    let refused: unknown
    for (const queue of signedFor) {
      try {
        return { tenant: jobs.tenantOfPayload(data, { queue }) }
      } catch (error) {
        refused ??= error
      }
    }
    return { refused }
  }

  /** pg-boss 10 has no call for it: a job fails for good when it has no retries left. */
  async function failForGood({ name, id }: PgBoss.Job<object>, error: unknown): Promise<void> {
    await boss
      .getDb()
      .executeSql(`UPDATE ${schema}.job SET retry_limit = retry_count WHERE name = $1 AND id = $2::uuid`, [name, id])
    const { message, code, hint } = isTenancyError(error) ? error : { message: String(error), code: '', hint: '' }
    await boss.fail(name, id, { message, code, hint })
  }

  return { send, ...sending, work } as TenantBoss
}

/**
 * A Prisma transaction as pg-boss takes it: the job is there when the transaction commits, and not if it does not.
 *
 * The role that Prisma logs in with needs: `USAGE` on pg-boss's schema, `SELECT` on its table `queue`, and on its table
 * `job` `INSERT` and `SELECT (id)`. It can then add jobs, and read none.
 *
 * @example
 * await prisma.$transaction(async (tx) => {
 *   const { id } = await tx.order.create({ data })
 *   await tenants.send('invoice', { id }, { db: inTransaction(tx) })
 * })
 */
export function inTransaction(tx: TransactionClient): PgBoss.Db {
  return {
    executeSql: async (text, values) => ({ rows: await rowsThrough(tx, text, values) }),
  }
}
