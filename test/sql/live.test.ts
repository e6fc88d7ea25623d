// Proves on a real PostgreSQL, logged in as the app role, that the SQL of this folder keeps tenants apart, that running
// it again changes nothing, and that PostgreSQL reads quoted names and texts as they were given.
import fc from 'fast-check'
import { Client, type DatabaseError } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  protectTable,
  quoteIdentifier,
  quoteLiteral,
  quoteTable,
  type TableName,
  type TenantColumnType,
  tenantRoles,
} from '../../src/sql/index.js'
import { dollarQuote } from '../../src/sql/quote.js'
import { startPostgres } from '../support/postgres.js'

const a = 'aaaaaaaa-0000-4000-8000-00000000000a'
const b = 'bbbbbbbb-0000-4000-8000-00000000000b'

let server: Awaited<ReturnType<typeof startPostgres>>
let database: Awaited<ReturnType<typeof server.createDatabase>>
let admin: Client
let owner: Client
// Roles belong to the whole server, which other test files use too.
const roles = { app: '', owner: '', other: '' }
const password = "it's a \\ password"

beforeAll(async () => {
  server = await startPostgres()
  database = await server.createDatabase()
  for (const role of ['app', 'owner', 'other'] as const) roles[role] = `${database.name} "${role}"`.slice(-63)
  admin = await connect(database.adminUrl)
  await admin.query(`CREATE ROLE ${quoteIdentifier(roles.owner)} LOGIN PASSWORD 'owner'`)
  await admin.query(`GRANT USAGE, CREATE ON SCHEMA public TO ${quoteIdentifier(roles.owner)}`)
  owner = await connect(database.urlFor(roles.owner, 'owner'))
  await owner.query(`
    CREATE TABLE projects (id serial PRIMARY KEY, tenant_id uuid NOT NULL, name text UNIQUE);
    INSERT INTO projects (tenant_id, name) VALUES ('${a}', 'a1'), ('${a}', 'a2'), ('${b}', 'b1');
  `)
  await owner.query(protectTable('projects'))
  await admin.query(tenantRoles({ app: roles.app, owner: roles.owner, password }))
})

afterAll(async () => {
  await owner?.end()
  await admin?.end()
  await database?.drop()
  const last = await connect(server.adminUrl)
  for (const role of Object.values(roles)) await last.query(`DROP ROLE IF EXISTS ${quoteIdentifier(role)}`)
  await last.end()
  await server.stop()
})

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  await client.connect()
  return client
}

/** What a statement answers to the app role on a fresh connection, in a transaction bound to a tenant; undone after it. */
async function asApp(tenant: string | undefined, sql: string, values: unknown[] = [], setting = 'app.tenant_id') {
  const app = await connect(database.urlFor(roles.app, password))
  try {
    await app.query('BEGIN')
    if (tenant !== undefined) await app.query('SELECT set_config($1, $2, true)', [setting, tenant])
    return await app.query(sql, values)
  } finally {
    await app.end()
  }
}

const names = async (tenant: string | undefined, sql = 'SELECT name FROM projects ORDER BY name') =>
  (await asApp(tenant, sql)).rows.map((row) => row.name)

const failure = async (query: Promise<unknown>): Promise<Partial<DatabaseError>> =>
  query.then(
    () => ({ message: 'it succeeded' }),
    (error) => error,
  )

/** Statement by statement, as psql does; good enough for text without names that contain a semicolon. */
const statements = (sql: string) =>
  sql.split(/(?<=;)\n(?=(?:[^$]|\$tenancy\$[^$]*\$tenancy\$)*$)/).filter((statement) => statement.trim() !== '')

test('the rows of both tenants are there, and the app role is neither owner nor privileged', async () => {
  expect((await admin.query('SELECT tenant_id, name FROM projects ORDER BY name')).rows).toEqual([
    { tenant_id: a, name: 'a1' },
    { tenant_id: a, name: 'a2' },
    { tenant_id: b, name: 'b1' },
  ])
  const role = await asApp(
    undefined,
    `SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication, rolcanlogin,
       (SELECT count(*)::int FROM pg_class WHERE relowner = pg_roles.oid) AS owned
     FROM pg_roles WHERE rolname = current_user`,
  )
  expect(role.rows).toEqual([
    {
      rolsuper: false,
      rolbypassrls: false,
      rolcreatedb: false,
      rolcreaterole: false,
      rolreplication: false,
      rolcanlogin: true,
      owned: 0,
    },
  ])
})

describe('a tenant, logged in as the app role,', () => {
  test('reads its own rows and no others, even asked for by id or tenant', async () => {
    expect(await names(a)).toEqual(['a1', 'a2'])
    expect(await names(b)).toEqual(['b1'])
    expect(await names(a, `SELECT name FROM projects WHERE tenant_id = '${b}' OR name = 'b1' OR true`)).toEqual([
      'a1',
      'a2',
    ])
    expect(await names(a, `SELECT name FROM projects WHERE tenant_id = '${b}'`)).toEqual([])
  })

  test('writes its own rows, with ids from the sequence', async () => {
    const insert = 'INSERT INTO projects (tenant_id, name) VALUES ($1, $2) RETURNING id'
    expect((await asApp(a, insert, [a, 'a3'])).rows).toEqual([{ id: expect.any(Number) }])
  })

  test.each([
    ['inserts a row of another tenant', `INSERT INTO projects (tenant_id, name) VALUES ('${b}', 'x')`],
    ['inserts a row of no tenant', "INSERT INTO projects (tenant_id, name) VALUES (NULL, 'x')"],
    ['moves a row to another tenant', `UPDATE projects SET tenant_id = '${b}' WHERE name = 'a1'`],
    [
      'takes over a row of another tenant by upsert',
      `INSERT INTO projects (tenant_id, name) VALUES ('${a}', 'b1') ON CONFLICT (name) DO UPDATE SET tenant_id = '${a}'`,
    ],
    [
      'copies its rows to another tenant',
      `INSERT INTO projects (tenant_id, name) SELECT '${b}', name || 'x' FROM projects`,
    ],
  ])('%s: refused', async (_, sql) => {
    expect(await failure(asApp(a, sql))).toMatchObject({
      code: '42501',
      message: expect.stringContaining('row-level security'),
    })
  })

  test.each([
    ['changes', `UPDATE projects SET name = name || 'x' WHERE tenant_id = '${b}'`],
    ['deletes', `DELETE FROM projects WHERE tenant_id = '${b}'`],
    ['locks', `SELECT FROM projects WHERE tenant_id = '${b}' FOR UPDATE`],
  ])('%s no row of another tenant', async (_, sql) => {
    expect((await asApp(a, sql)).rowCount).toBe(0)
    expect((await asApp(b, sql)).rowCount).toBe(1)
  })

  test.each([
    ['empties the table', 'TRUNCATE projects'],
    ['makes a temporary table', 'CREATE TEMP TABLE projects (id int)'],
    ['makes a table', 'CREATE TABLE mine (id int)'],
    [
      'adds a trigger',
      'CREATE TRIGGER t BEFORE INSERT ON projects EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    ],
    ['switches the policies off', 'ALTER TABLE projects DISABLE ROW LEVEL SECURITY'],
    ['drops the policy', 'DROP POLICY tenant_isolation ON projects'],
    ['asks to skip policies', 'SET row_security = off; SELECT * FROM projects'],
  ])('%s: refused', async (_, sql) => {
    expect((await failure(asApp(a, sql))).code).toBe('42501')
  })
})

describe.each([
  ['no setting', undefined],
  ["the setting ''", ''],
])('with %s', (_, tenant) => {
  test('no row is visible, changed or deleted', async () => {
    expect(await names(tenant)).toEqual([])
    expect((await asApp(tenant, "UPDATE projects SET name = 'x'")).rowCount).toBe(0)
    expect((await asApp(tenant, 'DELETE FROM projects')).rowCount).toBe(0)
  })

  test('no row can be written', async () => {
    expect((await failure(asApp(tenant, `INSERT INTO projects (tenant_id) VALUES ('${a}')`))).code).toBe('42501')
  })
})

test('a connection on which a tenant was bound before shows nothing afterwards', async () => {
  const app = await connect(database.urlFor(roles.app, password))
  await app.query(`BEGIN; SELECT set_config('app.tenant_id', '${a}', true)`)
  expect((await app.query('SELECT name FROM projects')).rowCount).toBe(2)
  await app.query('COMMIT')
  expect((await app.query('SELECT name FROM projects')).rowCount).toBe(0)
  expect((await app.query("SELECT current_setting('app.tenant_id') AS tenant")).rows).toEqual([{ tenant: '' }])
  await app.end()
})

test('a setting that is no tenant id is an error, not rows', async () => {
  expect((await failure(asApp("' OR true --", 'SELECT * FROM projects'))).code).toBe('22P02')
})

test('the owner sees nothing without a tenant, since the policy is forced', async () => {
  expect((await owner.query('SELECT * FROM projects')).rowCount).toBe(0)
  expect((await failure(owner.query(`INSERT INTO projects (tenant_id) VALUES ('${a}')`))).code).toBe('42501')
})

test('the policy can use the index', async () => {
  await owner.query("BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL app.tenant_id = ''")
  const plan = await owner.query('EXPLAIN (COSTS OFF) SELECT * FROM projects WHERE id = 1')
  const byTenant = await owner.query(
    'SET LOCAL enable_bitmapscan = off; EXPLAIN (COSTS OFF) SELECT tenant_id FROM projects',
  )
  await owner.query('ROLLBACK')
  expect(JSON.stringify(plan.rows)).toContain('Index')
  expect(JSON.stringify(byTenant)).toContain("Index Cond: (tenant_id = (NULLIF(current_setting('app.tenant_id'")
})

test('what the owner creates later is granted, without TRUNCATE', async () => {
  await owner.query('CREATE TABLE later (id serial PRIMARY KEY, tenant_id uuid NOT NULL)')
  await owner.query(protectTable('later'))
  expect((await asApp(a, `INSERT INTO later (tenant_id) VALUES ('${a}')`)).rowCount).toBe(1)
  expect((await failure(asApp(a, 'TRUNCATE later'))).code).toBe('42501')
})

test('running everything again changes nothing', async () => {
  const state = async () =>
    (
      await admin.query(`
        SELECT (SELECT json_agg(p ORDER BY tablename, policyname) FROM pg_policies p) AS policies,
          (SELECT json_agg(indexdef ORDER BY indexname) FROM pg_indexes WHERE schemaname = 'public') AS indexes,
          (SELECT json_agg(json_build_array(relname, relrowsecurity, relforcerowsecurity, relacl::text) ORDER BY relname)
             FROM pg_class WHERE relnamespace = 'public'::regnamespace) AS relations,
          (SELECT json_agg(defaclacl::text ORDER BY defaclobjtype) FROM pg_default_acl) AS defaults,
          (SELECT nspacl::text FROM pg_namespace WHERE nspname = 'public') AS schema,
          (SELECT datacl::text FROM pg_database WHERE datname = current_database()) AS database
      `)
    ).rows[0]
  const before = await state()
  for (let run = 0; run < 2; run++) {
    await owner.query(protectTable('projects'))
    await admin.query(tenantRoles({ app: roles.app, owner: roles.owner, password }))
  }
  expect(await state()).toEqual(before)
  expect(await names(a)).toEqual(['a1', 'a2'])
})

test.each<[TenantColumnType, string, string, string]>([
  ['int', 'integer', '1', '2'],
  ['bigint', 'bigint', '9007199254740993', '9007199254740992'],
  ['text', 'varchar(80)', "o'neil", 'ONEIL'],
  ['uuid', 'uuid', a, b],
])('a tenant column of type %s keeps tenants apart', async (type, sqlType, mine, theirs) => {
  const table = `by ${type}`
  await owner.query(`CREATE TABLE ${quoteTable(table)} (id int, "Org" ${sqlType})`)
  await owner.query(`INSERT INTO ${quoteTable(table)} VALUES (1, $1), (2, $2)`, [mine, theirs])
  await owner.query(protectTable(table, { column: 'Org', type, setting: 'app.org' }))
  const select = `SELECT id FROM ${quoteTable(table)}`
  expect((await asApp(mine, select, [], 'app.org')).rows).toEqual([{ id: 1 }])
  expect((await asApp(theirs, select, [], 'app.org')).rows).toEqual([{ id: 2 }])
  expect((await asApp('', select, [], 'app.org')).rows).toEqual([])
  expect((await asApp(undefined, select)).rows).toEqual([])
})

test.each<[TableName, string]>([
  ['we"ird.Table', 'tenant_id'],
  ['user', 'select'],
  ['UPPER', 'Tenant Id'],
  ['$tenancy$; END', "o'neil\\"],
  ['x\n; DROP TABLE projects; --', 'y\n*/'],
  ['é'.repeat(31), '🏢'],
  [`${'long'.repeat(15)}one`, 'tenant_id'],
  [`${'long'.repeat(15)}two`, 'tenant_id'],
  [{ schema: 'Sch"ema.x', table: 'projects' }, 'tenant_id'],
])('the table %j with the tenant column %j is protected under its own name', async (table, column) => {
  const target = quoteTable(table)
  if (typeof table === 'object') {
    await admin.query(`CREATE SCHEMA ${quoteIdentifier(table.schema)} AUTHORIZATION ${quoteIdentifier(roles.owner)}`)
    await admin.query(tenantRoles({ app: roles.app, owner: roles.owner, schema: table.schema }))
  }
  await owner.query(`CREATE TABLE ${target} (id int, ${quoteIdentifier(column)} uuid)`)
  await owner.query(`INSERT INTO ${target} VALUES (1, '${a}'), (2, '${b}')`)
  for (const concurrently of [false, true]) {
    const sql = protectTable(table, { column, concurrently })
    // The concurrent form fails here, and only because it is in a transaction: PostgreSQL could read all of it.
    if (concurrently) expect((await failure(owner.query(sql))).code).toBe('25001')
    else await owner.query(sql)
  }
  expect((await asApp(a, `SELECT id FROM ${target}`)).rows).toEqual([{ id: 1 }])
  expect((await asApp(undefined, `SELECT id FROM ${target}`)).rows).toEqual([])
  const indexes = await admin.query('SELECT FROM pg_index WHERE indrelid = $1::regclass', [target])
  expect(indexes.rowCount).toBe(1)
})

describe('built concurrently', () => {
  beforeAll(async () => {
    await owner.query('CREATE TABLE online (id int, tenant_id uuid)')
    await owner.query(`INSERT INTO online VALUES (1, '${a}'), (1, '${a}'), (2, '${b}')`)
  })

  test('an invalid left-over index is noticed, and the hint repairs it', async () => {
    const leftover = 'CREATE UNIQUE INDEX CONCURRENTLY online_tenant_id_id_idx ON online (tenant_id, id)'
    expect((await failure(owner.query(leftover))).code).toBe('23505')
    const [create, look] = statements(protectTable('online', { concurrently: true }))
    await owner.query(create ?? '')
    expect(await failure(owner.query(look ?? ''))).toMatchObject({
      code: 'P0001',
      message: expect.stringContaining(
        'Index online_tenant_id_id_idx is invalid: its build was interrupted, or still goes on.',
      ),
      hint: 'If nobody is building it: DROP INDEX CONCURRENTLY online_tenant_id_id_idx; then run this again.',
    })
    await owner.query('DROP INDEX CONCURRENTLY online_tenant_id_id_idx')
  })

  test('the statements run one by one, twice, and protect the table', async () => {
    for (let run = 0; run < 2; run++) {
      const each = statements(protectTable('online', { concurrently: true }))
      expect(each).toHaveLength(8)
      for (const statement of each) await owner.query(statement)
    }
    expect((await asApp(b, 'SELECT id FROM online')).rows).toEqual([{ id: 2 }])
    expect((await asApp(undefined, 'SELECT id FROM online')).rows).toEqual([])
  })

  test('a second run never leaves the table open or empty for others', async () => {
    for (const statement of statements(protectTable('online', { concurrently: true }))) {
      await owner.query(statement)
      // Between BEGIN and COMMIT the table is locked; what others would see is what is committed.
      const policies = await admin.query("SELECT FROM pg_policies WHERE tablename = 'online'")
      expect(policies.rowCount).toBe(1)
    }
  })
})

describe('a role that could get round the policies is refused and gets nothing:', () => {
  test.each([
    ['a superuser', 'SUPERUSER', undefined],
    ['BYPASSRLS', 'BYPASSRLS', undefined],
    ['CREATEROLE', 'CREATEROLE', undefined],
    ['REPLICATION', 'REPLICATION', undefined],
    ['a member of the owner', 'NOINHERIT', 'owner'],
  ] as const)('%s', async (_, attribute, member) => {
    const other = quoteIdentifier(roles.other)
    await admin.query(`CREATE ROLE ${other} ${attribute}`)
    if (member) await admin.query(`GRANT ${quoteIdentifier(roles[member])} TO ${other}`)
    const refusal = await failure(admin.query(tenantRoles({ app: roles.other, owner: roles.owner })))
    const granted = await admin.query("SELECT FROM pg_class WHERE relacl::text LIKE '%other%'")
    await admin.query(`DROP ROLE ${other}`)
    expect(refusal).toMatchObject({
      code: 'P0001',
      message: expect.stringContaining(
        `Role ${other} could get round row-level security as ${quoteIdentifier(member ? roles[member] : roles.other)}.`,
      ),
      hint: expect.stringContaining(`ALTER ROLE ${other} NOSUPERUSER NOBYPASSRLS`),
    })
    expect(granted.rowCount).toBe(0)
  })

  test('a role that runs the SQL for itself', async () => {
    expect((await failure(owner.query(tenantRoles({ app: roles.owner })))).message).toContain('could get round')
  })
})

test.each([
  ['TEMP', () => `TEMPORARY ON DATABASE ${quoteIdentifier(database.name)}`],
  ['CREATE', () => 'CREATE ON SCHEMA public'],
])('a runner that may not take %s away is told so', async (_, right) => {
  await admin.query(`GRANT ${right()} TO PUBLIC`)
  // The owner of the tables owns neither the database nor the schema: its REVOKE is only a warning.
  const refusal = await failure(
    owner.query(tenantRoles({ app: roles.app }).replaceAll(/^GRANT USAGE ON SCHEMA.*$/gm, '')),
  )
  await admin.query(`REVOKE ${right()} FROM PUBLIC`)
  expect(refusal).toMatchObject({ hint: 'Run this as the owner of the database and of the schema, or as a superuser.' })
})

test('rights that the app role had too many of are taken away', async () => {
  const app = quoteIdentifier(roles.app)
  await owner.query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${app}`)
  await owner.query(`ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO ${app}`)
  await admin.query(
    `GRANT ALL ON SCHEMA public TO ${app}; GRANT TEMPORARY ON DATABASE ${quoteIdentifier(database.name)} TO ${app}`,
  )
  await admin.query(tenantRoles({ app: roles.app, owner: roles.owner }))
  await owner.query('CREATE TABLE later_still (id int)')
  for (const sql of ['TRUNCATE projects', 'TRUNCATE later_still', 'CREATE TABLE x ()', 'CREATE TEMP TABLE x ()']) {
    expect((await failure(asApp(a, sql))).code).toBe('42501')
  }
})

describe('PostgreSQL reads back exactly', () => {
  const text = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\0'))
  const nasty = fc.string({
    unit: fc.constantFrom("'", '"', '\\', '$', ';', '-', '\n', 'a', '$tenancy', '$tenancy$', 'E', 'é'),
  })

  test.each(['on', 'off'])('every text, with standard_conforming_strings %s', async (conforming) => {
    await admin.query(`SET standard_conforming_strings = ${conforming}`)
    await fc.assert(
      fc.asyncProperty(fc.oneof(text, nasty), async (value) => {
        expect((await admin.query(`SELECT ${quoteLiteral(value)} AS value`)).rows).toEqual([{ value }])
      }),
      { numRuns: 300 },
    )
    await admin.query('RESET standard_conforming_strings')
  })

  test('every name', async () => {
    const name = fc.oneof(text, nasty).filter((value) => value !== '' && Buffer.byteLength(value) <= 63)
    await fc.assert(
      fc.asyncProperty(name, async (value) => {
        expect((await admin.query(`SELECT 1 AS ${quoteIdentifier(value)}`)).fields[0]?.name).toBe(value)
      }),
      { numRuns: 300 },
    )
  })

  test('every body between dollar quotes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(text, nasty), async (value) => {
        expect((await admin.query(`SELECT ${dollarQuote(value)} AS value`)).rows).toEqual([{ value }])
      }),
      { numRuns: 300 },
    )
  })
})
