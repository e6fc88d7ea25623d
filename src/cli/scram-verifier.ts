import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { TenancyError } from '../errors.js'

const ITERATIONS = 4096

/**
 * What PostgreSQL itself keeps of a password, so that the password stands in no SQL, no log and no history.
 *
 * @throws TenancyError `CONFIG.INVALID` for one with characters that SASLprep may change
 * @see https://www.rfc-editor.org/rfc/rfc5802#section-3
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  if (!/^[\x20-\x7e]+$/.test(password)) {
    throw new TenancyError('CONFIG.INVALID', 'The password is empty, or has characters other than those of ASCII.', {
      hint: "Make one with: node -p \"require('crypto').randomBytes(24).toString('base64url')\"",
    })
  }
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256')
  const hmac = (text: string): Buffer => createHmac('sha256', salted).update(text).digest()
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64')
  const serverKey = hmac('Server Key').toString('base64')
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${storedKey}:${serverKey}`
}
