import { currentTenant } from '../context.js'
import { TenancyError } from '../errors.js'
import { showValue } from '../show-value.js'
import { tenantName } from '../tenant-name.js'

/**
 * The key with the tenant in scope before it. A tenant's name has no slash, so the first one ends it and no two pairs are
 * one key; and no colon, which BullMQ keeps for itself.
 */
export function currentJobKey(key: string): string {
  if (typeof key !== 'string') {
    throw new TenancyError('CONFIG.INVALID', `The key of a job is ${showValue(key)}.`, { hint: 'Give a text.' })
  }
  return `${tenantName(currentTenant())}/${key}`
}
