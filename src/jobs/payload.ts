import { currentScope, isPlainObject } from '../context.js'
import { NoTenantError, TenancyError } from '../errors.js'
import { showValue } from '../show-value.js'
import { checkTenantId, type TenantId } from '../tenant.js'

/** What a payload says about its tenant. JSON, since that is what queues keep. */
export interface TenancyField {
  /** The id as text: JSON knows no bigint, and a pool reads the text of an id as it reads the id. */
  readonly tenant: string
  /** The extra settings of the scope, where it had any. */
  readonly settings?: Readonly<Record<string, string>>
  /** `key.mac`, where signing keys are given. */
  readonly signature?: string
}

/** Your data, and the tenant it belongs to in one field of its own. */
export type TenantPayload<Data = object> = Data & { readonly tenancy: TenancyField }

/** What a field was before it was checked. */
export interface ReadField {
  readonly tenant: TenantId
  readonly settings: Readonly<Record<string, string>> | undefined
  readonly signature: string | undefined
}

const FIELD = 'tenancy'
const PARTS = new Set(['tenant', 'settings', 'signature'])

/**
 * The data with the tenant in scope beside it.
 *
 * @throws NoTenantError outside a tenant's scope
 * @throws TenancyError `CONFIG.INVALID` where the data is no plain object, or has a field of this name already
 */
export function writePayload<Data extends object>(
  data: Data | undefined,
  finish: (field: TenancyField) => TenancyField,
): TenantPayload<Data> {
  const scope = currentScope()
  if (scope?.tenant === undefined) throw new NoTenantError('A job')
  if (data !== undefined && !isPlainObject(data)) {
    throw invalid(
      `The data of a job is ${showValue(data)}, which no tenant can be written into`,
      'Give a plain object: tenantPayload({ userId }). A Date, a Map or an instance of a class would not survive JSON.',
    )
  }
  if (data !== undefined && typeof (data as { toJSON?: unknown }).toJSON === 'function') {
    throw invalid(
      'The data of a job has a method toJSON, which decides what the queue keeps of it',
      'Give what it returns: tenantPayload(data.toJSON()).',
    )
  }
  // `in` would also find what somebody put on Object.prototype, and then no job could be enqueued at all.
  if (data !== undefined && Object.hasOwn(data, FIELD)) {
    throw invalid(
      'The data of a job has a field "tenancy" of its own',
      'Rename it, or enqueue the data as it was before tenantPayload(): a retried payload has its tenant already.',
    )
  }
  const field = {
    tenant: scope.tenant,
    ...(Object.keys(scope.settings).length > 0 && { settings: { ...scope.settings } }),
  }
  return { ...(data as Data), [FIELD]: finish(field) }
}

/**
 * What a payload says about its tenant. Nothing of it is trusted yet.
 *
 * @throws TenancyError `TENANT.REQUIRED` where it says nothing
 * @throws InvalidTenantIdError, TenancyError `TENANT.INVALID_ID` where what it says is no tenant
 */
export function readPayload(payload: unknown): ReadField {
  // Own properties only: an Object.prototype.tenancy would make every job without a tenant somebody's.
  const field: unknown = isPlainObject(payload) && Object.hasOwn(payload, FIELD) ? payload[FIELD] : undefined
  if (field === undefined) {
    throw new TenancyError('TENANT.REQUIRED', 'The job is refused: its payload names no tenant.', {
      hint: 'Enqueue it inside withTenant(tenantId, …) with tenantPayload(data), or with the wrapper of your queue.',
    })
  }
  if (!isPlainObject(field)) throw refused(`it is ${showValue(field)}`)
  const unknown = Object.keys(field).find((name) => !PARTS.has(name))
  if (unknown !== undefined) throw refused(`it has the unknown part ${showValue(unknown)}`)
  const part = (name: string): unknown => (Object.hasOwn(field, name) ? field[name] : undefined)
  const signature = part('signature')
  if (signature !== undefined && typeof signature !== 'string')
    throw refused(`its signature is ${showValue(signature)}`)
  return { tenant: checkTenantId(part('tenant')), settings: readSettings(part('settings')), signature }
}

function readSettings(settings: unknown): Readonly<Record<string, string>> | undefined {
  if (settings === undefined) return undefined
  if (!isPlainObject(settings) || Object.values(settings).some((value) => typeof value !== 'string')) {
    throw refused('its settings are not an object of names and texts')
  }
  return settings as Record<string, string>
}

function refused(why: string): TenancyError {
  return new TenancyError('TENANT.INVALID_ID', `The job is refused: its field "tenancy" is not a tenant, ${why}.`, {
    hint: 'Only tenantPayload() and the wrappers of the queues write this field.',
  })
}

function invalid(sentence: string, hint: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', `${sentence}.`, { hint })
}
