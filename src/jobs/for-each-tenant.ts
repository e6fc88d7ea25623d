import { type Tenant, withoutTenant, withTenant } from '../context.js'
import { TenancyError } from '../errors.js'
import { showValue } from '../show-value.js'

/** Tenants, or what finds them. It is run and read outside every tenant. */
export type Tenants<T extends Tenant = Tenant> = Source<T> | (() => Source<T> | PromiseLike<Source<T>>)
type Source<T> = Iterable<T> | AsyncIterable<T>

export interface ForEachTenantOptions<T extends Tenant = Tenant> {
  /** How many tenants at a time. Default 4. */
  readonly concurrency?: number | undefined
  /** Called when a tenant is done. What it throws ends the run. */
  readonly onProgress?: ((progress: TenantProgress<T>) => void) | undefined
  /** No tenant is started any more once it is aborted; those that run are waited for. */
  readonly signal?: AbortSignal | undefined
}

export interface TenantProgress<T extends Tenant = Tenant> {
  readonly tenant: T
  /** What `fn` threw, or undefined. */
  readonly error: unknown
  readonly succeeded: number
  readonly failed: number
}

export interface TenantsSummary<T extends Tenant = Tenant> {
  readonly succeeded: number
  readonly failed: readonly { readonly tenant: T; readonly error: unknown }[]
  /** The signal came before the last tenant. */
  readonly aborted: boolean
}

/**
 * Runs `fn` once for each tenant, in its scope. One that fails does not stop the others: look at `failed`.
 *
 * @param tenants ids, or `{ id, settings }`; an iterable, an async iterable, or a function that returns one
 * @returns a summary. Rejects only with what the list of tenants or `onProgress` throws, after those that run are done
 * @throws TenancyError `CONFIG.INVALID`: a concurrency that is no whole number above 0, a list that is none
 * @example
 * const { failed } = await forEachTenant(() => prisma.tenant.findMany({ select: { id: true } }), async () => {
 *   await reports.add('nightly', {})
 * })
 */
export async function forEachTenant<T extends Tenant>(
  tenants: Tenants<T>,
  fn: (tenant: T) => unknown,
  { concurrency = 4, onProgress, signal }: ForEachTenantOptions<T> = {},
): Promise<TenantsSummary<T>> {
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw invalid(`The concurrency is ${showValue(concurrency)}`, 'Give a whole number above 0.')
  }
  const failed: { tenant: T; error: unknown }[] = []
  const running = new Set<Promise<void>>()
  const broken: unknown[] = []
  let succeeded = 0
  let aborted = false

  async function run(tenant: T): Promise<void> {
    let error: unknown
    try {
      await withTenant(tenant, () => fn(tenant))
      succeeded += 1
    } catch (thrown) {
      error = thrown
      failed.push({ tenant, error })
    }
    try {
      onProgress?.({ tenant, error, succeeded, failed: failed.length })
    } catch (thrown) {
      broken.push(thrown)
    }
  }

  return withoutTenant(async () => {
    try {
      const source = await (typeof tenants === 'function' ? tenants() : tenants)
      if (!isIterable(source)) throw invalid(`The list of tenants is ${showValue(source)}`, 'Give an array of ids.')
      for await (const tenant of source) {
        if (running.size >= concurrency) await Promise.race(running)
        if (signal?.aborted) aborted = true
        if (aborted || broken.length > 0) break
        const one: Promise<void> = run(tenant).finally(() => running.delete(one))
        running.add(one)
      }
    } finally {
      await Promise.all(running)
    }
    if (broken.length > 0) throw broken[0]
    return { succeeded, failed, aborted }
  })
}

function isIterable(value: unknown): value is Source<never> {
  // A text is one tenant's id, not a list of letters.
  if (typeof value !== 'object' || value === null) return false
  return Symbol.iterator in value || Symbol.asyncIterator in value
}

function invalid(sentence: string, hint: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', `${sentence}.`, { hint })
}
