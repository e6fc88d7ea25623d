import { createHmac } from 'node:crypto'
import { spellingOf } from '../configured-clients.js'
import { tryCurrentTenant } from '../context.js'
import { readSealKey, type SealKey } from '../seal-key.js'
import type { TenantId } from '../tenant.js'

export interface TenantHashOptions {
  /**
   * At least 32 random bytes: as bytes, or as text in base64 or hexadecimal. Without it nobody can find out whose hash it
   * is, by trying all ids either. Use one for this alone; a new one gives every tenant a new hash.
   */
  readonly key: SealKey
}

const HEX_DIGITS = 16
const MOST_KEPT = 1000

/**
 * Makes a function that gives each tenant a name that does not tell who it is: the first 64 bits of an HMAC-SHA-256, as
 * 16 hexadecimal digits. Two of a million tenants have the same with a probability of 1 in 10⁷.
 *
 * All spellings of one id have one hash.
 *
 * @throws TenancyError `CONFIG.INVALID` where the key is missing, short or not random
 * @example tenantSpanProcessor({ id: hashTenant({ key: process.env.TENANT_HASH_KEY }) })
 */
export function hashTenant({ key }: TenantHashOptions): (tenant: TenantId) => string {
  const bytes = readSealKey(key, 'The key of tenant hashes')
  // A span or a metric asks again and again for the few tenants that are busy.
  const kept = new Map<string, string>()
  return (tenant) => {
    const id = spellingOf(tenant)
    let hash = kept.get(id)
    if (hash === undefined) {
      if (kept.size === MOST_KEPT) kept.clear()
      hash = createHmac('sha256', bytes).update(`tenant hash\0${id}`).digest('hex').slice(0, HEX_DIGITS)
      kept.set(id, hash)
    }
    return hash
  }
}

/**
 * Makes a function that answers with the label of a metric: `{ tenant: hash }` of the tenant in scope, or `{}`. A metric
 * gets a series for each tenant then, which is why nothing does this unasked.
 *
 * @throws TenancyError `CONFIG.INVALID`, as {@link hashTenant}
 * @example const label = tenantLabel({ key }); requests.add(1, { route, ...label() })
 */
export function tenantLabel(options: TenantHashOptions): () => { tenant?: string } {
  const hash = hashTenant(options)
  return () => {
    const tenant = tryCurrentTenant()
    return tenant === undefined ? {} : { tenant: hash(tenant) }
  }
}
