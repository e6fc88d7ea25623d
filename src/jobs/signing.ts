import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import { TenancyError } from '../errors.js'
import { checkKeyId, readSealKey, type SealKey } from '../seal-key.js'
import { showValue } from '../show-value.js'

/** A key that payloads are signed with. */
export interface SigningKey {
  /** Stands in the signature, in the clear: letters, digits, `_` and `-`, at most 63. */
  readonly keyId: string
  /**
   * At least 32 random bytes, as bytes or as text in base64 or hexadecimal, and no other secret of the service.
   * `node -p "require('crypto').randomBytes(32).toString('base64')"` makes one.
   */
  readonly key: SealKey | undefined
}

/** Where a job goes. Both names are signed, so that a payload for one queue or job is refused by every other. */
export interface JobTarget {
  readonly queue: string
  /** The name of the job. Default: the queue's, for queues whose jobs have none of their own. */
  readonly name?: string | undefined
}

/** What a signature covers. */
export interface Signed {
  readonly tenant: string
  readonly settings: Readonly<Record<string, string>> | undefined
  readonly target: JobTarget
}

// What is signed here can never be taken for a seal or for another version of this, whatever keys somebody shares.
const PURPOSE = 'prisma-extension-tenancy/jobs/1'
const HINT = "Give signingKeys: [{ keyId: '2026-01', key: process.env.JOB_SIGNING_KEY }]."

/** Signs with the first of its keys and accepts what any of them signed. */
export class Signer {
  readonly #first: string
  readonly #keys = new Map<string, KeyObject>()

  /** @throws TenancyError `CONFIG.INVALID` */
  constructor(keys: readonly SigningKey[]) {
    if (!Array.isArray(keys) || keys.length === 0)
      throw invalid(`signingKeys is ${Array.isArray(keys) ? 'an empty list' : showValue(keys)}`, HINT)
    for (const entry of keys) {
      if (typeof entry !== 'object' || entry === null) throw invalid('A signing key is not an object', HINT)
      const keyId = checkKeyId(entry.keyId, 'a signing key')
      if (this.#keys.has(keyId)) throw invalid(`The key id ${showValue(keyId)} stands for two signing keys`, HINT)
      this.#keys.set(keyId, createSecretKey(readSealKey(entry.key, `The signing key ${showValue(keyId)}`)))
    }
    this.#first = [...this.#keys.keys()][0] as string
  }

  sign(signed: Signed): string {
    return `${this.#first}.${this.#mac(this.#first, signed)}`
  }

  /** @throws TenancyError `JOB.REFUSED`: unsigned, signed with a key that is not listed, or for something else */
  verify(signature: string | undefined, signed: Signed): void {
    if (signature === undefined) {
      throw refused('its payload is not signed', 'Enqueue it with the jobs({ signingKeys }) that its worker has.')
    }
    const end = signature.indexOf('.')
    const keyId = signature.slice(0, Math.max(end, 0))
    if (!this.#keys.has(keyId)) {
      throw refused(
        `it was signed with ${end > 0 ? `the key ${showValue(keyId)}` : 'no key'}, which is not accepted`,
        'List the key in signingKeys, behind the one that signs, until the last job that it signed is done.',
      )
    }
    const given = Buffer.from(signature.slice(end + 1))
    const expected = Buffer.from(this.#mac(keyId, signed))
    // The texts and not the bytes: base64 has several spellings of one value.
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw refused(
        'its signature is not that of this tenant, queue, name and settings',
        'Something changed the payload, or moved it to another queue or name, after it was enqueued.',
      )
    }
  }

  #mac(keyId: string, { tenant, settings = {}, target }: Signed): string {
    // JSON keeps the parts apart, whatever stands in them.
    const names = Object.keys(settings).sort()
    const parts = [
      PURPOSE,
      keyId,
      target.queue,
      target.name ?? target.queue,
      tenant,
      names.map((name) => [name, settings[name]]),
    ]
    return createHmac('sha256', this.#keys.get(keyId) as KeyObject)
      .update(JSON.stringify(parts))
      .digest('base64url')
  }
}

function refused(why: string, hint: string): TenancyError {
  return new TenancyError('JOB.REFUSED', `The job is refused: ${why}.`, { hint })
}

function invalid(sentence: string, hint: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', `${sentence}.`, { hint })
}
