// Proves that a function which changes what the next tenant gets, or what all tenants share, is refused in both modes
// though no list names it: the database's catalog tells. And that functions which only answer keep working.
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withTenant } from '../../src/context.js'
import { HARMLESS } from '../../src/gate/functions.js'
import { roleQuery } from '../../src/role-check.js'
import { modes, openMode } from '../support/modes.js'
import { runSql } from '../support/postgres.js'
import { type HostileWorld, newHostileWorld } from './hostile-world.js'

let world: HostileWorld
beforeAll(async () => {
  world = await newHostileWorld()
  await runSql(
    world.db.adminUrl,
    `${['pg_trgm', 'dblink', 'tablefunc', 'pgcrypto', 'uuid-ossp', 'isn', 'xml2', 'unaccent', 'pg_stat_statements']
      .map((name) => `CREATE EXTENSION IF NOT EXISTS "${name}";`)
      .join('')}
     CREATE SEQUENCE numbers; GRANT USAGE ON SEQUENCE numbers TO app_user;
     -- Nobody's list knows this one.
     CREATE FUNCTION note(text, text, boolean) RETURNS text LANGUAGE internal AS 'set_config_by_name';
     CREATE FUNCTION "Note of
       ours"(text, text, boolean) RETURNS text LANGUAGE internal AS 'set_config_by_name'`,
  )
})
afterAll(() => world.drop())

/** What A calls, and what B asks on the same connection afterwards. */
const reaching: readonly { readonly call: string; readonly probe?: string }[] = [
  { call: 'set_limit(0.9)', probe: 'SELECT show_limit()::text AS value' },
  { call: 'public."set_limit"(0.9)', probe: 'SELECT show_limit()::text AS value' },
  { call: "note('app.user_id', 'of A', false)", probe: "SELECT current_setting('app.user_id', true) AS value" },
  {
    call: `public . "Note of
       ours" /* ( */ ('app.user_id', 'of A', false)`,
    probe: "SELECT current_setting('app.user_id', true) AS value",
  },
  { call: "nextval('numbers') + lastval()", probe: "SELECT currval('numbers')::text AS value" },
  { call: 'isn_weak(true)', probe: 'SELECT isn_weak()::text AS value' },
  { call: "lo_from_bytea(0, 'of A')", probe: 'SELECT count(*)::text AS value FROM pg_largeobject_metadata' },
  { call: "dblink_connect('of_a', 'host=127.0.0.1')" },
  { call: 'pg_terminate_backend(0)' },
  { call: 'pg_cancel_backend(0)' },
  { call: 'pg_switch_wal()' },
  { call: 'pg_stat_reset()' },
  { call: 'pg_stat_clear_snapshot()' },
  { call: "pg_drop_replication_slot('a')" },
  { call: "brin_summarize_new_values('projects_pkey')" },
  { call: "xpath_table('name', 'name', 'projects', '/a', 'true')" },
  { call: "crosstab('SELECT 1, 2, 3')" },
  { call: "cursor_to_xml('held', 1, true, true, '')" },
  { call: 'pg_prepared_statement()' },
  { call: 'pg_advisory_unlock(1)' },
]

/** What an application calls. */
const ordinary: readonly string[] = [
  'gen_random_uuid()',
  'uuid_generate_v4()',
  'uuid_generate_v1()',
  "crypt('a', gen_salt('bf', 4))",
  'gen_random_bytes(4)',
  "pgp_sym_encrypt('a', 'b')",
  "encode(hmac('a', 'b', 'sha256'), 'hex')",
  'clock_timestamp()',
  'timeofday()',
  'now()',
  'random()',
  "nextval('numbers')",
  'pg_sleep(0)',
  'pg_advisory_xact_lock(1)',
  'pg_try_advisory_xact_lock_shared(1, 2)',
  "pg_notify('a', 'b')",
  'txid_current()',
  'pg_current_xact_id_if_assigned()',
  'pg_backend_pid()',
  'current_schema()',
  "pg_total_relation_size('projects')",
  'pg_is_in_recovery()',
  "similarity('word', 'two words')",
  "unaccent('é')",
  "ts_rewrite('a & b'::tsquery, 'a'::tsquery, 'c'::tsquery)",
  "to_tsvector('a')",
  'normal_rand(1, 2, 3)',
  "levenshtein_or(1, 'a')",
]

test('each of them reaches the next user of a plain connection', async () => {
  for (const { call, probe } of reaching) {
    if (probe === undefined) continue
    const pool = new pg.Pool({ connectionString: world.db.appUrl, max: 1 })
    try {
      const ask = async () => (await pool.query(probe).catch(() => ({ rows: [] }))).rows[0]?.value
      const before = await ask()
      await pool.query(`SELECT ${call}`)
      expect(await ask(), call).not.toEqual(before)
    } finally {
      await pool.end()
    }
  }
})

describe.each(modes)('in %s mode', (mode) => {
  test.each(reaching)('$call is refused, also as the first statement of all', async ({ call }) => {
    const { prisma, close } = await openMode(mode, world.db.appUrl, { max: 1 })
    try {
      const asA = <T>(fn: () => Promise<T>) => withTenant(world.a.tenantId, fn)
      const texts = [`SELECT ${call}`, `SELECT * FROM ${call} AS x`, `SELECT 1 WHERE (SELECT ${call}) IS NULL`]
      for (const text of texts) {
        const refused = { code: 'QUERY.UNSUPPORTED', message: expect.stringMatching(/calls|shows/) }
        await expect(asA(() => prisma.$queryRawUnsafe(text))).rejects.toMatchObject(refused)
        await expect(asA(() => prisma.$executeRawUnsafe(text))).rejects.toMatchObject(refused)
        await expect(asA(() => prisma.$transaction((tx) => tx.$queryRawUnsafe(text)))).rejects.toMatchObject(refused)
      }
      // The refusal cost no connection.
      expect(await asA(() => prisma.project.count())).toBe(world.a.projectIds.length)
    } finally {
      await close()
    }
  })

  test('what an application calls works', async () => {
    await runSql(
      world.db.adminUrl,
      `CREATE OR REPLACE FUNCTION levenshtein_or(a int, b text) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN a; END'`,
    )
    const { prisma, close } = await openMode(mode, world.db.appUrl, { max: 1 })
    try {
      for (const call of ordinary) {
        const rows = await withTenant(world.a.tenantId, () =>
          prisma.$queryRawUnsafe<unknown[]>(`SELECT (${call})::text AS value`),
        )
        expect(rows, call).toHaveLength(1)
      }
    } finally {
      await close()
    }
  })

  test('a name that the service allows is sent, and one that could be another tenant cannot be allowed', async () => {
    const binding = { allowNames: ['set_limit', 'pg_stat_activity'] }
    const { prisma, close } = await openMode(mode, world.db.appUrl, { max: 1, binding })
    try {
      const ask = (sql: string) => withTenant(world.a.tenantId, () => prisma.$queryRawUnsafe<unknown[]>(sql))
      expect(await ask('SELECT set_limit(0.5)::text AS value')).toEqual([{ value: '0.5' }])
      expect(await ask('SELECT pid FROM pg_stat_activity WHERE pid = pg_backend_pid()')).toHaveLength(1)
      await expect(ask('SELECT lo_create(0)')).rejects.toMatchObject({ code: 'QUERY.UNSUPPORTED' })
    } finally {
      await close()
    }
    for (const allowNames of [['set_config'], 'set_limit', [1], ['']]) {
      const opened = openMode(mode, world.db.appUrl, { binding: { allowNames: allowNames as string[] } })
      await expect(opened).rejects.toMatchObject({
        code: 'CONFIG.INVALID',
        hint: expect.stringMatching(/allowNames|Take/),
      })
    }
  })

  test.each([
    'pg_stat_activity',
    'pg_catalog."pg_stat_activity"',
    'pg_stat_statements',
    'pg_prepared_statements',
    'pg_cursors',
    'pg_stat_xact_user_tables',
    'pg_statio_user_indexes',
  ])('%s, which shows what other tenants do, is refused', async (view) => {
    const { prisma, close } = await openMode(mode, world.db.appUrl, { max: 1 })
    try {
      const ask = () => withTenant(world.b.tenantId, () => prisma.$queryRawUnsafe(`SELECT * FROM ${view} AS v`))
      await expect(ask()).rejects.toMatchObject({
        code: 'QUERY.UNSUPPORTED',
        message: expect.stringContaining('shows what other tenants do'),
        hint: expect.stringContaining('allowNames: ['),
      })
    } finally {
      await close()
    }
  })
})

test('with directConnections they are sent, and the connection is destroyed', async () => {
  const { pool, close } = await openMode('pool', world.db.appUrl, { max: 1, tenantPool: { directConnections: true } })
  try {
    const pid = () =>
      withTenant(world.b.tenantId, async () => (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid)
    const before = await pid()
    await withTenant(world.a.tenantId, () => pool.query('SELECT set_limit(0.9)'))
    expect(await pid()).not.toBe(before)
  } finally {
    await close()
  }
})

test('a connection that is opened after an extension was installed tells of its functions', async () => {
  const { pool, close } = await openMode('pool', world.db.appUrl, { max: 2 })
  const asA = <T>(fn: () => Promise<T>) => withTenant(world.a.tenantId, fn)
  const call = () => asA(() => pool.query('SELECT postgres_fdw_disconnect_all()'))
  try {
    await expect(call()).rejects.toMatchObject({ code: '42883' })
    await runSql(world.db.adminUrl, 'CREATE EXTENSION postgres_fdw')
    const [first, second] = [await pool.connect(), await pool.connect()]
    first.release()
    second.release()
    await expect(call()).rejects.toMatchObject({ code: 'QUERY.UNSUPPORTED' })
  } finally {
    await close()
  }
})

test('every function that is let through by name is one that the catalog would have refused, or of another server', async () => {
  const [row] = await runSql<{ functions: string }>(world.db.adminUrl, roleQuery, [''])
  const named = new Set(JSON.parse(row?.functions ?? '[]') as string[])
  // Of later majors, and of extensions that this server has not.
  const elsewhere = /^(?:uuidv[47]|random_normal|array_sample|array_shuffle|gen_.*ulid|st_.*|ssl_.*)$/
  expect([...HARMLESS].filter((name) => !named.has(name) && !elsewhere.test(name))).toEqual([])
  expect(named.size).toBeGreaterThan(200)
})
