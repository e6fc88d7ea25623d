import type { Client } from 'pg'

import { TenancyError } from '../errors.js'
import type { OnlineAction } from '../migration/step.js'
import { quoteTable } from '../sql/quote.js'
import { showTable } from './lock-retry.js'

type BackfillAction = Extract<OnlineAction, { kind: 'backfill' }>

export interface KeyColumn {
  readonly name: string
  /** As SQL writes it, so that a key can travel as text. */
  readonly type: string
}

/**
 * The key's columns with their types.
 *
 * @throws TenancyError `CONFIG.INVALID` for no key, or one that is not there
 */
export async function keyColumns(client: Client, { table, key }: BackfillAction): Promise<KeyColumn[]> {
  const { rows } = await client.query<KeyColumn>(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
     WHERE attrelid = $1::regclass AND attname = ANY ($2) AND attnum > 0 AND NOT attisdropped
     ORDER BY array_position($2, attname::text)`,
    [quoteTable(table), key],
  )
  if (rows.length > 0 && rows.length === key.length) return rows
  throw new TenancyError(
    'CONFIG.INVALID',
    `${showTable(table)} cannot be filled in batches: ${key.length === 0 ? 'it has no key' : `its key (${key.join(', ')}) is not there`}.`,
    { hint: 'Give the model an @id or @@id, or fill the column by hand before you start again.' },
  )
}

/** Then an update of the tenant is an update of a key, and takes the stronger lock. */
export async function tenantInUniqueIndex(client: Client, { table, column }: BackfillAction): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(
    `SELECT EXISTS (
       SELECT FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
       WHERE indrelid = $1::regclass AND indisunique AND attname = $2) AS found`,
    [quoteTable(table), column],
  )
  return rows[0]?.found === true
}
