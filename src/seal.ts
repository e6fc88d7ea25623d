import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { TenancyError } from './errors.js'
import { checkKeyId, readSealKey, type SealKey } from './seal-key.js'
import { checkSettingName } from './setting-name.js'
import { showValue } from './show-value.js'
import { checkValidFor, SEAL_SETTING, SEAL_VALID_FOR, sealPurpose } from './sql/seal.js'

/** With what tenants are sealed: see `sealTenants` of prisma-extension-tenancy/sql for the database's part. */
export interface SealOptions {
  /** Which of the database's keys this is, such as `'2026-01'`: letters, digits, `_` and `-`, at most 63. */
  keyId: string
  /**
   * At least 32 random bytes, as bytes or as text in base64 or hexadecimal. A secret like a password: not in code, and a
   * key of its own for every database. `node -p "require('crypto').randomBytes(32).toString('base64')"` makes one.
   */
  key: SealKey | undefined
  /** The run-time parameter that carries the seal. Default `'app.tenant_seal'`. */
  setting?: string | undefined
  /** How long a seal is valid, in seconds, 60 to 3600. Default 300. The database must allow as much. */
  validFor?: number | undefined
}

interface Seal {
  readonly text: string
  readonly signedAt: number
}

const MAX_CACHED = 10_000

/**
 * Signs tenants: `mac.expiry.key.tenant`, the mac being HMAC-SHA256 of all that follows it. Without the key nobody
 * writes another tenant into it, nor another expiry.
 */
export class Sealer {
  readonly setting: string
  readonly #keyId: string
  readonly #key: KeyObject
  readonly #purpose: string
  readonly #validFor: number
  /** In the order in which they were signed: the first is the oldest. */
  readonly #seals = new Map<string, Seal>()

  /** @throws TenancyError `CONFIG.INVALID` */
  constructor(options: SealOptions) {
    const { keyId, key, setting = SEAL_SETTING, validFor = SEAL_VALID_FOR } = checkOptions(options)
    this.setting = checkSettingName(setting)
    this.#keyId = checkKeyId(keyId)
    this.#key = createSecretKey(readSealKey(key))
    this.#purpose = sealPurpose(this.setting)
    this.#validFor = checkValidFor(validFor)
  }

  /** The seal of a tenant, `''` being no tenant. At least half of its validity is left. */
  seal(tenant: string): string {
    const now = Math.floor(Date.now() / 1000)
    const known = this.#seals.get(tenant)
    // A clock that was set back would keep a seal that the database takes for one that is valid too long.
    if (known !== undefined && now >= known.signedAt && now < known.signedAt + this.#validFor / 2) return known.text
    const text = this.#sign(tenant, now + this.#validFor)
    this.#seals.delete(tenant)
    this.#seals.set(tenant, { text, signedAt: now })
    if (this.#seals.size > MAX_CACHED) this.#seals.delete(this.#seals.keys().next().value as string)
    return text
  }

  #sign(tenant: string, expiry: number): string {
    const signed = `.${expiry}.${this.#keyId}.${tenant}`
    return (
      createHmac('sha256', this.#key)
        .update(this.#purpose + signed)
        .digest('hex') + signed
    )
  }
}

function checkOptions(options: SealOptions): SealOptions {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalid(`The option seal is ${typeof options === 'string' ? 'a text' : showValue(options)}`)
  }
  const unknown = Object.keys(options).find((name) => !['keyId', 'key', 'setting', 'validFor'].includes(name))
  if (unknown !== undefined) throw invalid(`The option seal has no option ${showValue(unknown)}`)
  return options
}

function invalid(sentence: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', `${sentence}.`, {
    hint: "Give seal: { keyId: '2026-01', key: process.env.TENANT_SEAL_KEY }.",
  })
}
