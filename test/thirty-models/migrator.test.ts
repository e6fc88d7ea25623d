// Proves on thirty models that work on all rows goes on under FORCE, as the migrator: a later migration with an UPDATE, a
// seed for any tenant, a dump and its restore touch every row of every tenant, in every table. The owner, whom FORCE
// binds too, would touch none.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { whyNoDump } from '../support/pg-dump.js'
import { runSql, startPostgres, type TestDatabase } from '../support/postgres.js'
import { rowLike } from './attacks/copies.js'
import { type Generated, migrate } from './migrate.js'
import { ownedTables, rowsOf } from './owner.js'
import { B, insertOf } from './seed.js'
import { newWorld, type World } from './world.js'

const run = promisify(execFile)
const PASSWORD = 'app_migrator'

let world: World
let migratorUrl: string
let migrator: string
beforeAll(async () => {
  world = await newWorld(migrate)
  migrator = (world.migration as Generated).desired.config.roles.migrator
  await world.admin.query(`ALTER ROLE ${pg.escapeIdentifier(migrator)} PASSWORD '${PASSWORD}'`)
  const url = new URL(world.adminUrl)
  url.username = migrator
  url.password = PASSWORD
  migratorUrl = url.href
}, 120_000)
afterAll(() => world?.close())

async function asMigrator<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: migratorUrl })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

test('an UPDATE of a later migration touches every row of every table', async () => {
  for (const table of ownedTables(world.tables)) {
    const column = pg.escapeIdentifier(table.primaryKey[0] as string)
    const { rows } = await world.admin.query(`SELECT count(*)::int AS n FROM ${table.sql}`)
    expect(rows[0].n, table.name).toBeGreaterThan(5)
    const { rowCount } = await asMigrator((client) => client.query(`UPDATE ${table.sql} SET ${column} = ${column}`))
    expect(rowCount, table.name).toBe(rows[0].n)
  }
})

test('a seed writes rows of a tenant that it names, without a scope', async () => {
  let seeded = 0
  for (const table of ownedTables(world.tables)) {
    const [row] = await rowsOf(world, table, B)
    const { text, values } = insertOf(table, rowLike(table, row as never))
    await asMigrator(async (client) => {
      await client.query('BEGIN')
      // Where there is one row a parent, a second is refused for that, and not by a policy.
      const { rowCount } = await client.query(`${text} ON CONFLICT DO NOTHING`, values)
      seeded += rowCount ?? 0
      await client.query('ROLLBACK')
    })
  }
  expect(seeded).toBeGreaterThan(20)
})

const cannotDump = await whyNoDump((await startPostgres()).major)

describe.skipIf(cannotDump !== '')(`with pg_dump${cannotDump}`, () => {
  let folder: string
  let restored: TestDatabase
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenancy-dump-'))
    restored = await (await startPostgres()).createDatabase()
  })
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
    await restored.drop()
  })

  test('a dump as the migrator has every row, and its restore has them too, with their policies', async () => {
    const file = join(folder, 'dump.sql')
    const schemas = ['--schema=public', '--schema=billing', '--schema=tenancy']
    await run('pg_dump', [migratorUrl, '--file', file, '--no-owner', ...schemas])
    expect((await readFile(file, 'utf8')).match(/^COPY /gm)?.length).toBeGreaterThanOrEqual(world.tables.length)
    await runSql(restored.adminUrl, 'DROP SCHEMA public')
    await run('psql', [restored.adminUrl, '--quiet', '--set=ON_ERROR_STOP=1', '--file', file])
    for (const table of world.tables) {
      const all = `SELECT count(*)::int AS n, md5(string_agg(t::text, ',' ORDER BY t::text)) AS md5 FROM ${table.sql} t`
      expect(await runSql(restored.adminUrl, all), table.name).toEqual((await world.admin.query(all)).rows)
    }
    const policies = 'SELECT schemaname, tablename, qual FROM pg_policies ORDER BY schemaname, tablename'
    expect(await runSql(restored.adminUrl, policies)).toEqual((await world.admin.query(policies)).rows)
  })

  test('a dump as the app role is refused, and not silently empty', async () => {
    const dump = run('pg_dump', [world.appUrl, '--file', join(folder, 'app.sql'), '--schema=billing'])
    await expect(dump).rejects.toThrow(/query would be affected by row-level security policy/)
  })
})
