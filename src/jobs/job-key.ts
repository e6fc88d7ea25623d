import { currentTenant } from '../context.js'
import { TenancyError } from '../errors.js'
import { showValue } from '../show-value.js'

/**
 * The key with the tenant in scope before it. An encoded id has no slash, so the first one ends it and no two pairs are
 * one key; and no colon, which BullMQ keeps for itself.
 */
export function currentJobKey(key: string, canonical: (id: string) => string): string {
  if (typeof key !== 'string') {
    throw new TenancyError('CONFIG.INVALID', `The key of a job is ${showValue(key)}.`, { hint: 'Give a text.' })
  }
  return `${encodeURIComponent(canonical(currentTenant()))}/${key}`
}
