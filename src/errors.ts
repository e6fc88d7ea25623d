import { type RefusalEvent, refusalChannel } from './diagnostics.js'

/** What went wrong, as a stable word to switch on. */
export type TenancyErrorCode =
  | 'TENANT.REQUIRED'
  | 'TENANT.MISMATCH'
  | 'TENANT.INVALID_ID'
  | 'TENANT.NOT_FOUND'
  | 'POLICY.VIOLATION'
  | 'ROLE.BYPASSES_RLS'
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
 * Every error of this library. `message` says what happened, `hint` what to type.
 *
 * Recognise it with {@link isTenancyError} rather than `instanceof`: a process can hold two copies of a package.
 */
export class TenancyError extends Error {
  readonly code: TenancyErrorCode
  readonly hint: string
  readonly docsUrl?: string
  readonly meta: Record<string, unknown>
  readonly [brand] = true

  constructor(code: TenancyErrorCode, message: string, details: TenancyErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    this.code = code
    this.hint = details.hint
    if (details.docsUrl !== undefined) this.docsUrl = details.docsUrl
    this.meta = { ...details.meta }
    // Prisma rebuilds errors that pass through its engine and keeps `code` and this object: the way back to the original.
    Object.defineProperty(this.meta, brand, { value: this })
    if (refusalChannel.hasSubscribers) refusalChannel.publish({ code, message } satisfies RefusalEvent)
  }
}

/** No tenant in scope: nothing was sent to the database. */
export class NoTenantError extends TenancyError {
  constructor(what = 'This call') {
    super('TENANT.REQUIRED', `${what} needs a tenant, and no scope is open.`, {
      hint: 'Wrap it: withTenant(tenantId, () => …), or withoutTenant(() => …) where no tenant is meant.',
    })
  }
}

/** A row or a transaction belongs to another tenant than the one in scope. */
export class TenantMismatchError extends TenancyError {
  constructor(message: string, details: TenancyErrorDetails) {
    super('TENANT.MISMATCH', message, details)
  }
}

/** The given id is not a tenant id of the configured type. */
export class InvalidTenantIdError extends TenancyError {
  constructor(message: string, details: TenancyErrorDetails) {
    super('TENANT.INVALID_ID', message, details)
  }
}

/** The tenant has no placement: no schema, no database. */
export class TenantNotFoundError extends TenancyError {
  constructor(message: string, details: TenancyErrorDetails) {
    super('TENANT.NOT_FOUND', message, details)
  }
}

/** The database refused a write because its row belongs to no tenant or to another one (SQLSTATE 42501). */
export class PolicyViolationError extends TenancyError {
  constructor(cause: unknown, table?: string) {
    super('POLICY.VIOLATION', `Row-level security refused the write${table ? ` to "${table}"` : ''}.`, {
      hint: 'Leave the tenant column out (its default is the tenant in scope), or open the scope of the tenant that the row belongs to.',
      docsUrl: 'https://www.postgresql.org/docs/current/ddl-rowsecurity.html',
      cause,
      meta: table ? { table } : {},
    })
  }
}

/** Is this an error of this library, whichever copy of it threw it? */
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
