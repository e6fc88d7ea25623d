import { declareTenantIds, oneSpelling } from '../configured-clients.js'
import { type Tenant, withTenant } from '../context.js'
import { TenancyError } from '../errors.js'
import { showValue } from '../show-value.js'
import type { TenantIdType } from '../tenant.js'
import { currentJobKey } from './job-key.js'
import { readPayload, type TenantPayload, writePayload } from './payload.js'
import { type JobTarget, Signer, type SigningKey } from './signing.js'

export interface JobsOptions {
  /**
   * Signs tenant, settings, queue and job name with HMAC-SHA-256. The first key signs; what any of them signed is
   * accepted; a payload without a signature, or signed with a key that is not listed, is refused. Default: nothing is
   * signed.
   */
  readonly signingKeys?: readonly SigningKey[] | undefined
  /** What tenant ids are in this process, for one that has no client. Default: as the client says, else `'uuid'`. */
  readonly tenantId?: TenantIdType | undefined
}

/** A job as the queues hand it to a worker: BullMQ's, pg-boss's, or graphile-worker's `helpers.job`. */
export type QueuedJob =
  | { readonly name: string; readonly queueName?: string; readonly data: unknown }
  | { readonly task_identifier: string; readonly payload: unknown }
  | { readonly data: unknown }

/** What is written into payloads and read from them, with one configuration. */
export interface TenantJobs {
  /**
   * The data with the tenant in scope, and the extra settings of the scope, in the field `tenancy`.
   *
   * @param target where the job goes; needed where payloads are signed
   * @throws NoTenantError outside a tenant's scope
   * @throws TenancyError `CONFIG.INVALID`: no plain object, or it has a field `tenancy`
   * @example await queue.add('welcome', tenantPayload({ userId }))
   */
  tenantPayload<Data extends object = object>(data?: Data, target?: JobTarget): TenantPayload<Data>
  /**
   * Runs `fn` in the scope of the tenant that the job's payload names.
   *
   * @param job what the queue hands over; a bare payload as `{ data: payload }`
   * @param target where the job was sent, if that is not where it arrived: default is what the job says
   * @throws TenancyError where the payload names no tenant (`TENANT.REQUIRED`), one that is none (`TENANT.INVALID_ID`), or
   * its signature is not accepted (`JOB.REFUSED`). Trying again changes nothing
   * @example new Worker('email', (job) => withTenantFromPayload(job, () => send(job.data)))
   */
  withTenantFromPayload<T>(job: QueuedJob, fn: () => T | PromiseLike<T>, target?: JobTarget): Promise<T>
  /** The tenant that a payload names, checked, as `withTenant` takes it. Throws as `withTenantFromPayload` does. */
  tenantOfPayload(payload: unknown, target?: JobTarget): Tenant
  /**
   * A key that one tenant cannot share with another, for what a queue keeps once: a job's id, a deduplication or
   * singleton key, the id of a schedule. Without it one tenant's job takes the place of another's.
   *
   * @throws NoTenantError outside a tenant's scope
   * @example tenantJobKey('nightly') // 'acme/nightly'
   */
  tenantJobKey(key: string): string
}

/**
 * Payloads that are signed, or written and read in a process without a client.
 *
 * @throws TenancyError `CONFIG.INVALID`: unknown options, no keys, a key of fewer than 32 bytes
 * @example
 * const signed = jobs({ signingKeys: [{ keyId: '2026-01', key: process.env.JOB_SIGNING_KEY }] })
 * const emails = tenantQueue(new Queue('email'), { jobs: signed })
 */
export function jobs(options: JobsOptions = {}): TenantJobs {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw invalidOptions('are not an object')
  const unknown = Object.keys(options).find((name) => name !== 'signingKeys' && name !== 'tenantId')
  if (unknown !== undefined) throw invalidOptions(`have no ${showValue(unknown)}`)
  // A variable that nobody set must not turn signing off.
  const signer = 'signingKeys' in options ? new Signer(options.signingKeys as readonly SigningKey[]) : undefined
  if (options.tenantId !== undefined) declareTenantIds(options.tenantId)

  function tenantOfPayload(payload: unknown, target?: JobTarget): Tenant {
    const { tenant, settings, signature } = readPayload(payload)
    const id = oneSpelling(tenant)
    signer?.verify(signature, { tenant: String(tenant), settings, target: checkTarget(target) })
    return settings === undefined ? id : { id, settings }
  }

  return {
    tenantPayload: (data, target) =>
      writePayload(data, (field) => {
        if (signer === undefined) return field
        const { tenant, settings } = field
        return { ...field, signature: signer.sign({ tenant, settings, target: checkTarget(target) }) }
      }),
    withTenantFromPayload: async (job, fn, target) => {
      const { payload, ...arrived } = readJob(job)
      return withTenant(tenantOfPayload(payload, target ?? arrived.target), fn)
    },
    tenantOfPayload,
    tenantJobKey: currentJobKey,
  }
}

/** A payload in the place of a job is refused: a field `data` of it, which anybody may have filled, would name the tenant. */
function readJob(job: unknown): { payload: unknown; target: JobTarget | undefined } {
  const given = typeof job === 'object' && job !== null ? (job as Record<string, unknown>) : {}
  const from = 'data' in given ? 'data' : 'payload' in given ? 'payload' : undefined
  if (from === undefined || Object.hasOwn(given, 'tenancy')) {
    throw new TenancyError('CONFIG.INVALID', `withTenantFromPayload was given ${showValue(job)} that is not a job.`, {
      hint: 'Give the job as the queue hands it over, helpers.job of graphile-worker, or { data: payload }.',
    })
  }
  return { payload: given[from], target: targetOf(given) }
}

function targetOf({ queueName, name, task_identifier }: Record<string, unknown>): JobTarget | undefined {
  if (typeof task_identifier === 'string') return { queue: '', name: task_identifier }
  if (typeof name !== 'string') return undefined
  return { queue: typeof queueName === 'string' ? queueName : name, name }
}

function checkTarget(target: JobTarget | undefined): JobTarget {
  if (typeof target?.queue === 'string' && ['string', 'undefined'].includes(typeof target.name)) return target
  throw new TenancyError(
    'CONFIG.INVALID',
    'A signed payload is one for a queue and a job name, which were not given.',
    {
      hint: "tenantPayload(data, { queue: 'email', name: 'welcome' }), and the same to read it where the job does not say.",
    },
  )
}

function invalidOptions(why: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', `The options of jobs() ${why}.`, {
    hint: "jobs({ signingKeys: [{ keyId: '2026-01', key: process.env.JOB_SIGNING_KEY }], tenantId: 'uuid' })",
  })
}
