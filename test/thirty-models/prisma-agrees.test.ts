// Proves that Prisma will not undo the work: a database built from the original schema and the migration is, in all that
// Prisma looks at, the database that Prisma builds from the edited schema. So the next `prisma migrate dev` drops no
// index, default, unique or foreign key. And afterwards the plan finds nothing left to do, and `down.sql` undoes it all.
import { loadModule, parseSync } from 'libpg-query'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { stepsLeft } from '../../src/migration/done.js'
import { desiredState } from '../../src/schema/desired-state.js'
import { editedSchema, editSchema } from '../../src/schema/edit.js'
import { readSchema } from '../../src/schema/read.js'
import { runSql, startPostgres, type TestDatabase } from '../support/postgres.js'
import { catalogText } from './catalog-text.js'
import { type Generated, migrate } from './migrate.js'
import { ddlWithView, readSchema as filesOnDisk } from './schema-files.js'

let generated: Generated
const databases: TestDatabase[] = []
beforeAll(async () => {
  await loadModule()
  generated = await migrate()
}, 60_000)
afterAll(() => Promise.all(databases.map((database) => database.drop())))

async function databaseOf(...scripts: string[]): Promise<TestDatabase> {
  const database = await (await startPostgres()).createDatabase()
  databases.push(database)
  for (const sql of scripts) await runSql(database.adminUrl, sql)
  return database
}

test('the migrated database is the one that Prisma makes of the edited schema', async () => {
  const migrated = await databaseOf(await ddlWithView(await filesOnDisk()), generated.sql)
  const prismas = await databaseOf(await ddlWithView(generated.files))
  const [ours, theirs] = [await catalogText(migrated.adminUrl), await catalogText(prismas.adminUrl)]
  expect(ours.length).toBeGreaterThan(300)
  expect(ours.filter((line) => !theirs.includes(line))).toEqual([])
  expect(theirs.filter((line) => !ours.includes(line))).toEqual([])
})

test('the migration is more than Prisma would see: before it, the databases differ in columns, keys and defaults', async () => {
  const before = await databaseOf(await ddlWithView(await filesOnDisk()))
  const prismas = await databaseOf(await ddlWithView(generated.files))
  const [ours, theirs] = [await catalogText(before.adminUrl), await catalogText(prismas.adminUrl)]
  const missing = theirs.filter((line) => !ours.includes(line))
  for (const kind of ['column', 'constraint', 'index']) {
    expect(missing.filter((line) => line.startsWith(`${kind} `)).length, kind).toBeGreaterThan(15)
  }
})

describe('afterwards', () => {
  test('the plan finds nothing left to do, and before it everything', async () => {
    const database = await databaseOf(await ddlWithView(await filesOnDisk()))
    const client = new pg.Client({ connectionString: database.adminUrl })
    await client.connect()
    try {
      const all = await stepsLeft(client, generated.steps)
      expect(all.length).toBeGreaterThan(generated.steps.length - 5)
      await client.query(generated.sql)
      expect((await stepsLeft(client, generated.steps)).map(({ key }) => key)).toEqual([])
    } finally {
      await client.end()
    }
  })

  test('the edited schema needs no further edit, and nothing further in the database but what stays to be said', async () => {
    const again = await readSchema(generated.files)
    expect(editSchema(again, generated.desired.config)).toEqual(generated.files)
    const desired = desiredState(await editedSchema(again, generated.desired.config), again, generated.desired.config)
    const changing = desired.tables.filter(
      (table) =>
        table.kind === 'tenant' &&
        (table.columnIsNew ||
          table.primaryKeyChange ||
          table.uniques.length + table.indexes.length + table.foreignKeys.length > 0),
    )
    expect(changing.map(({ table }) => table)).toEqual([])
  })

  test('down.sql leads back to the database as it was', async () => {
    const database = await databaseOf(await ddlWithView(await filesOnDisk()))
    const before = await catalogText(database.adminUrl)
    await runSql(database.adminUrl, generated.sql)
    await runSql(database.adminUrl, generated.down)
    expect(await catalogText(database.adminUrl)).toEqual(before)
    const [left] = await runSql(database.adminUrl, 'SELECT count(*)::int AS policies FROM pg_policy')
    expect(left).toEqual({ policies: 0 })
  })
})

test("the SQL is what PostgreSQL's own parser reads, one table at a time, each policy once", async () => {
  const { stmts } = parseSync(generated.sql) as { stmts: { stmt: object }[] }
  expect(stmts.length).toBeGreaterThan(200)
  const policies = stmts.filter(({ stmt }) => 'CreatePolicyStmt' in stmt)
  expect(policies).toHaveLength(generated.desired.tables.filter(({ kind }) => kind !== 'shared').length)
})
