import { createHash } from 'node:crypto'
import { currentTenant } from './context.js'
import { TenancyError } from './errors.js'

/**
 * A key for what is cached for the tenant in scope: no other tenant, and no other name, ever gets the same.
 *
 * @param name any text
 * @throws NoTenantError
 * @example await redis.get(tenantKey('user:1')) // 'tenant:a0ee…:user:1'
 */
export function tenantKey(name: string): string {
  return `tenant:${encoded(currentTenant())}:${checkName('tenantKey', name)}`
}

/**
 * A path for what the tenant in scope keeps in an object storage or on a disk, below a folder of its own: `name` cannot
 * lead out of it. Tenants' folders differ also where upper and lower case do not.
 *
 * @param name segments with `/` between; none of them empty, `.` or `..`, no backslash and no control character
 * @throws NoTenantError, TenancyError `CONFIG.INVALID`
 * @example await bucket.put(tenantPath('avatars/1.png'), file) // 'tenants/a0ee…/avatars/1.png'
 */
export function tenantPath(name: string): string {
  const segments = checkName('tenantPath', name).split('/')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  if (segments.some((segment) => ['', '.', '..'].includes(segment)) || /[\\\u0000-\u001f\u007f]/.test(name)) {
    throw new TenancyError('CONFIG.INVALID', 'tenantPath was given a name that is no path below a folder.', {
      hint: "Give segments with / between: tenantPath('avatars/1.png'). Encode what users name: encodeURIComponent(name).",
    })
  }
  return `tenants/${encoded(currentTenant())}/${name}`
}

/**
 * A key for PostgreSQL's advisory locks that only this tenant takes under this name: 64 bits of a SHA-256 of both, so that
 * two of a million names meet with a probability of 1 in 10⁷.
 *
 * @param name any text
 * @throws NoTenantError
 * @example await tx.$executeRaw`SELECT pg_advisory_xact_lock(${tenantLockKey('invoices')})`
 * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADVISORY-LOCKS
 */
export function tenantLockKey(name: string): bigint {
  const text = `${encoded(currentTenant())}:${checkName('tenantLockKey', name)}`
  // In UTF-16, which tells lone surrogates apart; UTF-8 makes one character of all of them.
  return createHash('sha256').update(text, 'utf16le').digest().readBigInt64BE()
}

/** Byte by byte, what is neither a lower-case letter, a digit, `-` nor `_` as `%` and two digits: no separator is left. */
function encoded(tenant: string): string {
  let text = ''
  for (const byte of Buffer.from(tenant)) {
    const char = String.fromCharCode(byte)
    text += /[a-z0-9_-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return text
}

function checkName(call: string, name: unknown): string {
  if (typeof name === 'string') return name
  throw new TenancyError('CONFIG.INVALID', `${call} was given a name that is no text.`, {
    hint: `Give a text: ${call}('invoices').`,
  })
}
