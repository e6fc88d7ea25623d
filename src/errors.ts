import { type RefusalEvent, refusalChannel } from './diagnostics.js'

/** What went wrong, as a stable word to switch on. */
export type TenancyErrorCode =
  | 'TENANT.REQUIRED'
  | 'TENANT.MISMATCH'
  | 'TENANT.INVALID_ID'
  | 'TENANT.NOT_FOUND'
  | 'POLICY.VIOLATION'
  | 'ROLE.BYPASSES_RLS'
  | 'ROLE.LACKS_PRIVILEGE'
  | 'QUERY.UNSUPPORTED'
  | 'CONNECTION.BIND_FAILED'
  | 'CONNECTION.FAILED'
  | 'SQL.INVALID_IDENTIFIER'
  | 'CONFIG.INVALID'
  | 'CONFIG.UNSUPPORTED_VERSION'
  | 'MIGRATION.BLOCKED'
  | 'MIGRATION.CONFLICT'
  | 'MIGRATION.FAILED'
  | 'MIGRATION.ROWS'
  | 'ACROSS.NOT_AUDITED'
  | 'ACROSS.WRITE_REFUSED'
  | 'JOB.REFUSED'
  | 'ISOLATION.LEAKED'
  | 'ISOLATION.UNPROVEN'

export interface TenancyErrorDetails {
  /** What to type to get out of it. */
  hint: string
  docsUrl?: string
  cause?: unknown
  /** Facts for logs. Never rows, parameters, passwords or another tenant's id. */
  meta?: Record<string, unknown>
}

const brand = Symbol.for('prisma-extension-tenancy.error')

/**
 * Gives a class of errors its name as text: a minifier renames classes, and loggers ask the class. Not a static field,
 * which some compilers turn into an assignment, and the name of a function cannot be assigned.
 */
export function named(errorClass: object, name: string): void {
  Object.defineProperty(errorClass, 'name', { value: name })
}

/**
 * Every error of this library. `message` says what happened, and then in a line of its own what to type, which is also
 * `hint`: test runners and loggers print an error's message, and few print its properties.
 *
 * Recognise it with {@link isTenancyError} rather than `instanceof`: a process can hold two copies of a package.
 */
export class TenancyError extends Error {
  static {
    named(TenancyError, 'TenancyError')
  }
  readonly code: TenancyErrorCode
  readonly hint: string
  readonly docsUrl?: string
  readonly meta: Record<string, unknown>
  readonly [brand] = true

  constructor(code: TenancyErrorCode, message: string, details: TenancyErrorDetails) {
    super(withHint(message, details.hint), details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    this.code = code
    this.hint = details.hint
    if (details.docsUrl !== undefined) this.docsUrl = details.docsUrl
    this.meta = metaOf(this, details.meta)
    publish(code, message)
  }
}

/** No tenant in scope: nothing was sent to the database. */
export class NoTenantError extends TenancyError {
  static {
    named(NoTenantError, 'NoTenantError')
  }

  constructor(what = 'This call') {
    super('TENANT.REQUIRED', `${what} needs a tenant, and no scope is open.`, {
      hint: 'Wrap it: withTenant(tenantId, () => …), or withoutTenant(() => …) where no tenant is meant.',
    })
  }
}

/** A row or a transaction belongs to another tenant than the one in scope. */
export class TenantMismatchError extends TenancyError {
  static {
    named(TenantMismatchError, 'TenantMismatchError')
  }

  constructor(message: string, details: TenancyErrorDetails) {
    super('TENANT.MISMATCH', message, details)
  }
}

/** The given id is not a tenant id of the configured type. */
export class InvalidTenantIdError extends TenancyError {
  static {
    named(InvalidTenantIdError, 'InvalidTenantIdError')
  }

  constructor(message: string, details: TenancyErrorDetails) {
    super('TENANT.INVALID_ID', message, details)
  }
}

/** The tenant has no placement: no schema, no database. */
export class TenantNotFoundError extends TenancyError {
  static {
    named(TenantNotFoundError, 'TenantNotFoundError')
  }

  constructor(message: string, details: TenancyErrorDetails) {
    super('TENANT.NOT_FOUND', message, details)
  }
}

/** A policy refused a write (SQLSTATE 42501). `meta` names the table, and the policy where PostgreSQL names it. */
export class PolicyViolationError extends TenancyError {
  static {
    named(PolicyViolationError, 'PolicyViolationError')
  }

  constructor(message: string, details: TenancyErrorDetails) {
    super('POLICY.VIOLATION', message, details)
  }
}

/** The error's sentence without its hint, for output that shows the hint in a place of its own. */
export function withoutHint({ message, hint }: TenancyError): string {
  const end = withHint('', hint)
  return message.endsWith(end) ? message.slice(0, -end.length) : message
}

function withHint(message: string, hint: string): string {
  return `${message}\n  hint: ${hint.replaceAll('\n', '\n  ')}`
}

/** Prisma rebuilds errors that pass through its engine and keeps `code` and this object: the way back to the error. */
function metaOf(error: TenancyError, facts: Record<string, unknown> | undefined): Record<string, unknown> {
  return Object.defineProperty({ ...facts }, brand, { value: error })
}

function publish(code: TenancyErrorCode, message: string): void {
  if (refusalChannel.hasSubscribers) refusalChannel.publish({ code, message } satisfies RefusalEvent)
}

/** Errors that were made for one call; and for the others, who has met them. */
const ofOneCall = new WeakSet<TenancyError>()
const metBy = new WeakMap<TenancyError, Set<unknown>>()

/**
 * The error as the caller of one client method meets it: it names the call, and its stack is the caller's. A new object
 * each time, since Prisma rejects several calls with one error where it sent them together.
 *
 * @param call such as `project.findMany()`, or undefined where nobody knows
 * @param frames the caller's, as lines of a stack
 * @param caller the same for the members of one array transaction, whose refusal is one event
 */
export function errorOfCall(
  original: TenancyError,
  call: string | undefined,
  frames: string,
  caller: unknown = {},
): TenancyError {
  if (ofOneCall.has(original)) return original
  const sentence = withoutHint(original)
  const callers = metBy.get(original) ?? new Set()
  // Its event was published when it was made; the next caller's refusal is another.
  if (callers.size > 0 && !callers.has(caller)) publish(original.code, sentence)
  metBy.set(original, callers.add(caller))
  const error = Reflect.construct(Error, [], original.constructor) as TenancyError
  const { stack: _, meta, ...properties } = Object.getOwnPropertyDescriptors(original)
  const said =
    call === undefined
      ? sentence
      : sentence.startsWith('A query ')
        ? `${call}${sentence.slice(7)}`
        : `${call}: ${sentence}`
  const message = withHint(said, original.hint)
  Object.defineProperties(error, {
    ...properties,
    message: { ...properties.message, value: message } as PropertyDescriptor,
    stack: { value: `${original.name}: ${message}`, writable: true, configurable: true },
    meta: {
      ...meta,
      value: metaOf(error, call === undefined ? original.meta : { ...original.meta, call }),
    } as PropertyDescriptor,
  })
  ofOneCall.add(error)
  return leadTo(error, frames)
}

/** Gives an error the caller's frames, where there are any. */
export function leadTo(error: TenancyError, frames: string): TenancyError {
  const value = `${error.name}: ${error.message}\n${frames}`
  if (frames !== '') Object.defineProperty(error, 'stack', { value, writable: true, configurable: true })
  return error
}

/** Whether this is an error of this library, whichever copy of it threw it. */
export function isTenancyError(error: unknown): error is TenancyError {
  return typeof error === 'object' && error !== null && (error as { [brand]?: unknown })[brand] === true
}

/** The error of this library inside one that was rebuilt around its `meta`, or undefined. */
export function tenancyErrorWithin(error: unknown): TenancyError | undefined {
  if (isTenancyError(error)) return error
  const meta = (error as { meta?: { [brand]?: unknown } } | null | undefined)?.meta
  const original = meta?.[brand]
  return isTenancyError(original) ? original : undefined
}
