import { randomUUID } from 'node:crypto'
import { configuredClients } from '../configured-clients.js'
import { acrossScope, currentScope, runInScope } from '../context.js'
import { type AcrossEnd, type AcrossEvent, acrossChannel } from '../diagnostics.js'
import { TenancyError } from '../errors.js'
import { unsupported } from '../refusals.js'
import { showValue } from '../show-value.js'
import type { AcrossAccess } from './access.js'
import { AcrossUse } from './use.js'

/** Why tenants are read across, and how far. */
export interface AcrossTenantsOptions {
  /** What the audit says of it: at most 1,000 characters. */
  readonly reason: string
  /** Lets statements write, where the role may. Default `false`: the server refuses every write. */
  readonly write?: boolean | undefined
}

/**
 * Reads across tenants, deliberately: what `fn` asks goes to the bypass role, to whom no row is hidden. Configure it
 * with `acrossTenants` of `TenantPool`, or of `tenancy()` in portable mode. Read-only, by PostgreSQL's own word
 * (https://www.postgresql.org/docs/current/sql-set-transaction.html), unless `write: true`. A `withTenant` inside
 * narrows to that tenant again, on the app role.
 *
 * In the body of a Prisma transaction it is refused, since it would not see the transaction's rows. A BEGIN on a client
 * of `pool.connect()` belongs to its client and to no scope, so beside one it runs, and sees what is committed.
 *
 * @returns what `fn` returns
 * @throws TenancyError `CONFIG.INVALID` where it is not configured, or for several clients: use theirs,
 *   `prisma.$acrossTenants(…)`; `QUERY.UNSUPPORTED` in a transaction; `ACROSS.NOT_AUDITED`
 * @example await acrossTenants({ reason: 'monthly invoices' }, () => prisma.project.groupBy({ by: ['tenantId'], _count: true }))
 */
export async function acrossTenants<T>(options: AcrossTenantsOptions, fn: () => T | PromiseLike<T>): Promise<T> {
  const caller = callerOf(acrossTenants)
  const [access, ...more] = configuredClients().flatMap(({ across }) => across ?? [])
  if (access === undefined) throw notConfigured()
  if (more.length > 0) {
    throw new TenancyError('CONFIG.INVALID', 'acrossTenants is configured for several clients in this process.', {
      hint: 'Say which: prisma.$acrossTenants({ reason }, () => …).',
    })
  }
  return runAcross(access, options, fn, caller)
}

/** @internal `acrossTenants` by the access of one client. */
export async function runAcross<T>(
  access: AcrossAccess,
  options: AcrossTenantsOptions,
  fn: () => T | PromiseLike<T>,
  caller: string | undefined,
): Promise<T> {
  const use = new AcrossUse({ id: randomUUID(), caller, ...checkOptions(options) })
  if (currentScope()?.inTransaction) {
    throw unsupported(
      'acrossTenants was called inside a transaction, whose uncommitted rows it would not see.',
      'Call it before the transaction or after.',
    )
  }
  await access.begin(use)
  if (acrossChannel.hasSubscribers) tellAcross(use)
  const outcome = await settle(() => runInScope(acrossScope(use), async () => await fn()))
  use.over = true
  const end = outcome.status === 'fulfilled' ? 'returned' : 'threw'
  if (acrossChannel.hasSubscribers) tellAcross(use, end)
  const ended = await settle(() => access.end(use, end))
  if (outcome.status === 'rejected') throw outcome.reason
  if (ended.status === 'rejected') throw ended.reason
  return outcome.value
}

function tellAcross(use: AcrossUse, outcome?: AcrossEnd['outcome']): void {
  const { id, reason, caller, write, startedAt, statements } = use
  const event: AcrossEvent = outcome
    ? { phase: 'end', id, reason, caller, write, duration: Date.now() - startedAt.getTime(), statements, outcome }
    : { phase: 'begin', id, reason, caller, write }
  acrossChannel.publish(event)
}

export function notConfigured(): TenancyError {
  return new TenancyError('CONFIG.INVALID', 'acrossTenants is not configured.', {
    hint: 'Give a login of the bypass role: new TenantPool({ …, acrossTenants: { connectionString } }), or tenancy({ acrossTenants: { adapter } }).',
  })
}

/** The frame that called `fn`, as V8 prints it. */
export function callerOf(fn: (...args: never[]) => unknown): string | undefined {
  const at: { stack?: string } = {}
  Error.captureStackTrace(at, fn)
  const frame = /^\s+at (?:async )?(.+)$/m.exec(at.stack ?? '')?.[1]
  return frame?.slice(0, 1000)
}

function checkOptions(options: unknown): Pick<AcrossUse, 'reason' | 'write'> {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw invalid('the options are not an object', "acrossTenants({ reason: 'monthly invoices' }, () => …)")
  const { reason, write = false, ...rest } = options as AcrossTenantsOptions
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined)
    throw invalid(`there is no option ${showValue(unknown)}`, 'Its options are reason and write.')
  if (typeof reason !== 'string' || reason.trim() === '' || reason.length > 1000 || /[\0\p{Surrogate}]/u.test(reason))
    throw invalid(
      'reason is not text of 1 to 1,000 characters',
      "acrossTenants({ reason: 'monthly invoices' }, () => …)",
    )
  if (typeof write !== 'boolean') throw invalid(`write is ${showValue(write)}`, 'write: true, or leave it out.')
  return { reason, write }
}

function invalid(what: string, hint: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', `Invalid call to acrossTenants: ${what}.`, { hint })
}

function settle<T>(run: () => Promise<T>): Promise<PromiseSettledResult<T>> {
  return Promise.allSettled([run()]).then(([settled]) => settled)
}
