import { declareTenantIds } from '../configured-clients.js'
import { noTenantScope, runInScope, type Scope, type Tenant, tenantScope } from '../context.js'
import { type RefusalEvent, refusalChannel } from '../diagnostics.js'
import { TenancyError, tenancyErrorWithin } from '../errors.js'
import { showValue } from '../show-value.js'
import type { TenantIdType } from '../tenant.js'
import type { RequestFacts } from './request-facts.js'
import { type ClaimSource, type FindTenant, type OwnSource, refused, type Source } from './sources.js'

type Awaitable<T> = T | PromiseLike<T>
type OneOrMore<T> = T | readonly [T, ...T[]]

export interface AnswerOptions<Request, User> {
  /** Who is asking, for `authorize`. Runs without a tenant, so shared tables can be read. A throw is an error. */
  readonly user?: (request: Request) => Awaitable<User>
  /**
   * What tenant ids are in this process, for one whose first request may come before its client is made, or that has
   * none. Default: as the client says, else `'uuid'`.
   */
  readonly tenantId?: TenantIdType
  /** The status for a request that names no tenant. Default 400. */
  readonly missing?: 400 | 404
  /** The status for a tenant that is refused, whatever the reason. Default 403. */
  readonly refused?: 403 | 404
}

/**
 * Whether this user may act for this tenant: `true`, and nothing else, lets the request in. Asked for whatever source
 * named the tenant, with the id as it is stored, however the request spelled it. Runs without a tenant, so shared tables can be read. A throw is an error, no refusal.
 */
export type Authorize<Request, User> = (user: User, tenantId: string, request: Request) => Awaitable<boolean>

export type TenantScopeOptions<Request, User = unknown> = AnswerOptions<Request, User> &
  (
    | {
        /** Where a request names its tenant: one source, or several in order, of which the first that is present decides. */
        readonly tenant: OneOrMore<OwnSource<Request> | FindTenant<Request>>
        readonly authorize?: Authorize<Request, User>
        readonly trusted?: never
      }
    | {
        /** Where a request names its tenant: one source, or several in order, of which the first that is present decides. */
        readonly tenant: OneOrMore<Source<Request>>
        readonly authorize: Authorize<Request, User>
        readonly trusted?: never
      }
    | {
        /** Where a request names its tenant: one source, or several in order, of which the first that is present decides. */
        readonly tenant: OneOrMore<Source<Request>>
        /** The client's word is enough: for a service that only a gateway of yours can reach, or for public data. */
        readonly trusted: true
        readonly authorize?: never
      }
  )

/** No scope: what is answered instead. The body tells nobody why. */
export interface Refusal {
  readonly status: 400 | 403 | 404
  readonly body: { readonly error: 'tenant required' | 'forbidden' | 'not found' }
}
export type Resolution =
  | { readonly scope: Scope; readonly refusal?: never }
  | { readonly scope?: never; readonly refusal: Refusal }
/** Answers at once where nothing that it asks is a promise. Rejects, and never throws. */
export type Resolve<Request> = (facts: RequestFacts, request: Request) => Resolution | Promise<Resolution>

const known = ['tenant', 'user', 'authorize', 'trusted', 'tenantId', 'missing', 'refused']

/**
 * The function that finds a request's scope.
 *
 * @param more names of the framework's own options
 * @throws TenancyError `CONFIG.INVALID`, when the middleware is made and not at the first request
 */
export function tenantResolver<Request, User>(
  options: TenantScopeOptions<Request, User>,
  more: readonly string[] = [],
): Resolve<Request> {
  check(options, [...known, ...more])
  const { user, authorize, tenantId } = options
  const sources = [options.tenant].flat() as readonly Source<Request>[]
  if (tenantId !== undefined) declareTenantIds(tenantId)
  const missing: Resolution = { refusal: refusalOf(options.missing ?? 400) }
  const refusal: Resolution = { refusal: refusalOf(options.refused ?? 403) }

  const find = (facts: RequestFacts, request: Request, at: number): Awaitable<Resolution> => {
    const source = sources[at]
    if (source === undefined) return missing
    const answer = typeof source === 'function' ? source(request) : source.find(facts, request)
    return after(answer, (tenant) => {
      if (tenant === undefined || tenant === null) return find(facts, request, at + 1)
      return tenant === refused ? refusal : admit(tenant, request)
    })
  }
  const admit = (tenant: Tenant, request: Request): Awaitable<Resolution> => {
    const scope = tenantScope(tenant)
    if (authorize === undefined) return { scope }
    return after(user?.(request) as Awaitable<User>, (asking) =>
      after(authorize(asking, scope.tenant as string, request), (allowed) => (allowed === true ? { scope } : refusal)),
    )
  }
  const failed = (error: unknown): Resolution => {
    // Told when the error was made.
    if (tenancyErrorWithin(error)?.code === 'TENANT.INVALID_ID') return refusal
    throw error
  }
  return (facts, request) => {
    try {
      const found = runInScope(noTenantScope, () => find(facts, request, 0))
      return isPromise(found) ? Promise.resolve(found).then(tellRefusal, failed) : tellRefusal(found)
    } catch (error) {
      return Promise.reject(error).catch(failed)
    }
  }
}

function tellRefusal(resolution: Resolution): Resolution {
  if (refusalChannel.hasSubscribers && resolution.refusal) {
    const { status, body } = resolution.refusal
    refusalChannel.publish({ code: 'REQUEST.REFUSED', message: body.error, status } satisfies RefusalEvent)
  }
  return resolution
}

/** Calls `go` with what was resolved, in this tick where it is known already. */
export function whenResolved(
  resolution: Resolution | Promise<Resolution>,
  go: (resolution: Resolution) => void,
  fail: (error: unknown) => void,
): void {
  if (isPromise(resolution)) resolution.then(go, fail)
  else go(resolution)
}

/** Waits only for what is a promise: each one costs every request some microseconds. */
function after<T, R>(value: Awaitable<T>, then: (value: T) => Awaitable<R>): Awaitable<R> {
  return isPromise(value) ? Promise.resolve(value).then(then) : then(value)
}

function isPromise<T>(value: Awaitable<T>): value is PromiseLike<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}

function refusalOf(status: Refusal['status']): Refusal {
  const error = status === 400 ? 'tenant required' : status === 403 ? 'forbidden' : 'not found'
  return Object.freeze({ status, body: Object.freeze({ error }) })
}

function check(options: unknown, names: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw invalid(
      `tenantScope was given ${showValue(options)} for its options.`,
      "Give { tenant: fromHeader('x-tenant-id'), … }.",
    )
  }
  const given = options as Record<string, unknown>
  const unknown = Object.keys(given).find((key) => !names.includes(key))
  if (unknown !== undefined) {
    throw invalid(`tenantScope was given the unknown option ${showValue(unknown)}.`, `Give ${names.join(', ')}.`)
  }
  const sources: unknown[] = Array.isArray(given.tenant) ? given.tenant : [given.tenant]
  if (sources.length === 0 || !sources.every(isSource)) {
    throw invalid(
      'tenantScope was given a tenant that is not a source.',
      "Give tenant: fromHeader('x-tenant-id'), fromSubdomain(…), fromPath(…), fromToken(…), fromSession(…), or (request) => tenantId.",
    )
  }
  for (const name of ['user', 'authorize']) {
    if (given[name] !== undefined && typeof given[name] !== 'function') {
      throw invalid(`tenantScope was given ${name}: ${showValue(given[name])}.`, `Give a function as ${name}.`)
    }
  }
  if (given.trusted !== undefined && given.trusted !== true) {
    throw invalid(`tenantScope was given trusted: ${showValue(given.trusted)}.`, 'Give trusted: true, or leave it out.')
  }
  if (given.trusted === true && given.authorize !== undefined) {
    throw invalid('tenantScope was given both trusted and authorize.', 'Give authorize, or trusted: true.')
  }
  if (given.trusted !== true && given.authorize === undefined && sources.some((source) => source.kind === 'claim')) {
    throw invalid(
      "tenantScope was given a tenant in the client's own words, and nothing that decides whether to believe them.",
      'Give authorize: (user, tenantId) => isMember(user, tenantId), or trusted: true where a gateway of yours has checked it.',
    )
  }
  checkStatus('missing', given.missing, [400, 404])
  checkStatus('refused', given.refused, [403, 404])
}

function isSource(source: unknown): source is { kind?: ClaimSource['kind'] | OwnSource<unknown>['kind'] } {
  if (typeof source === 'function') return true
  const { kind, find } = (source ?? {}) as { kind?: unknown; find?: unknown }
  return (kind === 'claim' || kind === 'own') && typeof find === 'function'
}

function checkStatus(name: string, status: unknown, allowed: readonly number[]): void {
  if (status === undefined || allowed.includes(status as number)) return
  throw invalid(`tenantScope was given ${name}: ${showValue(status)}.`, `Give ${name}: ${allowed.join(' or ')}.`)
}

function invalid(message: string, hint: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', message, { hint })
}
