import { TenancyError } from './errors.js'
import { showValue } from './show-value.js'

// No `u` flag: with it, `i` would let U+017F and U+212A in, which fold to s and k.
const part = /^[a-z_][a-z0-9_$]*$/i
const longestPart = 63

/**
 * Checks the name of a run-time parameter of one's own and returns it in lower case, its one canonical form: PostgreSQL
 * does not tell `app.tenant_id` and `App.Tenant_Id` apart, so neither may a comparison of two names.
 *
 * A name has two or more parts joined by dots, each of letters, digits, `_` and `$`, not beginning with a digit or `$`,
 * of at most 63 bytes.
 *
 * @throws TenancyError `CONFIG.INVALID`
 * @example checkSettingName('app.tenant_id') // 'app.tenant_id'
 * @see https://www.postgresql.org/docs/current/runtime-config-custom.html
 */
export function checkSettingName(name: unknown): string {
  const problem = problemOf(name)
  if (problem !== undefined) {
    throw new TenancyError('CONFIG.INVALID', `The setting name ${showValue(name)} ${problem}.`, {
      hint: "Use two or more words joined by dots, such as 'app.tenant_id': letters, digits, _ and $, at most 63 bytes each.",
      docsUrl: 'https://www.postgresql.org/docs/current/runtime-config-custom.html',
    })
  }
  return (name as string).toLowerCase()
}

function problemOf(name: unknown): string | undefined {
  if (typeof name !== 'string') return 'is not a string'
  const parts = name.split('.')
  if (parts.length < 2) return 'contains no dot, and PostgreSQL keeps names without one for itself'
  if (parts.some((each) => !part.test(each))) return 'has a part that is not a plain word'
  if (parts.some((each) => each.length > longestPart)) return 'has a part of more than 63 bytes'
  return undefined
}
