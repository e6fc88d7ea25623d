const longest = 40

/**
 * A given value as it appears in an error's sentence: text quoted and cut after 40 characters, anything else by its kind.
 * Not for values that may be secret, such as passwords.
 *
 * @example showValue('app.tenant\0') // "app.tenant\u0000", in quotes
 */
export function showValue(value: unknown): string {
  if (typeof value === 'string') {
    // JSON escapes control characters and lone surrogates, so that the sentence stays one readable line.
    return JSON.stringify(value.length > longest ? `${value.slice(0, longest)}…` : value)
  }
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'symbol') return 'a symbol'
  return `the ${typeof value} ${String(value)}`
}
