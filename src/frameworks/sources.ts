import type { Tenant } from '../context.js'
import { TenancyError } from '../errors.js'
import { showValue } from '../show-value.js'
import type { TenantId } from '../tenant.js'
import type { RequestFacts } from './request-facts.js'

type Awaitable<T> = T | PromiseLike<T>

/** What was present and wrong: it decides, and no later source is asked. */
export const refused: unique symbol = Symbol('refused')
export type Answer = Tenant | null | undefined | typeof refused

/** A tenant in the client's own words: whoever asks can write any. `authorize` or `trusted: true` decides. */
export interface ClaimSource {
  readonly kind: 'claim'
  find(facts: RequestFacts): Awaitable<Answer>
}

/** A tenant in the server's own words: of a token that it verified, or of a session that it keeps. */
export interface OwnSource<Request> {
  readonly kind: 'own'
  find(facts: RequestFacts, request: Request): Awaitable<Answer>
}

/** The server's own way to find the tenant. `undefined` and `null` are 'none here'; a throw is an error, no refusal. */
export type FindTenant<Request> = (request: Request) => Awaitable<Tenant | null | undefined>

/** Where a request names its tenant. */
export type Source<Request> = ClaimSource | OwnSource<Request> | FindTenant<Request>

export interface ClaimOptions {
  /**
   * The tenant of a name, where names are no ids: `acme` of `acme.example.com`. Runs without a tenant, so shared tables
   * can be read. A name that it does not know (`undefined`, `null`) is refused.
   */
  readonly find?: (name: string) => Awaitable<Tenant | null | undefined>
}

export interface SubdomainOptions extends ClaimOptions {
  /** The domain directly below which each tenant has a name: `'example.com'`. Ports do not matter. */
  readonly of: string
  /** Names below it that are no tenants: `['www', 'api']`. Default none. */
  readonly except?: readonly string[]
  /** The header with the host. Default `'host'`; `'x-forwarded-host'` only behind a proxy that always writes it. */
  readonly header?: string
}

/**
 * `acme` of `acme.example.com`. The domain itself names no tenant; any other host is refused: another domain, a name of
 * two parts, what is no host name.
 *
 * @throws TenancyError `CONFIG.INVALID`
 * @example fromSubdomain({ of: 'example.com', except: ['www'] })
 */
export function fromSubdomain(options: SubdomainOptions): ClaimSource {
  checkOptions('fromSubdomain', options, ['of', 'except', 'header', 'find'])
  const { of, except = [], header = 'host', find } = options
  const name = headerName(header)
  if (typeof of !== 'string' || !HOST.test(of) || of !== of.toLowerCase()) {
    throw invalid(
      `fromSubdomain was given of: ${showValue(of)}, which is not a domain in lower case.`,
      "of: 'example.com'",
    )
  }
  return claim(find, (facts) => {
    const values = facts.header(name)
    if (values.length === 0) return undefined
    const written = values.length === 1 ? /^(.*?)\.?(?::[0-9]{1,5})?$/s.exec(values[0] as string)?.[1] : undefined
    if (written === undefined || !HOST.test(written)) return refused
    const host = written.toLowerCase()
    if (host === of) return undefined
    if (!host.endsWith(`.${of}`)) return refused
    const label = host.slice(0, -of.length - 1)
    if (label.includes('.')) return refused
    return except.includes(label) ? undefined : label
  })
}

/**
 * The value of a header. One that is empty, came twice, or holds a comma or anything but printable ASCII is refused.
 *
 * @throws TenancyError `CONFIG.INVALID`
 * @example fromHeader('x-tenant-id')
 */
export function fromHeader(name: string, options: ClaimOptions = {}): ClaimSource {
  checkOptions('fromHeader', options, ['find'])
  const header = headerName(name)
  return claim(options.find, (facts) => onlyValue(facts.header(header)))
}

/**
 * A segment of the path, from its beginning: `acme` of `/t/acme/projects`. It is decoded once. Refused is what can be
 * spelled in a second way: a letter that needs no `%`, a `%`, `/` or `\` within the decoded name, `.` and `..`.
 *
 * @throws TenancyError `CONFIG.INVALID`
 * @example fromPath('/t/:tenant')
 */
export function fromPath(pattern: string, options: ClaimOptions = {}): ClaimSource {
  checkOptions('fromPath', options, ['find'])
  const wanted = typeof pattern === 'string' && /^(?:\/(?::tenant|[\w.~-]+))+$/.test(pattern) ? pattern.split('/') : []
  const at = wanted.indexOf(':tenant')
  if (at === -1 || at !== wanted.lastIndexOf(':tenant')) {
    throw invalid(
      `fromPath was given ${showValue(pattern)}, which is not a path with one :tenant.`,
      "fromPath('/t/:tenant')",
    )
  }
  return claim(options.find, ({ path }) => {
    if (path === undefined) return undefined
    // The absolute form of a request's target: a second host, beside the Host header.
    if (!path.startsWith('/')) return refused
    const segments = path.split('/')
    if (segments.length < wanted.length) return undefined
    for (const [index, literal] of wanted.entries()) {
      const segment = segments[index] as string
      if (index === at || segment === literal) continue
      // Some routers find /T/… and /%74/… all the same.
      return decoded(segment)?.toLowerCase() === literal.toLowerCase() ? refused : undefined
    }
    return nameIn(segments[at] as string)
  })
}

export interface TokenOptions {
  /**
   * Checks a token's signature, algorithm, expiry, issuer and audience, and resolves to its claims; or throws, for
   * which the request is refused. The library itself reads no token.
   */
  readonly verify: (token: string) => Awaitable<object>
  /** The claim with the tenant's id: a text or a safe integer. Default `'tenant_id'`. */
  readonly claim?: string
  /** The header with the token, after `Bearer ` where it is `'authorization'`. Default `'authorization'`. */
  readonly header?: string
}

/**
 * The tenant in a token that your `verify` accepts. A token without the claim names no tenant; a token that does not
 * verify, and a claim that is no id, are refused.
 *
 * @throws TenancyError `CONFIG.INVALID`
 * @example fromToken({ verify: async (token) => (await jwtVerify(token, key, { algorithms: ['ES256'] })).payload })
 */
export function fromToken(options: TokenOptions): OwnSource<unknown> {
  checkOptions('fromToken', options, ['verify', 'claim', 'header'])
  const { verify, claim = 'tenant_id', header = 'authorization' } = options
  if (typeof verify !== 'function') {
    throw invalid('fromToken was given no verify.', 'verify: async (token) => (await jwtVerify(token, key)).payload')
  }
  if (typeof claim !== 'string' || claim === '') {
    throw invalid(`fromToken was given claim: ${showValue(claim)}, which is not a name.`, "claim: 'tenant_id'")
  }
  const name = headerName(header)
  return {
    kind: 'own',
    async find(facts) {
      const value = onlyValue(facts.header(name))
      if (value === undefined || value === refused) return value
      const [, scheme, token] = /^(?:(bearer) +)?([\w.~+/=-]+)$/i.exec(value) ?? []
      if (token === undefined || (name === 'authorization' && scheme === undefined)) return refused
      let claims: unknown
      try {
        claims = await verify(token)
      } catch {
        return refused
      }
      if (typeof claims !== 'object' || claims === null) return refused
      if (!Object.hasOwn(claims, claim)) return undefined
      const id: unknown = (claims as Record<string, unknown>)[claim]
      return typeof id === 'string' || Number.isSafeInteger(id) ? (id as TenantId) : refused
    },
  }
}

/**
 * The tenant of the session that your server keeps.
 *
 * @example fromSession((request) => request.session.tenantId)
 */
export function fromSession<Request>(find: FindTenant<Request>): OwnSource<Request> {
  if (typeof find !== 'function') {
    throw invalid('fromSession was given no function.', 'fromSession((request) => request.session.tenantId)')
  }
  return { kind: 'own', find: (_facts, request) => find(request) }
}

const HOST = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i

function claim(
  find: ClaimOptions['find'],
  nameOf: (facts: RequestFacts) => string | undefined | typeof refused,
): ClaimSource {
  if (find === undefined) return { kind: 'claim', find: nameOf }
  return {
    kind: 'claim',
    async find(facts) {
      const name = nameOf(facts)
      if (typeof name !== 'string') return name
      return (await find(name)) ?? refused
    },
  }
}

/** Undefined where the header did not come. */
function onlyValue(values: readonly string[]): string | undefined | typeof refused {
  if (values.length === 0) return undefined
  const [value] = values as [string]
  // A comma may be two headers that were joined. Bytes beyond ASCII were read as Latin-1, whatever they were.
  return values.length === 1 && /^[\x20-\x2b\x2d-\x7e]+$/.test(value) ? value : refused
}

function nameIn(segment: string): string | typeof refused {
  const name = decoded(segment)
  if (name === undefined || name === '' || name === '.' || name === '..' || /[%/\\]/.test(name)) return refused
  const spelledTwice = [...segment.matchAll(/%[0-9a-f]{2}/gi)].some(([byte]) => /[\w.~-]/.test(decoded(byte) ?? ''))
  return spelledTwice ? refused : name
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}

function headerName(name: unknown): string {
  if (typeof name === 'string' && /^[\w!#$%&'*+.^`|~-]+$/.test(name)) return name.toLowerCase()
  throw invalid(`${showValue(name)} is not the name of a header.`, "'x-tenant-id'")
}

function checkOptions(what: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw invalid(`${what} was given ${showValue(options)} for its options.`, `an object with ${known.join(', ')}`)
  }
  const unknown = Object.keys(options).find((key) => !known.includes(key))
  if (unknown !== undefined)
    throw invalid(`${what} was given the unknown option ${showValue(unknown)}.`, known.join(', '))
  if ('find' in options && options.find !== undefined && typeof options.find !== 'function') {
    throw invalid(`${what} was given a find that is not a function.`, 'find: (name) => tenantId')
  }
}

function invalid(message: string, give: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', message, { hint: `Give ${give}.` })
}
