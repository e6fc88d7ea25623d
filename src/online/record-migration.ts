import { createHash, randomUUID } from 'node:crypto'
import type { Client } from 'pg'

import { TenancyError } from '../errors.js'
import { quoteTable } from '../sql/quote.js'
import { sqlState } from './failures.js'

export interface Migration {
  /** The name of its folder: `20260101120000_tenancy`. */
  readonly name: string
  /** What its `migration.sql` contains. */
  readonly sql: string
  /** The schema that Prisma keeps its table in: `?schema=` of the URL. Default: the first of the search path. */
  readonly schema?: string | undefined
}

/** What `prisma migrate` holds while it works; it waits ten seconds for it, and so do we. */
const PRISMA_LOCK = 72_707_369
const PRISMA_LOCK_WAIT = 10_000

const docsUrl = 'https://www.prisma.io/docs/orm/prisma-migrate/workflows/patching-and-hotfixing'

interface MigrationRow {
  checksum: string
  finished: boolean
}

/**
 * Tells Prisma that a migration is applied, as `prisma migrate resolve --applied` would, so that `prisma migrate deploy`
 * passes it over. Creates Prisma's table where there is none. A migration that is recorded already stays as it is.
 *
 * Give it a connection without an open transaction.
 *
 * @returns whether it was recorded now
 * @throws TenancyError `MIGRATION.CONFLICT` where it is recorded with another text, or as failed; `MIGRATION.BLOCKED`
 * while Prisma works on the same database
 * @example await recordMigration(client, { name: '20260101120000_tenancy', sql: await readFile(file, 'utf8') })
 * @see https://www.prisma.io/docs/orm/prisma-migrate/understanding-prisma-migrate/about-migration-histories
 */
export async function recordMigration(client: Client, migration: Migration): Promise<boolean> {
  const table = tableOf(migration)
  await client.query(`BEGIN; SET LOCAL lock_timeout = ${PRISMA_LOCK_WAIT}`)
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [PRISMA_LOCK]).catch(prismaAtWork)
    const recorded = await migrationState(client, migration)
    if (recorded === 'no table') await client.query(createTable(table))
    if (recorded !== 'recorded') {
      await client.query(
        `INSERT INTO ${table} (id, checksum, logs, started_at, finished_at, migration_name) VALUES ($1, $2, '', now(), now(), $3)`,
        [randomUUID(), migrationChecksum(migration.sql), migration.name],
      )
    }
    await client.query('COMMIT')
    return recorded !== 'recorded'
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}

function prismaAtWork(error: unknown): never {
  if (sqlState(error) !== '55P03') throw error
  throw new TenancyError('MIGRATION.BLOCKED', 'Another prisma migrate is at work in this database.', {
    hint: 'Wait until it is done, then start again: what is applied stays applied.',
    docsUrl: 'https://www.prisma.io/docs/orm/prisma-migrate/workflows/development-and-production#advisory-locking',
    cause: error,
  })
}

/**
 * What Prisma's table says about a migration; ask before applying it.
 *
 * @throws TenancyError `MIGRATION.CONFLICT` as {@link recordMigration}
 */
export async function migrationState(
  client: Client,
  migration: Migration,
): Promise<'no table' | 'not recorded' | 'recorded'> {
  const table = tableOf(migration)
  const found = await client.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [table])
  if (!found.rows[0]?.there) return 'no table'
  // What was rolled back does not count, for Prisma either.
  const { rows } = await client.query<MigrationRow>(
    `SELECT checksum, finished_at IS NOT NULL AS finished FROM ${table} WHERE migration_name = $1 AND rolled_back_at IS NULL`,
    [migration.name],
  )
  const { name } = migration
  if (rows.some(({ finished }) => !finished)) {
    throw new TenancyError('MIGRATION.CONFLICT', `Prisma has the migration ${name} on record as failed.`, {
      hint: `Type: prisma migrate resolve --rolled-back ${name}, then start again.`,
      docsUrl,
    })
  }
  if (rows.length === 0) return 'not recorded'
  if (rows.some(({ checksum }) => !sameText(migration.sql, checksum))) {
    throw new TenancyError(
      'MIGRATION.CONFLICT',
      `The migration ${name} was applied with another text than it has now.`,
      {
        hint: 'Put the file back as it was applied, and write what changed as a new migration: tenancy migration.',
        docsUrl,
      },
    )
  }
  return 'recorded'
}

/** Prisma's checksum of a migration: SHA-256 of its text, in hexadecimal. */
export function migrationChecksum(sql: string): string {
  return createHash('sha256').update(sql).digest('hex')
}

/** Git changes line endings, and Prisma accepts either. */
function sameText(sql: string, checksum: string): boolean {
  const variants = [sql, sql.replaceAll('\r\n', '\n'), sql.replaceAll('\n', '\r\n')]
  return variants.some((variant) => migrationChecksum(variant) === checksum)
}

function tableOf({ schema }: Migration): string {
  const table = '_prisma_migrations'
  return quoteTable(schema === undefined ? table : { schema, table })
}

function createTable(table: string): string {
  return `CREATE TABLE ${table} (
    id VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum VARCHAR(64) NOT NULL,
    finished_at TIMESTAMPTZ,
    migration_name VARCHAR(255) NOT NULL,
    logs TEXT,
    rolled_back_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count INTEGER NOT NULL DEFAULT 0
  )`
}
