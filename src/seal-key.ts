import { createHash } from 'node:crypto'
import { types } from 'node:util'
import { TenancyError } from './errors.js'
import { showValue } from './show-value.js'

/** A secret of at least 32 random bytes: as bytes, or as text in base64, base64url or hexadecimal. */
export type SealKey = string | Uint8Array

const BLOCK = 64
const LEAST_BYTES = 32
const MOST_BYTES = 1024
// 32 random bytes hold about 30 different ones; a password or a repeated pattern holds few.
const LEAST_DIFFERENT = 16
const KEY_ID = /^[A-Za-z0-9_-]{1,63}$/

/**
 * The bytes of a key, which errors call `what`. No error shows anything of it.
 *
 * @throws TenancyError `CONFIG.INVALID`
 */
export function readSealKey(key: unknown, what = 'The key of the seal'): Uint8Array {
  // A file or a variable that holds a key often ends with a line break.
  const bytes =
    typeof key === 'string' ? decoded(key.trim()) : types.isUint8Array(key) ? Uint8Array.from(key) : undefined
  // What an environment variable that nobody set comes to.
  if (key === undefined || key === '') throw invalidKey(what, 'is missing')
  if (bytes === undefined) throw invalidKey(what, 'is neither bytes nor text in base64 or hexadecimal')
  if (bytes.length < LEAST_BYTES) throw invalidKey(what, `has ${bytes.length} bytes, fewer than ${LEAST_BYTES}`)
  if (bytes.length > MOST_BYTES) throw invalidKey(what, `has more than ${MOST_BYTES} bytes`)
  if (new Set(bytes).size < LEAST_DIFFERENT) throw invalidKey(what, 'is not random')
  return bytes
}

/**
 * The id of a key, if it can be one: it stands between dots.
 *
 * @throws TenancyError `CONFIG.INVALID`
 */
export function checkKeyId(keyId: unknown, of = 'the seal'): string {
  if (typeof keyId === 'string' && KEY_ID.test(keyId)) return keyId
  throw new TenancyError('CONFIG.INVALID', `The key id of ${of} is ${showValue(keyId)}.`, {
    hint: "Give a name of letters, digits, _ and -, at most 63, such as keyId: '2026-01'.",
  })
}

/**
 * The two blocks that HMAC-SHA256 makes of a key (https://www.rfc-editor.org/rfc/rfc2104#section-2). The database keeps
 * them, and then needs nothing but sha256().
 */
export function padsOf(key: Uint8Array): { inner: Buffer; outer: Buffer } {
  const block = Buffer.alloc(BLOCK)
  block.set(key.length > BLOCK ? createHash('sha256').update(key).digest() : key)
  return { inner: Buffer.from(block.map((byte) => byte ^ 0x36)), outer: Buffer.from(block.map((byte) => byte ^ 0x5c)) }
}

function decoded(text: string): Uint8Array | undefined {
  if (/^(?:[0-9a-f]{2})+$/i.test(text)) return Buffer.from(text, 'hex')
  return /^[A-Za-z0-9+/_-]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined
}

function invalidKey(key: string, why: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', `${key} ${why}.`, {
    hint: `Make one with: node -p "require('crypto').randomBytes(32).toString('base64')"`,
  })
}
