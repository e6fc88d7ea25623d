import type { Scope } from './context.js'
import { NoTenantError, TenancyError } from './errors.js'
import type { StatementOptions } from './gate/statement-rules.js'
import { connectionOfTheApp } from './refusals.js'
import { Sealer, type SealOptions } from './seal.js'
import { checkSettingName } from './setting-name.js'
import { showValue } from './show-value.js'
import { ACROSS_USE } from './sql/across-audit.js'
import { quoteLiteral } from './sql/quote.js'
import { canonicalTenantId, type TenantId, type TenantIdRule, type TenantIdType, tenantIdRule } from './tenant.js'

/** How tenants are named and bound. In pool mode these are options of `TenantPool`, in portable mode of `tenancy()`. */
export interface BindingOptions extends StatementOptions {
  /** The PostgreSQL run-time parameter that carries the tenant. Default `'app.tenant_id'`. */
  setting?: string | undefined
  /**
   * Names of extra settings that a scope may give a value, such as `['app.user_id']`. Every binding sets every one of
   * them, to `''` where the scope gives none. Default `[]`.
   */
  settings?: readonly string[] | undefined
  /** What tenant ids are, for the whole process: a second client that is alive says the same. Default `'uuid'`. */
  tenantId?: TenantIdType | undefined
  /**
   * The column that holds a row's tenant. A model's write that names another tenant in it than the one in scope is
   * `TenantMismatchError` before the database sees it. Default `'tenant_id'`.
   */
  tenantColumn?: string | undefined
  /**
   * Signs what is bound, for policies that check it (`sealTenants()` of prisma-extension-tenancy/sql): not even SQL that
   * was injected then reads another tenant. Default: nothing is signed.
   */
  seal?: SealOptions | undefined
}

/** A scope in the form in which a transaction receives it. */
export interface Binding {
  /** Equal exactly where the same is bound: same tenant, same settings. */
  readonly key: string
  /** One value for each parameter of {@link Binder.sql}. Read it when it is sent: a seal is renewed while a scope lasts. */
  readonly values: readonly string[]
  /** In place of the binder's own SQL, where more is bound. */
  readonly sql?: string | undefined
  /** A statement that opens the transaction, where it must come before every query. */
  readonly opening?: string | undefined
}

/** A seal is good for minutes, a scope may last for hours. The key knows nothing of it: the same tenant is the same. */
class SealedBinding implements Binding {
  readonly key: string
  readonly #plain: readonly string[]
  readonly #sealer: Sealer

  constructor(key: string, plain: readonly string[], sealer: Sealer) {
    this.key = key
    this.#plain = plain
    this.#sealer = sealer
  }

  get values(): readonly string[] {
    return [...this.#plain, this.#sealer.seal(this.#plain[0] as string)]
  }
}

/** The audit's policies let through the one row whose id is bound: statements of a tenant's bind none, and cannot. */
class AuditBinding implements Binding {
  readonly key: string
  readonly sql: string
  readonly #plain: Binding
  readonly #use: string

  constructor(plain: Binding, sql: string, use: string) {
    this.key = `audit\0${use}`
    this.#plain = plain
    this.sql = `${sql}, pg_catalog.set_config(${quoteLiteral(ACROSS_USE)}, $${plain.values.length + 1}, true)`
    this.#use = use
  }

  get values(): readonly string[] {
    return [...this.#plain.values, this.#use]
  }
}

/** Turns scopes into bindings, and refuses what cannot be bound. */
export interface Binds {
  /** Binds a transaction and answers with what it bound: a column for each value of a {@link Binding}, as it was given. */
  readonly sql: string
  bind(scope: Scope | undefined): Binding
}

/** Binds tenants. */
export class Binder implements Binds {
  /**
   * Binds a transaction and answers with what it bound. `true` is `is_local`: the value ends with the transaction
   * (https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SET).
   */
  readonly sql: string
  readonly tenantColumn: string
  readonly tenantIds: TenantIdRule
  readonly #settings: readonly string[]
  readonly #sealer: Sealer | undefined

  constructor({
    setting = 'app.tenant_id',
    settings = [],
    tenantId = 'uuid',
    tenantColumn = 'tenant_id',
    seal,
  }: BindingOptions = {}) {
    if (typeof tenantColumn !== 'string' || tenantColumn === '') {
      throw new TenancyError('CONFIG.INVALID', `${showValue(tenantColumn)} is not the name of a column.`, {
        hint: "Give tenantColumn: 'tenant_id'.",
      })
    }
    this.tenantColumn = tenantColumn
    if (!Array.isArray(settings)) {
      throw new TenancyError('CONFIG.INVALID', 'settings is not a list of setting names.', {
        hint: "Give settings: ['app.user_id'].",
      })
    }
    this.#sealer = seal === undefined ? undefined : new Sealer(seal)
    const plain = [checkSettingName(setting), ...settings.map(checkSettingName)]
    const names = this.#sealer ? [...plain, this.#sealer.setting] : plain
    // checkSettingName brings names to one spelling, as PostgreSQL does: two would be one setting bound twice.
    if (new Set(names).size !== names.length) {
      throw new TenancyError('CONFIG.INVALID', `A setting is declared twice: ${names.join(', ')}.`, {
        hint: "Declare each extra setting once in settings, the tenant's own only as setting, and the seal's only in seal.",
      })
    }
    this.#settings = plain.slice(1)
    this.tenantIds = tenantIdRule(tenantId)
    this.sql = `SELECT ${names.map((name, i) => `pg_catalog.set_config(${quoteLiteral(name)}, $${i + 1}, true)`).join(', ')}`
  }

  /**
   * @throws NoTenantError without a scope
   * @throws TenancyError `CONFIG.INVALID` where ids were something else when the scope was opened
   */
  bind(scope: Scope | undefined): Binding {
    if (scope === undefined) throw new NoTenantError('A query')
    const { bound } = scope
    if (bound.by !== this) {
      // Here as a last net: such scopes have a binder of their own.
      if (scope.across !== undefined) throw connectionOfTheApp()
      if (scope.tenant !== undefined && scope.tenantIds !== this.tenantIds) throw opened(scope)
      const values = [scope.tenant ?? '', ...this.#valuesOf(scope)]
      // No value contains NUL, so the joined text is as good as the list.
      const key = values.join('\0')
      const plain: Binding = this.#sealer ? new SealedBinding(key, values, this.#sealer) : { key, values }
      bound.binding = scope.audits === undefined ? plain : new AuditBinding(plain, this.sql, scope.audits)
      bound.by = this
    }
    return bound.binding as Binding
  }

  /** Is this the id of a tenant, and of another than the scope's? What is no id at all is for the database to refuse. */
  namesOther({ tenant }: Scope, value: unknown): boolean {
    if (tenant === undefined || value === undefined || value === null) return false
    try {
      return canonicalTenantId(value as TenantId, this.tenantIds) !== tenant
    } catch {
      return false
    }
  }

  #valuesOf(scope: Scope): string[] {
    const given = new Map<string, string>()
    for (const [name, value] of Object.entries(scope.settings)) {
      if (!this.#settings.includes(name.toLowerCase())) {
        throw new TenancyError('CONFIG.INVALID', `The setting ${showValue(name)} is not declared.`, {
          hint: `Declare it where the client is made: settings: ['app.user_id'].`,
        })
      }
      if (given.has(name.toLowerCase())) {
        throw new TenancyError('CONFIG.INVALID', `The setting ${showValue(name)} is given twice.`, {
          hint: 'Give each setting once: PostgreSQL does not tell upper and lower case apart.',
        })
      }
      given.set(name.toLowerCase(), value)
    }
    return this.#settings.map((name) => given.get(name) ?? '')
  }
}

/** `a0ee…` may be another tenant than `A0EE…` for this client, and the scope no longer knows which of them was given. */
function opened({ tenantIds }: Scope): TenancyError {
  return new TenancyError(
    'CONFIG.INVALID',
    `The scope was opened when tenant ids were ${typeof tenantIds === 'string' ? `'${tenantIds}'` : 'of another type'}, which is not this client's tenantId.`,
    { hint: 'Make the client before the scope: const pool = new TenantPool({ … }), then withTenant(id, () => …).' },
  )
}
