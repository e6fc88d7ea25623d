import { createHash } from 'node:crypto'
import { currentTenant } from './context.js'
import { TenancyError } from './errors.js'
import { DEVICE, tenantName } from './tenant-name.js'

// What ends a path or a name, separates, escapes, or stands for other names. A colon opens a stream of a file on Windows.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const MISREAD = /^$|[. ]$|[/\\%?#:*"<>|\u0000-\u001f\u007f-\u009f]/

/**
 * A key for what is cached for the tenant in scope: no other tenant, and no other name, ever gets the same. Of an id other
 * than a uuid or a number, what is no lower-case letter, digit or `-` is written as `_` and two digits: `_41cme` for `Acme`.
 *
 * @param name any text
 * @throws NoTenantError
 * @example await redis.get(tenantKey('user:1')) // 'tenant:a0ee…:user:1'
 */
export function tenantKey(name: string): string {
  return `tenant:${tenantName(currentTenant())}:${checkName('tenantKey', name)}`
}

/**
 * A path for what the tenant in scope keeps in an object storage or on a disk, below a folder of its own. No usual reader
 * of it arrives elsewhere: a file system of POSIX or Windows, a URL, S3, Google Cloud Storage. Tenants' folders differ
 * also where upper and lower case do not: `tenants/_41cme/` is that of `Acme`, `tenants/_2e_2e/` that of `..`.
 *
 * @param name segments with `/` between. None of them is empty, ends with a dot or a space, or is a device of Windows
 *   (`nul.txt`); none has a control character or one of `\ % ? # : * " < > |`, nor what Unicode's NFKC makes one of these
 *   (`．．`)
 * @throws NoTenantError, TenancyError `CONFIG.INVALID`
 * @example await bucket.put(tenantPath('avatars/1.png'), file) // 'tenants/a0ee…/avatars/1.png'
 * @see https://learn.microsoft.com/windows/win32/fileio/naming-a-file, https://url.spec.whatwg.org/#concept-basic-url-parser,
 *   https://cloud.google.com/storage/docs/objects#naming
 */
export function tenantPath(name: string): string {
  const tenant = tenantName(currentTenant())
  if (checkName('tenantPath', name).split('/').some(leadsElsewhere)) {
    throw new TenancyError(
      'CONFIG.INVALID',
      'tenantPath was given a name that some readers of paths take for another.',
      {
        hint: "Give plain segments with / between: tenantPath('avatars/1.png'). For what users name: Buffer.from(name).toString('hex').",
      },
    )
  }
  return `tenants/${tenant}/${name}`
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
  const text = `${tenantName(currentTenant())}:${checkName('tenantLockKey', name)}`
  return createHash('sha256').update(text).digest().readBigInt64BE()
}

function leadsElsewhere(segment: string): boolean {
  // Some readers bring a name to another form of Unicode and drop what is invisible: `．．` and `..` with a zero-width
  // space are `..` to them.
  const read = segment.normalize('NFKC').replace(/\p{Default_Ignorable_Code_Point}/gu, '')
  return MISREAD.test(read) || DEVICE.test(read)
}

function checkName(call: string, name: unknown): string {
  // UTF-8 has one replacement for all lone surrogates: two names would be one key to whatever stores them.
  if (typeof name === 'string' && !/\p{Surrogate}/u.test(name)) return name
  throw new TenancyError('CONFIG.INVALID', `${call} was given a name that is not text.`, {
    hint: `Give a well-formed string: ${call}('invoices').`,
  })
}
