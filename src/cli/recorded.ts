import { quoteTable } from '../sql/quote.js'
import type { Database } from './connect.js'

/** Names of the migrations that Prisma has on record as applied. */
export async function recordedMigrations({ client, schema }: Database): Promise<ReadonlySet<string>> {
  const table = quoteTable(schema === undefined ? '_prisma_migrations' : { schema, table: '_prisma_migrations' })
  const found = await client.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [table])
  if (!found.rows[0]?.there) return new Set()
  const { rows } = await client.query<{ name: string }>(
    `SELECT migration_name AS name FROM ${table} WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL`,
  )
  return new Set(rows.map(({ name }) => name))
}
