// Proves that raw SQL which only looks hostile works, in both modes: a gate that refused it would be switched off.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { withTenant } from '../../src/context.js'
import { leftOnIdleConnections, modes, openMode } from '../support/modes.js'
import { runSql } from '../support/postgres.js'
import { type HostileWorld, newHostileWorld } from './hostile-world.js'

let world: HostileWorld
beforeAll(async () => {
  world = await newHostileWorld()
  await runSql(
    world.db.adminUrl,
    `CREATE TABLE words (id int PRIMARY KEY, set_config text, "into" text, "commit" text, copy text, data jsonb);
     INSERT INTO words VALUES (1, 'a value', 'in', 'done', 'that', '{"tag": ["x"], "set": "into"}');
     GRANT ALL ON words TO app_user`,
  )
})
afterAll(() => world.drop())

/** A statement, and what its one value is. */
const ordinary: readonly (readonly [sql: string, value: unknown, ...values: unknown[]])[] = [
  ['SELECT set_config FROM words', 'a value'],
  ['SELECT "set_config" FROM words', 'a value'],
  ['SELECT words.set_config AS x FROM words', 'a value'],
  ['SELECT 1 AS set_config', 1],
  ["SELECT length(set_config) FROM words WHERE set_config IN ('a value')", 7],
  ["SELECT 'set_config(''app.tenant_id'', ''x'', false)' AS x", "set_config('app.tenant_id', 'x', false)"],
  ['SELECT $$ ; COMMIT; set_config( $$ AS x', ' ; COMMIT; set_config( '],
  ['SELECT $x$ $$ SET ROLE $$ $x$ AS x', ' $$ SET ROLE $$ '],
  ["SELECT 1 AS x -- ; set_config('app.tenant_id', 'x', false)", 1],
  ["SELECT /* SET ROLE x; SELECT set_config('a', 'b', false) */ 1 AS x", 1],
  ["SELECT E'it\\'s; COMMIT' AS x", "it's; COMMIT"],
  ["SELECT 'one'\n' and two; SET' AS x", 'one and two; SET'],
  ["SELECT E'one'\n'\\'two; SET' AS x", "one'two; SET"],
  ["SELECT U&'\\0041; SET' AS x", 'A; SET'],
  ['SELECT "into" FROM words', 'in'],
  ['SELECT words.into FROM words', 'in'],
  ['SELECT words."into" AS into FROM words', 'in'],
  ['SELECT 1 AS into', 1],
  ['SELECT 1 AS commit', 1],
  ['SELECT copy FROM words', 'that'],
  ["SELECT 'COPY INTO' AS begin", 'COPY INTO'],
  ['select "commit" from words', 'done'],
  ["INSERT INTO words (id, set_config) VALUES (2, 'x') RETURNING id", 2],
  ['INSERT INTO words (id) SELECT 3 AS into RETURNING id', 3],
  ['WITH x AS (INSERT INTO words (id) VALUES (4) RETURNING id) SELECT id FROM x', 4],
  ['WITH x AS (SELECT 5 AS id) INSERT INTO words (id) SELECT id FROM x RETURNING id', 5],
  ["INSERT INTO words (id) VALUES (2) ON CONFLICT (id) DO UPDATE SET copy = 'twice' RETURNING copy", 'twice'],
  ["UPDATE words SET set_config = 'y' WHERE id = 2 RETURNING set_config", 'y'],
  ['DELETE FROM words WHERE id > 1 AND id < 3 RETURNING id', 2],
  ["SELECT data->>'set' FROM words WHERE id = 1", 'into'],
  ["SELECT data #>> '{tag,0}' FROM words WHERE data ? 'tag'", 'x'],
  [`SELECT id FROM words WHERE data @> '{"tag": ["x"]}' AND data->'tag' ?| array['x']`, 1],
  ['SELECT $1::text AS x', '; COMMIT', '; COMMIT'],
  ['SELECT $1::int + $2::int AS x', 3, 1, 2],
  ['VALUES (1)', 1],
  ['(SELECT 1 AS x)', 1],
  ['((SELECT 1) UNION (SELECT 1))', 1],
  ['SELECT 1 AS x;', 1],
  [' \n\t/* x */ SELECT 1 AS x ; -- the end', 1],
  ["SELECT current_setting('server_version_num')::int > 0 AS x", true],
  ['SELECT pg_try_advisory_xact_lock(42) AS x', true],
  ['SELECT id FROM words WHERE id = 1 FOR UPDATE', 1],
  ["SELECT count(*)::int AS x FROM pg_settings WHERE name = 'search_path'", 1],
  ['SELECT a[1] AS x FROM (SELECT array[7]) AS t (a)', 7],
  ['SELECT x.set FROM (SELECT 1 AS set) AS x', 1],
  ["SELECT ts_rewrite('a & b', 'a', 'c')::text AS x", "'b' & 'c'"],
  [
    "INSERT INTO words (id, copy) SELECT 6, name FROM pg_settings LIMIT 1 ON CONFLICT (id) DO UPDATE SET copy = 'x' RETURNING id",
    6,
  ],
]

describe.each(modes)('in %s mode', (mode) => {
  let opened: Awaited<ReturnType<typeof openMode>>
  beforeAll(async () => {
    opened = await openMode(mode, world.db.appUrl, { max: 1 })
    await runSql(world.db.adminUrl, "DELETE FROM words WHERE id > 1; UPDATE words SET copy = 'that'")
  })
  afterAll(() => opened.close())
  afterEach(async () => {
    expect(await leftOnIdleConnections(opened.pool)).toEqual([''])
  })
  const asA = <T>(fn: () => Promise<T>) => withTenant(world.a.tenantId, fn)

  test.each(ordinary.map(([sql, value, ...values]) => ({ sql, value, values })))(
    'answers $sql',
    async ({ sql, value, values }) => {
      const rows = await asA(() => opened.prisma.$queryRawUnsafe<Record<string, unknown>[]>(sql, ...values))
      expect(Object.values(rows[0] ?? {})).toEqual([value])
    },
  )

  test.each([
    'EXPLAIN SELECT 1',
    'EXPLAIN (ANALYZE, FORMAT json) SELECT * FROM projects',
    'explain analyze verbose select 1',
    'EXPLAIN (SELECT 1)',
    'EXPLAIN WITH x AS (SELECT 1) SELECT * FROM x',
    'EXPLAIN ANALYZE UPDATE words SET copy = copy',
    'TABLE words',
    'SHOW search_path',
    "MERGE INTO words USING (SELECT 1 AS key) s ON id = s.key WHEN MATCHED THEN UPDATE SET copy = 'merged'",
    'WITH s AS (SELECT 9 AS key) MERGE INTO words USING s ON id = key WHEN NOT MATCHED THEN INSERT (id) VALUES (9)',
    "NOTIFY channel, 'into'",
    'SELECT FROM words',
    '',
    '-- nothing',
  ])('runs %j and keeps the connection', async (sql) => {
    const pid = async () => (await asA(() => opened.prisma.$queryRawUnsafe<[{ pid: number }]>(PID)))[0].pid
    const before = await pid()
    await asA(() => opened.prisma.$executeRawUnsafe(sql))
    expect(await pid()).toBe(before)
  })

  test('settings and locks that end with a transaction work inside one', async () => {
    await asA(() =>
      opened.prisma.$transaction(async (tx) => {
        await tx.$executeRawUnsafe('SET TRANSACTION READ WRITE')
        await tx.$executeRawUnsafe("SET LOCAL statement_timeout = '5s'")
        await tx.$executeRawUnsafe('SET LOCAL enable_seqscan = off')
        await tx.$executeRawUnsafe('SET LOCAL enable_partition_pruning = off')
        await tx.$executeRawUnsafe("SET LOCAL timezone = 'Asia/Tokyo'")
        await tx.$executeRawUnsafe('SET CONSTRAINTS ALL DEFERRED')
        await tx.$executeRawUnsafe('LOCK TABLE words IN ROW EXCLUSIVE MODE')
        await tx.$executeRawUnsafe('SAVEPOINT "set"')
        await expect(tx.$queryRawUnsafe('SELECT 1/0')).rejects.toThrow()
        await tx.$executeRawUnsafe('ROLLBACK TO SAVEPOINT "set"')
        await tx.$executeRawUnsafe('RELEASE "set"')
        const rows = await tx.$queryRawUnsafe("SELECT current_setting('statement_timeout') AS timeout")
        expect(rows).toEqual([{ timeout: '5s' }])
      }),
    )
    const rows = await asA(() =>
      opened.prisma.$queryRawUnsafe("SELECT current_setting('statement_timeout') AS timeout"),
    )
    expect(rows).toEqual([{ timeout: '0' }])
  })

  test('a formatting setting that the server reports costs no connection', async () => {
    const pid = async () => (await asA(() => opened.prisma.$queryRawUnsafe<[{ pid: number }]>(PID)))[0].pid
    const before = await pid()
    const seen = await asA(() =>
      opened.prisma.$transaction(async (tx) => {
        await tx.$executeRawUnsafe("SET LOCAL timezone = 'Asia/Tokyo'")
        await tx.$executeRawUnsafe("SET LOCAL DateStyle = 'German'")
        return tx.$queryRawUnsafe("SELECT timestamptz '2020-01-01 00:00+00'::text AS at")
      }),
    )
    expect(seen).toEqual([{ at: '01.01.2020 09:00:00 JST' }])
    expect(await pid()).toBe(before)
  })
})

const PID = 'SELECT pg_backend_pid() AS pid'
