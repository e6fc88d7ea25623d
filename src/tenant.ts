import { InvalidTenantIdError, TenancyError } from './errors.js'
import { showValue } from './show-value.js'

/** A tenant's id as users give it: a uuid, an integer or a short text. */
export type TenantId = string | number | bigint

/**
 * What tenant ids are.
 *
 * - `'uuid'`: 32 hexadecimal digits in the 8-4-4-4-12 form, any case; bound in lower case
 * - `'int'`, `'bigint'`: decimal digits without sign tricks or leading zeros, within PostgreSQL's range
 * - `'text'`: 1 to 255 bytes of NFC-normalised text without control characters or surrounding white space
 * - `{ parse }`: your own; gets the id as text, returns the one canonical form, throws where there is none
 */
export type TenantIdType = 'uuid' | 'int' | 'bigint' | 'text' | { readonly parse: (id: string) => string }

const MAX_BYTES = 255
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const INTEGER = /^(?:0|-?[1-9][0-9]*)$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

/** Shape and length only, so that `withTenant` can refuse nonsense without knowing the configured type. */
export function checkTenantId(id: unknown): TenantId {
  switch (typeof id) {
    case 'number':
      if (Number.isSafeInteger(id) && !Object.is(id, -0)) return id
      throw invalid(id, 'a number must be a safe integer')
    case 'bigint':
      if (BigInt.asIntN(64, id) === id) return id
      throw invalid(id, 'it does not fit 64 bits')
    case 'string':
      if (id === '') throw invalid(id, 'it is empty')
      // The length in UTF-16 units never exceeds the length in bytes: a megabyte is refused without being encoded.
      if (id.length > MAX_BYTES || Buffer.byteLength(id) > MAX_BYTES)
        throw invalid(id, `it has more than ${MAX_BYTES} bytes`)
      if (CONTROL.test(id)) throw invalid(id, 'it contains control characters')
      if (!isWellFormed(id)) throw invalid(id, 'it is not well-formed Unicode')
      return id
    default:
      throw invalid(id, 'it is no string, integer or bigint')
  }
}

/** The function that brings an id of this type to its one canonical form, or throws `InvalidTenantIdError`. */
export function tenantIdParser(type: TenantIdType): (id: TenantId) => string {
  switch (type) {
    case 'uuid':
      return (id) => {
        if (typeof id === 'string' && UUID.test(id)) return id.toLowerCase()
        throw invalid(id, 'it is not a uuid')
      }
    case 'int':
      return (id) => parseInteger(id, 32)
    case 'bigint':
      return (id) => parseInteger(id, 64)
    case 'text':
      return parseText
  }
  const parse = (type as { parse?: unknown } | null | undefined)?.parse
  if (typeof parse !== 'function') {
    throw new TenancyError('CONFIG.INVALID', `The option tenantId is ${showValue(type)}, which is no type of id.`, {
      hint: "Give tenantId: 'uuid', 'int', 'bigint', 'text' or { parse: (id) => string }.",
    })
  }
  return (id) => parseWith(parse as (id: string) => unknown, id)
}

function parseInteger(id: TenantId, bits: 32 | 64): string {
  const text = String(id)
  if (!INTEGER.test(text)) throw invalid(id, 'it is not an integer in its plain decimal form')
  if (text.length > 20 || BigInt.asIntN(bits, BigInt(text)) !== BigInt(text))
    throw invalid(id, `it does not fit ${bits} bits`)
  return text
}

function parseText(id: TenantId): string {
  if (typeof id !== 'string') throw invalid(id, 'it is not a string')
  if (id.trim() !== id) throw invalid(id, 'it begins or ends with white space')
  if (id.normalize('NFC') !== id) throw invalid(id, 'it is not in Unicode normalization form C')
  return id
}

function parseWith(parse: (id: string) => unknown, id: TenantId): string {
  let parsed: unknown
  try {
    parsed = parse(String(id))
  } catch (cause) {
    throw invalid(id, 'tenantId.parse refused it', cause)
  }
  if (typeof parsed !== 'string') throw invalid(id, `tenantId.parse returned ${showValue(parsed)}, which is no string`)
  return checkTenantId(parsed) as string
}

function invalid(id: unknown, why: string, cause?: unknown): InvalidTenantIdError {
  return new InvalidTenantIdError(`The tenant id ${showValue(id)} cannot be used: ${why}.`, {
    hint: "Pass the tenant's id as it stands in the tenant column: withTenant(user.tenantId, () => …).",
    cause,
  })
}

function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}
