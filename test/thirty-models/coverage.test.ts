// Proves that nothing of the schema is left out of the attacks: every table of the database is one that they are run on,
// and the schema still has everything in it that a generator gets wrong.
import { afterAll, beforeAll, expect, test } from 'vitest'

import { migrate } from './migrate.js'
import { keyOf } from './models.js'
import { ownedTables, rowsOf } from './owner.js'
import { A, B, isShared, type Row, TENANT_COLUMN } from './seed.js'
import { ownedModelNames, ownedTableNames, sharedModelNames, tableNames, views } from './targets.js'
import { newWorld, type World } from './world.js'

let world: World
beforeAll(async () => {
  world = await newWorld(migrate)
}, 120_000)
afterAll(() => world?.close())

test('every table of the database is attacked, or declared shared', () => {
  expect(world.tables.map(({ name }) => name).sort()).toEqual([...tableNames].sort())
  expect(
    ownedTables(world.tables)
      .map(({ name }) => name)
      .sort(),
  ).toEqual([...ownedTableNames].sort())
})

test('every model of the client is attacked, shared, or a view', () => {
  const known = [...ownedModelNames, ...sharedModelNames, ...views.map(({ name }) => name)]
  expect(world.models.map(({ name }) => name).sort()).toEqual(known.sort())
  expect(known.length).toBeGreaterThanOrEqual(30)
})

test('every table that belongs to somebody has exactly one policy, forced, and no shared one is written by the service', async () => {
  const { rows } = await world.admin.query<{ name: string; policies: number; forced: boolean; writes: boolean }>(
    `SELECT n.nspname || '.' || relname AS name, relrowsecurity AND relforcerowsecurity AS forced,
       (SELECT count(*)::int FROM pg_policy WHERE polrelid = c.oid) AS policies,
       has_table_privilege('app_user', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AS writes
     FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
     WHERE relkind = 'r' AND n.nspname IN ('public', 'billing')`,
  )
  expect(rows).toHaveLength(tableNames.length)
  for (const row of rows) {
    const shared = isShared(row.name)
    expect(row, row.name).toEqual({ name: row.name, forced: !shared, policies: shared ? 0 : 1, writes: !shared })
  }
})

test('every row that was there before the migration belongs to the tenant it was made for', async () => {
  for (const tenant of [A, B]) {
    const made = world.seeded.get(tenant.id)
    for (const table of ownedTables(world.tables)) {
      const keys = (rows: readonly Row[]) => rows.map((row) => keyOf(row, natural(table.primaryKey))).sort()
      const expected = keys(made?.get(table.name) ?? [])
      expect(expected.length, table.name).toBeGreaterThan(2)
      expect(keys(await rowsOf(world, table, tenant)), table.name).toEqual(expected)
    }
  }
})

/** The key as it was: without the tenant, which natural keys have in front now. */
function natural(key: readonly string[]): string[] {
  return key.filter((name) => name !== TENANT_COLUMN)
}
