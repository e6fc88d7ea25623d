// Proves that what was applied online counts as applied for Prisma, asked with Prisma's own schema engine.
import type pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { migrationState, recordMigration } from '../../src/online/record-migration.js'
import { runSql, startPostgres, type TestDatabase } from '../support/postgres.js'
import { connect } from './online-world.js'
import { prismaMigrate } from './prisma-migrate.js'

const first = { name: '20260101000000_init', sql: 'CREATE TABLE notes (id int);\n' }
const tenancy = { name: '20260102000000_tenancy', sql: 'ALTER TABLE notes ADD COLUMN tenant_id int; -- ü\nSELECT 1;\n' }

let database: TestDatabase
let url: string
let client: pg.Client

beforeEach(async () => {
  database = await (await startPostgres()).createDatabase()
  url = database.adminUrl
  client = await connect(url)
})
afterEach(async () => {
  await client.end()
  await database.drop()
})

const records = (): Promise<Record<string, unknown>[]> =>
  runSql(url, 'SELECT * FROM _prisma_migrations ORDER BY started_at')

const tableShape = (): Promise<Record<string, unknown>[]> =>
  runSql(
    url,
    `SELECT column_name, udt_name, character_maximum_length, is_nullable, column_default,
       (SELECT string_agg(pg_get_constraintdef(oid), ' ') FROM pg_constraint WHERE conrelid = '_prisma_migrations'::regclass AND contype = 'p') AS key
     FROM information_schema.columns WHERE table_name = '_prisma_migrations' ORDER BY ordinal_position`,
  )

test('prisma migrate deploy passes over a migration that was recorded, and finds nothing edited', async () => {
  const prisma = prismaMigrate(url)
  expect(await prisma.deploy([first])).toEqual([first.name])
  // Without the record, Prisma would run it.
  expect(await prisma.status([first, tenancy])).toMatchObject({ history: { diagnostic: 'databaseIsBehind' } })
  expect(await recordMigration(client, tenancy)).toBe(true)
  expect(await prisma.status([first, tenancy])).toMatchObject({
    history: null,
    editedMigrationNames: [],
    failedMigrationNames: [],
  })
  expect(await prisma.deploy([first, tenancy])).toEqual([])
  expect(
    await runSql(url, "SELECT FROM pg_attribute WHERE attname = 'tenant_id' AND attrelid = 'notes'::regclass"),
  ).toEqual([])
})

test('the record is the one that prisma migrate resolve --applied writes', async () => {
  const prisma = prismaMigrate(url)
  await prisma.deploy([first])
  await prisma.resolveApplied(tenancy.name, [first, tenancy])
  const theirs = (await records())[1]
  await runSql(url, 'DELETE FROM _prisma_migrations WHERE migration_name = $1', [tenancy.name])
  await recordMigration(client, tenancy)
  const ours = (await records())[1]
  const moments = {
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    started_at: expect.any(Date),
    finished_at: expect.any(Date),
  }
  expect(ours).toEqual({ ...theirs, ...moments })
  expect(ours?.['started_at']).toEqual(ours?.['finished_at'])
})

test('a missing table is made as Prisma makes it', async () => {
  await prismaMigrate(url).deploy([])
  const theirs = await tableShape()
  expect(theirs).toHaveLength(8)
  await runSql(url, 'DROP TABLE _prisma_migrations; CREATE TABLE notes (id int)')
  expect(await migrationState(client, tenancy)).toBe('no table')
  await recordMigration(client, tenancy)
  expect(await tableShape()).toEqual(theirs)
  expect(await prismaMigrate(url).deploy([tenancy])).toEqual([])
})

test('recording again changes nothing, whether we or Prisma recorded it, and whatever Git did to the line endings', async () => {
  const prisma = prismaMigrate(url)
  await prisma.deploy([first])
  await recordMigration(client, tenancy)
  const before = await records()
  const windows = { ...tenancy, sql: tenancy.sql.replaceAll('\n', '\r\n') }
  for (const known of [first, tenancy, windows]) {
    expect(await migrationState(client, known)).toBe('recorded')
    expect(await recordMigration(client, known)).toBe(false)
  }
  expect(await records()).toEqual(before)
  expect(await prisma.status([first, windows])).toMatchObject({ history: null, editedMigrationNames: [] })
})

test('a migration that was applied with another text is refused', async () => {
  await recordMigration(client, tenancy)
  await expect(recordMigration(client, { ...tenancy, sql: 'SELECT 2;' })).rejects.toMatchObject({
    code: 'MIGRATION.CONFLICT',
    message: expect.stringContaining(
      'The migration 20260102000000_tenancy was applied with another text than it has now.',
    ),
    hint: expect.stringContaining('tenancy migration'),
  })
  expect(await records()).toHaveLength(1)
  expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
})

test('a migration that failed is refused until it is resolved, as the hint says', async () => {
  const prisma = prismaMigrate(url)
  const broken = { name: tenancy.name, sql: 'SELECT gone;' }
  await expect(prisma.deploy([broken])).rejects.toThrow()
  await expect(recordMigration(client, broken)).rejects.toMatchObject({
    code: 'MIGRATION.CONFLICT',
    message: expect.stringContaining('Prisma has the migration 20260102000000_tenancy on record as failed.'),
    hint: 'Type: prisma migrate resolve --rolled-back 20260102000000_tenancy, then start again.',
  })
  await prisma.resolveRolledBack(tenancy.name)
  expect(await recordMigration(client, tenancy)).toBe(true)
  expect(await prisma.deploy([tenancy])).toEqual([])
})

test('two who record at once leave one record', async () => {
  const other = await connect(url)
  const recorded = await Promise.all([recordMigration(client, tenancy), recordMigration(other, tenancy)])
  await other.end()
  expect(recorded.sort()).toEqual([false, true])
  expect(await records()).toHaveLength(1)
})

test('a prisma migrate at work is waited for as long as Prisma itself waits, then named', async () => {
  const other = await connect(url)
  await other.query('SELECT pg_advisory_lock(72707369)')
  await expect(recordMigration(client, tenancy)).rejects.toMatchObject({
    code: 'MIGRATION.BLOCKED',
    message: expect.stringContaining('Another prisma migrate is at work in this database.'),
    hint: expect.stringContaining('start again'),
  })
  await other.end()
  expect(await recordMigration(client, tenancy)).toBe(true)
})

test("the table can be in the schema that Prisma's URL names", async () => {
  await client.query('CREATE SCHEMA "c rm"')
  await recordMigration(client, { ...tenancy, schema: 'c rm' })
  expect(await runSql(url, 'SELECT migration_name FROM "c rm"._prisma_migrations')).toEqual([
    { migration_name: tenancy.name },
  ])
  expect(await migrationState(client, tenancy)).toBe('no table')
})
