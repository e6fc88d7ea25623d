const longest = 40

/**
 * A given value as it appears in an error's sentence: cut after 40 characters, with text quoted and what
 * is neither text nor number only named by its kind.
 * Not for values that may be secret, such as passwords.
 *
 * @example showValue('app.tenant\0') // "app.tenant\u0000", in quotes
 */
export function showValue(value: unknown): string {
  if (typeof value === 'string') {
    // JSON escapes control characters and lone surrogates, so that the sentence stays one readable line.
    return JSON.stringify(cut(value))
  }
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'symbol') return 'a symbol'
  return `the ${typeof value} ${cut(String(value))}`
}

function cut(text: string): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}
