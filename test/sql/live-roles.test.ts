// Proves, logged in as each of the roles that /sql makes, who sees and writes which rows under FORCE ROW LEVEL SECURITY: the
// owner none, the migrator all, by UPDATE, seed, COPY, dump and restore; the bypass role reads all and writes none.
import { execFile } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  dropTenantRoles,
  migratorPolicy,
  protectTable,
  sharedTable,
  tenantColumn,
  tenantRoles,
  unshareTable,
} from '../../src/sql/index.js'
import { whyNoDump } from '../support/pg-dump.js'
import { startPostgres } from '../support/postgres.js'
import { a, b, failure, type LiveDatabase, openLiveDatabase } from './live-database.js'

const run = promisify(execFile)
const { major } = await startPostgres()
const cannotDump = await whyNoDump(major)

const schema = `
  CREATE TABLE projects (id serial PRIMARY KEY, name text);
  CREATE TABLE plans (id int PRIMARY KEY);
  CREATE TABLE _prisma_migrations (id int);
  ${tenantColumn('projects')}
  INSERT INTO projects (tenant_id, name) VALUES ('${a}', 'a1'), ('${a}', 'a2'), ('${b}', 'b1');
  INSERT INTO plans VALUES (1);
  ${protectTable('projects')}
`
const seed = `INSERT INTO projects (tenant_id, name) VALUES ('${a}', 'a3'), ('${b}', 'b2')`

/** A statement as a role, undone. */
async function as(client: Client, ...statements: string[]) {
  await client.query('BEGIN')
  try {
    let last = await client.query(statements[0] ?? '')
    for (const statement of statements.slice(1)) last = await client.query(statement)
    return last
  } finally {
    await client.query('ROLLBACK')
  }
}

/** What psql complains about. */
async function restore(url: string, dump: string): Promise<string> {
  const psql = execFile('psql', ['--no-psqlrc', '--quiet', '--single-transaction', '-v', 'ON_ERROR_STOP=1', url])
  psql.stdin?.end(dump)
  return psql.stderr ? text(psql.stderr) : ''
}

const copyIn = (client: Client): Promise<void> =>
  new Promise((resolve, reject) => {
    const stream = client.query(copyFrom('COPY projects (tenant_id, name) FROM STDIN'))
    stream.on('error', reject).on('finish', resolve)
    stream.end(`${a}\tcopied\n${b}\tcopied\n`)
  })

const copyOut = async (client: Client): Promise<string[]> =>
  (await text(client.query(copyTo('COPY projects (name) TO STDOUT')))).split('\n').filter((line) => line !== '')

describe('with BYPASSRLS', () => {
  let db: LiveDatabase
  let migrator: Client
  let bypass: Client
  beforeAll(async () => {
    db = await openLiveDatabase(schema, { shared: ['plans'] })
    migrator = await db.connectAs('migrator')
    bypass = await db.connectAs('bypass')
  })
  afterAll(async () => {
    await migrator?.end()
    await bypass?.end()
    await db?.close()
  })

  test('the rows are there, forced, and of the roles only migrator and bypass skip policies', async () => {
    expect((await db.admin.query('SELECT name FROM projects ORDER BY name')).rows.map(({ name }) => name)).toEqual([
      'a1',
      'a2',
      'b1',
    ])
    const { rows } = await db.admin.query(
      `SELECT rolname AS name, rolsuper AS super, rolbypassrls AS bypass FROM pg_roles WHERE rolname = ANY($1) ORDER BY 1`,
      [Object.values(db.roles)],
    )
    expect(rows).toEqual([
      { name: db.roles.app, super: false, bypass: false },
      { name: db.roles.bypass, super: false, bypass: true },
      { name: db.roles.migrator, super: false, bypass: true },
      { name: db.roles.owner, super: false, bypass: false },
    ])
  })

  test('the owner touches no row: silently by UPDATE, with an error by seed and COPY', async () => {
    expect((await as(db.owner, "UPDATE projects SET name = 'x'")).rowCount).toBe(0)
    expect((await as(db.owner, 'DELETE FROM projects')).rowCount).toBe(0)
    expect((await failure(as(db.owner, seed))).code).toBe('42501')
    expect((await failure(copyIn(db.owner))).code).toBe('0A000')
    expect(await copyOut(db.owner)).toEqual([])
  })

  test('the migrator touches every row: by UPDATE, seed, COPY and TRUNCATE', async () => {
    expect((await as(migrator, "UPDATE projects SET name = 'x'")).rowCount).toBe(3)
    expect((await as(migrator, seed)).rowCount).toBe(2)
    expect((await as(migrator, 'TRUNCATE projects RESTART IDENTITY', 'SELECT FROM projects')).rowCount).toBe(0)
    expect((await as(migrator, "SELECT setval('projects_id_seq', 99)")).rowCount).toBe(1)
    await migrator.query('BEGIN')
    await copyIn(migrator)
    expect(await copyOut(migrator)).toEqual(['a1', 'a2', 'b1', 'copied', 'copied'])
    await migrator.query('ROLLBACK')
  })

  test('a later migration runs as the migrator, its UPDATE included, and what it makes is granted', async () => {
    await migrator.query(`
      ALTER TABLE projects ADD slug text;
      UPDATE projects SET slug = lower(name);
      CREATE TABLE later (id serial PRIMARY KEY, tenant_id uuid);
      INSERT INTO later (tenant_id) VALUES ('${a}'), ('${b}');
      ${protectTable('later')}
    `)
    expect((await db.admin.query('SELECT FROM projects WHERE slug IS NOT NULL')).rowCount).toBe(3)
    expect((await db.asApp(a, 'SELECT FROM later')).rowCount).toBe(1)
    expect((await db.asApp(a, `INSERT INTO later (tenant_id) VALUES ('${a}')`)).rowCount).toBe(1)
    expect((await failure(db.asApp(a, 'TRUNCATE later'))).code).toBe('42501')
    expect((await bypass.query('SELECT FROM later')).rowCount).toBe(2)
    await migrator.query('DROP TABLE later; ALTER TABLE projects DROP slug')
  })

  test('what the owner makes later is granted to all three', async () => {
    await db.owner.query('CREATE TABLE later (id serial PRIMARY KEY)')
    expect(
      (await as(migrator, 'INSERT INTO later DEFAULT VALUES', 'TRUNCATE later', 'SELECT FROM later')).rowCount,
    ).toBe(0)
    expect((await db.asApp(a, 'INSERT INTO later DEFAULT VALUES')).rowCount).toBe(1)
    expect((await bypass.query('SELECT FROM later')).rowCount).toBe(0)
    await db.owner.query('DROP TABLE later')
  })

  test('the bypass role reads every row and writes none, in a transaction of its own making either', async () => {
    expect((await bypass.query('SELECT FROM projects')).rowCount).toBe(3)
    for (const sql of ["UPDATE projects SET name = 'x'", 'DELETE FROM projects', seed, 'TRUNCATE projects']) {
      expect((await failure(as(bypass, sql))).code).toBe('25006')
      expect((await failure(as(bypass, 'SET TRANSACTION READ WRITE', sql))).code).toBe('42501')
    }
    expect((await failure(as(bypass, 'SET TRANSACTION READ WRITE', 'CREATE TABLE x ()'))).code).toBe('42501')
    expect((await failure(as(bypass, 'SET TRANSACTION READ WRITE', 'CREATE TEMP TABLE x ()'))).code).toBe('42501')
  })

  test.each(['owner', 'migrator', 'bypass'] as const)('the app role cannot become the %s', async (role) => {
    expect((await failure(db.asApp(a, `SET ROLE ${db.roles[role]}`))).code).toBe('42501')
  })

  test("Prisma's table of migrations is the migrator's, and nobody else's", async () => {
    expect((await migrator.query('SELECT FROM _prisma_migrations')).rowCount).toBe(0)
    expect((await failure(db.asApp(a, 'SELECT FROM _prisma_migrations'))).code).toBe('42501')
    expect((await failure(bypass.query('SELECT FROM _prisma_migrations'))).code).toBe('42501')
  })

  test('a shared table is read by every tenant and written by none, also when roles are granted again', async () => {
    await db.admin.query(tenantRoles({ ...db.roles, shared: ['plans'] }))
    expect((await db.asApp(a, 'SELECT FROM plans')).rowCount).toBe(1)
    expect((await db.asApp(undefined, 'SELECT FROM plans')).rowCount).toBe(1)
    for (const sql of [
      'INSERT INTO plans VALUES (2)',
      'UPDATE plans SET id = 2',
      'DELETE FROM plans',
      'TRUNCATE plans',
    ]) {
      expect((await failure(db.asApp(a, sql))).code).toBe('42501')
    }
    expect((await as(migrator, 'INSERT INTO plans VALUES (2)')).rowCount).toBe(1)
    await db.owner.query(unshareTable('plans', { app: db.roles.app }))
    expect((await db.asApp(a, 'INSERT INTO plans VALUES (2)')).rowCount).toBe(1)
    await db.owner.query(sharedTable('plans', { app: db.roles.app }))
    expect((await failure(db.asApp(a, 'INSERT INTO plans VALUES (2)'))).code).toBe('42501')
  })

  test.skipIf(cannotDump !== '')(
    `a dump and a restore are whole as the migrator, refused to the owner${cannotDump}`,
    async () => {
      const dump = (role: 'owner' | 'migrator') => run('pg_dump', ['--data-only', '--table=projects', db.urlFor(role)])
      expect((await failure(dump('owner'))).message).toContain('query would be affected by row-level security policy')
      const { stdout } = await dump('migrator')
      expect(stdout.match(/\b[ab]\d\b/g)).toEqual(['a1', 'a2', 'b1'])

      await migrator.query('TRUNCATE projects')
      expect(await restore(db.urlFor('owner'), stdout)).toContain(
        'query would be affected by row-level security policy',
      )
      expect((await db.admin.query('SELECT FROM projects')).rowCount).toBe(0)
      expect(await restore(db.urlFor('migrator'), stdout)).toBe('')
      expect((await db.admin.query('SELECT name FROM projects ORDER BY name')).rows).toEqual(
        ['a1', 'a2', 'b1'].map((name) => ({ name })),
      )
    },
  )
})

describe('where the host forbids BYPASSRLS', () => {
  let db: LiveDatabase
  let migrator: Client
  beforeAll(async () => {
    db = await openLiveDatabase(schema, { bypassRls: false })
    migrator = await db.connectAs('migrator')
  })
  afterAll(async () => {
    await migrator?.end()
    await db?.close()
  })

  test('a policy of its own shows the migrator every row, and others none more', async () => {
    expect((await as(migrator, "UPDATE projects SET name = 'x'")).rowCount).toBe(0)
    await db.owner.query(migratorPolicy('projects', { migrator: db.roles.migrator }))
    expect((await as(migrator, "UPDATE projects SET name = 'x'")).rowCount).toBe(3)
    expect((await as(migrator, seed)).rowCount).toBe(2)
    expect((await as(db.owner, "UPDATE projects SET name = 'x'")).rowCount).toBe(0)
    expect((await db.asApp(a, 'SELECT FROM projects')).rowCount).toBe(2)
    expect((await db.asApp(undefined, 'SELECT FROM projects')).rowCount).toBe(0)
  })

  test('COPY FROM stays refused, as the documentation of migratorPolicy says', async () => {
    expect((await failure(copyIn(migrator))).code).toBe('0A000')
  })
})

test('without superuser, a runner with CREATEROLE and BYPASSRLS makes the roles for its own tables (PostgreSQL 18)', async () => {
  const server = await startPostgres({ major: 18 })
  const database = await server.createDatabase()
  const [runner, app] = [`${database.name}_runner`, `${database.name}_app`]
  const [migrator, bypass] = [`${database.name}_migrator`, `${database.name}_bypass`]
  const admin = new Client({ connectionString: database.adminUrl })
  await admin.connect()
  await admin.query(`CREATE ROLE ${runner} LOGIN PASSWORD 'x' CREATEROLE BYPASSRLS`)
  await admin.query(`ALTER DATABASE ${database.name} OWNER TO ${runner}`)
  const client = new Client({ connectionString: database.urlFor(runner, 'x') })
  await client.connect()
  const warnings: (string | undefined)[] = []
  client.on('notice', ({ severity, message }) => severity === 'WARNING' && warnings.push(message))
  await client.query(schema)
  await client.query(tenantRoles({ app, migrator, bypass, password: 'app' }))
  // It may not grant itself to somebody else; who runs migrations is then the runner, which sees all rows itself.
  expect(warnings).toEqual([
    expect.stringMatching(/^Role \S+ sees all rows, but cannot run migrations: permission denied/),
  ])
  const asRole = async (role: string, sql: string) => {
    await client.query(`GRANT ${role} TO current_user`)
    return as(client, `SET LOCAL ROLE ${role}`, sql)
  }
  expect((await asRole(migrator, "UPDATE projects SET name = 'x'")).rowCount).toBe(3)
  expect((await asRole(bypass, 'SELECT FROM projects')).rowCount).toBe(3)
  expect((await asRole(app, 'SELECT FROM projects')).rowCount).toBe(0)
  await client.query(dropTenantRoles({ app, migrator, bypass }))
  const left = await admin.query('SELECT rolname AS name FROM pg_roles WHERE rolname LIKE $1', [`${database.name}%`])
  expect(left.rows).toEqual([{ name: runner }])
  await Promise.all([client.end(), admin.end()])
  await database.drop()
  await server.stop()
})
