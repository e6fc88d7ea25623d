import { AsyncLocalStorage } from 'node:async_hooks'
import type { AcrossUse } from './across/use.js'
import { oneSpelling, tenantIdsInForce } from './configured-clients.js'
import { type ScopeEvent, scopeChannel } from './diagnostics.js'
import { NoTenantError, TenancyError } from './errors.js'
import type { TenantId, TenantIdRule } from './tenant.js'

/** A tenant to open a scope for: its id alone, or with values for the extra settings that the configuration declares. */
export type Tenant = TenantId | { readonly id: TenantId; readonly settings?: Readonly<Record<string, string>> }

/** What is in force for everything awaited inside `withTenant`, `withoutTenant` or `acrossTenants`. */
export class Scope {
  /** In its one spelling. Undefined inside `withoutTenant` and `acrossTenants`. */
  readonly tenant: string | undefined
  /** What ids were when the scope was opened: a client to which they are something else must not bind it. */
  readonly tenantIds: TenantIdRule | undefined
  readonly settings: Readonly<Record<string, string>>
  /** Set inside `acrossTenants`: which use of it this is. */
  readonly across: AcrossUse | undefined
  /** Set while the library itself writes the audit of a use of `acrossTenants`: the id of the use. */
  readonly audits: string | undefined
  /** Set while Prisma's engine works for an extended client: its requests were told apart by scope. */
  readonly admitted: boolean
  /** Set in the body of an interactive transaction, and in every scope that is opened there. */
  readonly transaction: InteractiveTransaction | undefined
  /**
   * What is bound for this scope, kept by who worked it out: one object for a scope and its twins. A scope lives as
   * long as a request, and each of its queries asks.
   */
  readonly bound: { by?: object; binding?: unknown; told?: boolean }
  #admitted: Scope | undefined

  constructor(
    {
      tenant,
      tenantIds,
      settings,
      across,
      audits,
    }: Pick<Scope, 'tenant' | 'tenantIds' | 'settings' | 'across'> & Partial<Pick<Scope, 'audits'>>,
    twin?: Pick<Scope, 'bound' | 'admitted' | 'transaction'>,
  ) {
    this.tenant = tenant
    this.tenantIds = tenantIds
    this.settings = settings
    this.across = across
    this.audits = audits
    this.admitted = twin?.admitted ?? false
    this.transaction = twin?.transaction
    this.bound = twin?.bound ?? {}
  }

  /** The same scope, marked as Prisma's engine at work for an extended client. */
  admit(): Scope {
    if (this.admitted) return this
    const { bound, transaction } = this
    this.#admitted ??= new Scope(this, { bound, transaction, admitted: true })
    return this.#admitted
  }

  /** The same scope, in the body of an interactive transaction. */
  enter(transaction: InteractiveTransaction): Scope {
    return new Scope(this, { bound: this.bound, admitted: false, transaction })
  }

  get inTransaction(): boolean {
    return this.transaction?.over === false
  }
}

/** What its body left running is outside it once it is over. */
export interface InteractiveTransaction {
  over: boolean
}

const MAX_SETTING_BYTES = 4096
const noSettings: Readonly<Record<string, string>> = Object.freeze({})
/** The scope of `withoutTenant`. */
export const noTenantScope = new Scope({
  tenant: undefined,
  tenantIds: undefined,
  settings: noSettings,
  across: undefined,
})
// One scope for all, so `withoutTenant` tells of each use itself.
noTenantScope.bound.told = true

// One storage for all copies of this package in the process: a CommonJS service may load it beside an ESM library.
const storageKey = Symbol.for('prisma-extension-tenancy.scopes')
const shared = globalThis as { [storageKey]?: AsyncLocalStorage<Scope | undefined> }
shared[storageKey] ??= new AsyncLocalStorage<Scope | undefined>()
const scopes = shared[storageKey]

/**
 * Runs `fn` in the scope of a tenant: every query awaited inside sees and writes this tenant's rows only.
 * A scope inside another replaces it whole; no setting is inherited.
 *
 * @param tenant an id, or `{ id, settings }`; setting names are declared in the configuration
 * @returns what `fn` returns; a Prisma promise that `fn` returns unawaited still runs inside
 * @throws InvalidTenantIdError where it is no id of the type that the process's clients take, or of more than 255 bytes
 * @example await withTenant(tenantId, () => prisma.project.findMany())
 */
export async function withTenant<T>(tenant: Tenant, fn: () => T | PromiseLike<T>): Promise<T> {
  return openScope(tenantScope(tenant), async () => await fn())
}

/**
 * Runs `fn` with no tenant, deliberately: shared tables work, tenant tables show nothing and take nothing.
 *
 * @example const tenant = await withoutTenant(() => prisma.tenant.findUnique({ where: { host } }))
 */
export async function withoutTenant<T>(fn: () => T | PromiseLike<T>): Promise<T> {
  if (scopeChannel.hasSubscribers) runInScope(noTenantScope, () => tellScope(noTenantScope))
  return openScope(noTenantScope, async () => await fn())
}

/**
 * The id of the tenant in scope as it is stored, whichever spelling of it was given: compare it, use it as a key.
 *
 * @throws NoTenantError outside any scope and inside `withoutTenant`
 */
export function currentTenant(): string {
  const tenant = tryCurrentTenant()
  if (tenant === undefined) throw new NoTenantError('currentTenant()')
  return tenant
}

/** The id of the tenant in scope as it is stored, or `undefined`. */
export function tryCurrentTenant(): string | undefined {
  return scopes.getStore()?.tenant
}

/** The scope in force, or undefined. */
export function currentScope(): Scope | undefined {
  return scopes.getStore()
}

/** Runs `fn` in a scope that is opened here: in a transaction's body, it is a scope inside that transaction. */
export function openScope<T>(scope: Scope, fn: () => T): T {
  const transaction = scopes.getStore()?.transaction
  return runInScope(transaction === undefined ? scope : scope.enter(transaction), fn)
}

/** Runs `fn` in exactly this scope; `undefined` is outside any. */
export function runInScope<T>(scope: Scope | undefined, fn: () => T): T {
  // Entered many times: by its queries, by the events of its request. Opened once.
  if (!scopeChannel.hasSubscribers || scope === undefined || scope.bound.told) return scopes.run(scope, fn)
  return scopes.run(scope, () => {
    scope.bound.told = true
    tellScope(scope)
    return fn()
  })
}

function tellScope({ tenant, across }: Scope): void {
  scopeChannel.publish(
    (tenant !== undefined ? { kind: 'tenant', tenant } : { kind: across ? 'across' : 'none' }) satisfies ScopeEvent,
  )
}

/** The scope of a tenant, checked and in its one spelling. */
export function tenantScope(tenant: Tenant): Scope {
  if (!isPlainObject(tenant)) return scopeOf(oneSpelling(tenant), noSettings)
  for (const key of Object.keys(tenant)) {
    if (key !== 'id' && key !== 'settings') {
      throw new TenancyError('CONFIG.INVALID', `withTenant was given the unknown property ${JSON.stringify(key)}.`, {
        hint: 'Give an id, or { id, settings }.',
      })
    }
  }
  return scopeOf(oneSpelling(tenant.id), checkSettings(tenant.settings))
}

/** The scope of one use of `acrossTenants`. */
export function acrossScope(across: AcrossUse): Scope {
  return new Scope({ tenant: undefined, tenantIds: undefined, settings: noSettings, across })
}

/** No tenant, in which nothing but the audit of one use of `acrossTenants` is written. */
export function auditScope(use: string): Scope {
  return new Scope({ tenant: undefined, tenantIds: undefined, settings: noSettings, across: undefined, audits: use })
}

function scopeOf(tenant: string, settings: Readonly<Record<string, string>>): Scope {
  return new Scope({ tenant, tenantIds: tenantIdsInForce(), settings, across: undefined })
}

function checkSettings(settings: unknown): Readonly<Record<string, string>> {
  if (settings === undefined) return noSettings
  if (!isPlainObject(settings)) {
    throw new TenancyError(
      'CONFIG.INVALID',
      'withTenant was given settings that are not an object of names and texts.',
      {
        hint: "Give settings: { 'app.user_id': userId }.",
      },
    )
  }
  const checked: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(settings)) {
    if (
      typeof value !== 'string' ||
      value.includes('\0') ||
      value.length > MAX_SETTING_BYTES ||
      Buffer.byteLength(value) > MAX_SETTING_BYTES ||
      /\p{Surrogate}/u.test(value)
    ) {
      throw new TenancyError(
        'CONFIG.INVALID',
        `The value of the setting ${JSON.stringify(name.slice(0, 63))} is not text of at most ${MAX_SETTING_BYTES} bytes.`,
        {
          hint: 'Give a string without NUL: settings: { [name]: String(value) }.',
        },
      )
    }
    checked[name] = value
  }
  return Object.freeze(checked)
}

/** An object literal, and no array, Date or instance of a class: what JSON and options are made of. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
