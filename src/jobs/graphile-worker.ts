import type { AddJobFunction, AddJobsFunction, Helpers, Job, JobHelpers } from 'graphile-worker'
import { type Tenant, withTenant } from '../context.js'
import { TenancyError } from '../errors.js'
import { showValue } from '../show-value.js'
import { quoteIdentifier, quoteRole } from '../sql/quote.js'
import type { TenantJobs } from './jobs.js'
import type { TenantPayload } from './payload.js'
import { reasonOf } from './refusal.js'
import { rowsThrough, type TransactionClient } from './transaction.js'
import { defaultJobs } from './unsigned.js'

export interface GraphileOptions {
  /** `jobs({ signingKeys })`, the same for those who enqueue and those who work. Default: nothing is signed. */
  readonly jobs?: TenantJobs | undefined
}

export interface GraphileSchema {
  /** The schema that graphile-worker was given. Default `'graphile_worker'`. */
  readonly schema?: string | undefined
}

/** What adds jobs: worker utils, the helpers of a task, or `inTransaction(tx)`; a runner has no `addJobs`. */
export type AddsJobs = Pick<Helpers, 'addJob'> & Partial<Pick<Helpers, 'addJobs'>>

/**
 * `addJob` and `addJobs`, whose every job carries the tenant in scope. Job keys are the tenant's own, as `tenantJobKey`
 * makes them: one tenant's job never replaces another's.
 *
 * @throws NoTenantError from both outside a tenant's scope
 * @throws TenancyError `CONFIG.INVALID` where a payload is no plain object: a batch job has no room for a tenant
 * @example await withTenant(tenantId, () => tenantJobs(utils).addJob('email', { to }))
 */
export function tenantJobs<Adds extends AddsJobs>(
  adds: Adds,
  options: GraphileOptions = {},
): Pick<Adds, keyof Adds & keyof AddsJobs> {
  const { jobs = defaultJobs } = options
  const payload = (name: string, data: unknown, queueName: string | undefined): object =>
    jobs.tenantPayload(data as object | undefined, { queue: queueName ?? '', name })
  const ownKey = ({ jobKey }: { jobKey?: string }) => (jobKey ? { jobKey: jobs.tenantJobKey(jobKey) } : {})
  const addJob = async (identifier: string, data: unknown, spec: Parameters<AddJobFunction>[2] = {}) =>
    adds.addJob(identifier, payload(identifier, data, spec.queueName), { ...spec, ...ownKey(spec) })
  const addJobs: AddJobsFunction = async (specs, preserveRunAt) =>
    (adds as Required<AddsJobs>).addJobs(
      specs.map((spec) => ({
        ...spec,
        payload: payload(spec.identifier, spec.payload, spec.queueName),
        ...ownKey(spec),
      })),
      preserveRunAt,
    )
  const own: AddsJobs = { addJob: addJob as AddJobFunction, ...(adds.addJobs && { addJobs }) }
  return own as Pick<Adds, keyof Adds & keyof AddsJobs>
}

/**
 * A task that runs each of its jobs in the scope of the tenant that the payload names. A job that names none, or whose
 * signature is not accepted, fails at once and for good, with the reason in `last_error`.
 *
 * A cron item has no tenant: its task is a plain one, which calls `forEachTenant`.
 *
 * @throws TenancyError `CONFIG.INVALID`: a schema that is none
 * @example run({ taskList: { email: tenantTask(async (payload: { to: string }) => send(payload.to)) }, … })
 */
export function tenantTask<Payload = unknown>(
  fn: (payload: TenantPayload<Payload>, helpers: JobHelpers) => unknown,
  options: GraphileOptions & GraphileSchema = {},
): (payload: Payload, helpers: JobHelpers) => Promise<void> {
  const { jobs = defaultJobs } = options
  const schema = quoteSchema(options.schema)
  return async (payload, helpers) => {
    const target = { queue: (await helpers.getQueueName()) ?? '', name: helpers.job.task_identifier }
    let tenant: Tenant
    try {
      tenant = jobs.tenantOfPayload(payload, target)
    } catch (error) {
      throw await failForGood(helpers, schema, error)
    }
    await withTenant(tenant, () => fn(payload as TenantPayload<Payload>, helpers))
  }
}

/**
 * graphile-worker's functions refuse a job that is locked, as one is that runs: it is its own worker that gives it no
 * further attempt, and then fails it as any other.
 */
async function failForGood({ job, query }: JobHelpers, schema: string, error: unknown): Promise<Error> {
  const reason = reasonOf(error)
  try {
    await query(`UPDATE ${schema}._private_jobs SET max_attempts = attempts WHERE id = $1`, [job.id])
    // The worker asks its own copy whether to emit job:failed.
    job.max_attempts = job.attempts
  } catch (cause) {
    return new Error(`${reason} It will be tried again, and refused again: ${cause}`, { cause })
  }
  return new Error(reason, { cause: error })
}

/**
 * Adds jobs in a Prisma transaction: they are there when it commits, and not if it does not. Needs what
 * `allowAddJob({ role })` creates.
 *
 * @example
 * await prisma.$transaction(async (tx) => {
 *   const { id } = await tx.order.create({ data })
 *   await tenantJobs(inTransaction(tx)).addJob('invoice', { id })
 * })
 */
export function inTransaction(tx: TransactionClient, options: GraphileSchema = {}): Required<AddsJobs> {
  const schema = quoteSchema(options.schema)
  const types = ['text', 'json', 'text', 'timestamptz', 'int', 'text', 'int', 'text[]', 'text']
  const call = `SELECT * FROM ${schema}.${ADD_JOB}(${types.map((type, i) => `$${i + 1}::${type}`).join(', ')})`
  async function addJob(identifier: string, payload: unknown, spec: Parameters<AddJobFunction>[2] = {}): Promise<Job> {
    const { queueName, runAt, maxAttempts, jobKey, priority, flags, jobKeyMode } = spec
    const values = [queueName, runAt, maxAttempts, jobKey, priority, flags, jobKeyMode]
    const [row] = await rowsThrough(tx, call, [identifier, JSON.stringify(payload ?? {}), ...values])
    // pg answers with the text of a bigint, Prisma with a bigint.
    return { ...row, id: String(row?.id), task_identifier: identifier } as Job
  }
  const addJobs: AddJobsFunction = async (specs, preserveRunAt = false) => {
    const added: Job[] = []
    for (const { identifier, payload, ...spec } of specs) {
      const mode = preserveRunAt && spec.jobKey ? { jobKeyMode: 'preserve_run_at' as const } : {}
      const { jobKeyMode: _, ...rest } = spec
      added.push(await addJob(identifier, payload, { ...rest, ...mode }))
    }
    return added
  }
  return { addJob: addJob as AddJobFunction, addJobs }
}

const ADD_JOB = 'tenancy_add_job'

/**
 * SQL that lets the role of the service add jobs, and nothing else: it reads none and changes none. graphile-worker's
 * tables have row-level security and no policy, so that its own `add_job` works for their owner alone; this adds a
 * function that calls it as its owner. To be run by that owner, after graphile-worker's migrations, in a migration of
 * yours. Running it again changes nothing.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example await runner.query(allowAddJob({ role: 'app_user' }))
 */
export function allowAddJob({ role, ...options }: { role: string } & GraphileSchema): string {
  const schema = quoteSchema(options.schema)
  const grantee = quoteRole(role)
  const types = 'text, json, text, timestamptz, int, text, int, text[], text'
  return `-- Called with the rights of its owner: the service itself has none on the jobs.
CREATE OR REPLACE FUNCTION ${schema}.${ADD_JOB}(${types})
RETURNS ${schema}._private_jobs
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT * FROM ${schema}.add_job($1, $2, $3, $4, $5, $6, $7, $8, coalesce($9, 'replace')) $$;
REVOKE ALL ON FUNCTION ${schema}.${ADD_JOB}(${types}) FROM PUBLIC;
GRANT USAGE ON SCHEMA ${schema} TO ${grantee};
GRANT EXECUTE ON FUNCTION ${schema}.${ADD_JOB}(${types}) TO ${grantee};
`
}

/** Stands inside $$ … $$, which a dollar in a name could end. */
function quoteSchema(schema: unknown = 'graphile_worker'): string {
  if (typeof schema === 'string' && !schema.includes('$')) return quoteIdentifier(schema)
  throw new TenancyError('CONFIG.INVALID', `The schema of graphile-worker is ${showValue(schema)}.`, {
    hint: 'Give the name that graphile-worker was given, without a dollar sign.',
  })
}
