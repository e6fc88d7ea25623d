import { TenancyError } from './errors.js'
import { checkKeyId, padsOf, readSealKey, type SealKey } from './seal-key.js'
import { showValue } from './show-value.js'
import { SEAL_KEYS } from './sql/seal.js'

/** What runs the statements: a `pg.Client` or `pg.Pool` of the role that ran `sealTenants()`. */
export interface SealKeysDatabase {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>
}

export interface SealKeyRow {
  readonly keyId: string
  readonly createdAt: Date
  /** Since when nothing that was signed with it is accepted, or null. */
  readonly retiredAt: Date | null
}

/**
 * Makes the database accept what is signed with a key, beside the keys it has: before the first service signs with it.
 * The key goes to the server as parameters, which a server with `log_statement` or `log_min_duration_statement` may log.
 * Adding a key again changes nothing.
 *
 * @throws TenancyError `CONFIG.INVALID`: no key, or its id stands for another one or for a retired one
 */
export async function addSealKey(db: SealKeysDatabase, { keyId, key }: { keyId: string; key: SealKey }): Promise<void> {
  const id = checkKeyId(keyId)
  const { inner, outer } = padsOf(readSealKey(key))
  await db.query(
    `INSERT INTO ${SEAL_KEYS} (key_id, inner_pad, outer_pad) VALUES ($1, $2, $3) ON CONFLICT (key_id) DO NOTHING`,
    [id, inner, outer],
  )
  const { rows } = await db.query(
    `SELECT FROM ${SEAL_KEYS} WHERE key_id = $1 AND inner_pad = $2 AND retired_at IS NULL`,
    [id, inner],
  )
  if (rows.length === 0)
    throw invalid(
      `The key id ${showValue(id)} stands for another key, or for a retired one`,
      'Give the key another id.',
    )
}

/**
 * Makes the database refuse what was signed with a key, from the next transaction on: when no service signs with it any
 * more. Retiring it again changes nothing.
 *
 * @throws TenancyError `CONFIG.INVALID`: no such key, or the only one that is left
 */
export async function retireSealKey(db: SealKeysDatabase, keyId: string): Promise<void> {
  const id = checkKeyId(keyId)
  // The lock: two that retire one of two keys each, at once, would leave none.
  const { rows } = await db.query(
    `WITH keys AS (SELECT key_id FROM ${SEAL_KEYS} WHERE retired_at IS NULL ORDER BY key_id FOR UPDATE)
     UPDATE ${SEAL_KEYS} SET retired_at = now()
     WHERE key_id = $1 AND retired_at IS NULL AND EXISTS (SELECT FROM keys WHERE keys.key_id <> $1) RETURNING key_id`,
    [id],
  )
  if (rows.length > 0) return
  const known = (await sealKeys(db)).find((row) => row.keyId === id)
  if (known === undefined) throw invalid(`There is no key ${showValue(id)}`, 'tenancy seal list')
  if (known.retiredAt === null)
    throw invalid(
      `The key ${showValue(id)} is the only one, and without it no tenant would see a row`,
      'Add another and let every service sign with it first, or take the seals away with unsealTenants().',
    )
}

/** The keys of the database, oldest first. Nothing secret. */
export async function sealKeys(db: SealKeysDatabase): Promise<SealKeyRow[]> {
  const { rows } = await db.query(
    `SELECT key_id AS "keyId", created_at AS "createdAt", retired_at AS "retiredAt" FROM ${SEAL_KEYS} ORDER BY created_at, key_id`,
  )
  return rows as SealKeyRow[]
}

function invalid(sentence: string, hint: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', `${sentence}.`, { hint })
}
