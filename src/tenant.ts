import { InvalidTenantIdError, TenancyError } from './errors.js'
import { showValue } from './show-value.js'

/** A tenant's id as users give it: a uuid, an integer or a short text. Each type has one spelling of each id. */
export type TenantId = string | number | bigint

/**
 * What tenant ids are.
 *
 * - `'uuid'`: 32 hexadecimal digits in the 8-4-4-4-12 form, any case; bound in lower case
 * - `'int'`, `'bigint'`: decimal digits without sign tricks or leading zeros, within PostgreSQL's range
 * - `'text'`: 1 to 255 bytes of NFC-normalised text without control characters or surrounding white space
 * - `{ parse }`: your own; gets the id as text, returns the one canonical form, and that form unchanged when it gets it;
 *   throws where there is none
 *
 * It is one type for a process: keys, paths, jobs and scopes ask no client. Two clients alive at once that differ, or
 * that have two `parse` functions, are `CONFIG.INVALID`.
 */
export type TenantIdType = 'uuid' | 'int' | 'bigint' | 'text' | { readonly parse: (id: string) => string }

/** A type of id that was checked: equal exactly where two clients agree. */
export type TenantIdRule = Exclude<TenantIdType, object> | ((id: string) => unknown)

const MAX_BYTES = 255
const words: readonly unknown[] = ['uuid', 'int', 'bigint', 'text'] satisfies TenantIdRule[]
// The usual reason for this refusal: the client that would have said it is not made yet.
const UNLESS_SAID = " Ids of another type: new TenantPool({ tenantId: 'int' }), made before the first scope."
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
      throw invalid(id, 'it is not a string, integer or bigint')
  }
}

/** @throws TenancyError `CONFIG.INVALID` where it is no type of id */
export function tenantIdRule(type: TenantIdType): TenantIdRule {
  if (words.includes(type)) return type as TenantIdRule
  const parse = (type as { parse?: unknown } | null | undefined)?.parse
  if (typeof parse === 'function') return parse as (id: string) => unknown
  throw new TenancyError('CONFIG.INVALID', `The option tenantId is ${showValue(type)}, which is not a type of id.`, {
    hint: "Give tenantId: 'uuid', 'int', 'bigint', 'text' or { parse: (id) => string }.",
  })
}

/** The one spelling of an id, or `InvalidTenantIdError`. */
export function canonicalTenantId(id: TenantId, rule: TenantIdRule): string {
  switch (rule) {
    case 'uuid':
      if (typeof id === 'string' && UUID.test(id)) return id.toLowerCase()
      throw invalid(id, 'it is not a uuid', undefined, UNLESS_SAID)
    case 'int':
      return parseInteger(id, 32)
    case 'bigint':
      return parseInteger(id, 64)
    case 'text':
      return parseText(id)
  }
  const parsed = parseWith(rule, id)
  // A job or a nested scope gives it again: what is another tenant then must not be one now.
  if (parseWith(rule, parsed) !== parsed) throw invalid(id, 'tenantId.parse does not return its own answer unchanged')
  return parsed
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
  if (typeof parsed !== 'string')
    throw invalid(id, `tenantId.parse returned ${showValue(parsed)}, which is not a string`)
  return checkTenantId(parsed) as string
}

function invalid(id: unknown, why: string, cause?: unknown, more = ''): InvalidTenantIdError {
  return new InvalidTenantIdError(`The tenant id ${showValue(id)} cannot be used: ${why}.`, {
    hint: `Pass the tenant's id as it stands in the tenant column: withTenant(user.tenantId, () => …).${more}`,
    cause,
  })
}

function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}
