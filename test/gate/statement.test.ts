// Proves what the gate lets through, what it holds back, and that each refusal says what to do.
import { describe, expect, test } from 'vitest'

import type { TenancyError } from '../../src/errors.js'
import { readStatement, refuseSessionStatement } from '../../src/gate/statement.js'
import { refused } from '../sql/refused.js'

const LOCAL = 'SET LOCAL of this setting could change what is read, or whose'
const kindOf = (sql: string): string => readStatement(sql).kind

describe('lets through', () => {
  test.each([
    'SELECT 1',
    '  /* a */ -- b\n select 1;',
    '(SELECT 1) UNION (SELECT 2)',
    'WITH a AS (SELECT 1) SELECT * FROM a',
    'VALUES (1)',
    'TABLE a',
    'INSERT INTO a VALUES (1)',
    'insert\ninto a SELECT 1',
    'UPDATE a SET b = 1',
    'DELETE FROM a',
    'MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE',
    'SELECT * FROM a FOR UPDATE',
    'SHOW app.tenant_id',
    "NOTIFY a, 'b'",
    'LOCK TABLE a IN ROW EXCLUSIVE MODE',
    'lock a, only b in share update exclusive mode nowait',
    "SELECT ts_rewrite('a', 'b', 'c')",
    'INSERT INTO a SELECT name FROM pg_settings ON CONFLICT (b) DO UPDATE SET c = 1',
    '',
    ';',
    ' -- nothing',
    'EXPLAIN SELECT 1',
    'EXPLAIN (ANALYZE, FORMAT json) DELETE FROM a',
    'EXPLAIN ANALYZE VERBOSE (SELECT 1)',
    'EXPLAIN ((SELECT 1))',
  ])('%j', (sql) => {
    expect(kindOf(sql)).toBe('query')
  })
})

describe('lets through what only looks like more', () => {
  test.each([
    'SELECT set_config, t.set_config FROM t',
    'SELECT 1 AS set_config',
    "SELECT 'set_config(''app.tenant_id'', ''b'', true)'",
    'SELECT 1 -- set_config(1)',
    'SELECT /* ; COMMIT; */ 1',
    "SELECT $$; COMMIT; $$, E'\\'; COMMIT; --'",
    'SELECT my_set_config(1)',
    'SELECT "SET_CONFIG"(1)',
    'SELECT pg_advisory_xact_lock(1)',
    'SELECT pg_try_advisory_xact_lock(1)',
    'SELECT current_setting($1)',
    'SELECT a AS into FROM b',
    'SELECT t.into FROM t',
    'SELECT "into" FROM t',
    "SELECT 'into'",
    'SELECT name FROM pg_settings',
    'UPDATE t SET pg_settings_version = 1',
    'INSERT INTO t (set_config) VALUES (1)',
    'WITH w AS (INSERT INTO t VALUES (1) RETURNING id) SELECT * FROM w',
  ])('%j', (sql) => {
    expect(kindOf(sql)).toBe('query')
  })
})

describe('knows transaction control', () => {
  test.each([
    ['BEGIN', 'begin'],
    ['begin isolation level serializable, read only', 'begin'],
    ['START TRANSACTION READ WRITE', 'begin'],
    ['COMMIT', 'commit'],
    ['END WORK', 'commit'],
    ['COMMIT AND NO CHAIN', 'commit'],
    ['ROLLBACK;', 'rollback'],
    ['ABORT TRANSACTION', 'rollback'],
    ['SAVEPOINT a', 'savepoint'],
    ['SAVEPOINT "; COMMIT"', 'savepoint'],
    ['RELEASE a', 'savepoint'],
    ['ROLLBACK TO SAVEPOINT a', 'savepoint'],
    ['SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', 'set-local'],
    ['SET CONSTRAINTS ALL DEFERRED', 'set-local'],
    ['SET LOCAL statement_timeout = 100', 'set-local'],
    ['set local ENABLE_SEQSCAN to off', 'set-local'],
    ['SET LOCAL enable_partition_pruning = on', 'set-local'],
    ['SET LOCAL enable_parallel_hash = off', 'set-local'],
    ['SET LOCAL jit_above_cost = -1', 'set-local'],
    ["SET LOCAL timezone = 'Asia/Tokyo'", 'set-local'],
    ["SET LOCAL TIME ZONE 'UTC'", 'set-local'],
    ['SET LOCAL bytea_output TO DEFAULT', 'set-local'],
    ['SET LOCAL pg_trgm.similarity_threshold = 0.4', 'set-local'],
    ['SET LOCAL hnsw.ef_search = 100', 'set-local'],
  ])('%j is %s', (sql, kind) => {
    expect(kindOf(sql)).toBe(kind)
  })

  test('and what of it must come before the first query', () => {
    expect(readStatement('SET TRANSACTION READ ONLY')).toEqual({ kind: 'set-local', beforeFirstQuery: true })
    expect(readStatement('SET CONSTRAINTS ALL DEFERRED')).toEqual({ kind: 'set-local' })
  })
})

describe('marks as reaching beyond its transaction', () => {
  test.each([
    ["SELECT set_config('app.tenant_id', 'b', true)", 'it calls set_config()'],
    ['select PG_CATALOG . "set_config" /* */ (1)', 'it calls set_config()'],
    ["SELECT E'a'\n'\\'', set_config('a', 'b', true)", 'it calls set_config()'],
    ['SELECT 1 FROM a WHERE pg_advisory_lock(1) IS NULL', 'it calls pg_advisory_lock()'],
    ["SELECT query_to_xml('SELECT 1', true, true, '')", 'it calls query_to_xml()'],
    ['SELECT 1 INTO TEMP a', 'SELECT INTO creates a table'],
    ['SELECT 1 insert INTO a', 'SELECT INTO creates a table'],
    ['(SELECT 1 INTO a) UNION SELECT 2', 'SELECT INTO creates a table'],
    ["UPDATE pg_settings SET setting = 'b'", 'it updates pg_settings'],
    ['UPDATE ONLY (pg_catalog."pg_settings") SET setting = 1', 'it updates pg_settings'],
    ["SET app.tenant_id = 'b'", 'SET changes the session'],
    ["SET LOCAL app.tenant_id = 'b'", LOCAL],
    ["SET transaction.a = 'b'", 'SET changes the session'],
    ['SET transaction = 1', 'SET changes the session'],
    ["SET constraints TO 'b'", 'SET changes the session'],
    ["SET LOCAL jit.tenant_id = 'b'", LOCAL],
    ['SET LOCAL pg_trgm.similarity_threshold.x = 1', LOCAL],
    ['SET LOCAL "statement_timeout" = 1', LOCAL],
    ...[
      'role a',
      'search_path = a',
      'row_security = off',
      'session_replication_role = replica',
      'transaction_read_only = off',
      'standard_conforming_strings = off',
      'escape_string_warning = off',
      'backslash_quote = on',
      "client_encoding = 'LATIN1'",
      'debug_print_plan = on',
      'session_preload_libraries = a',
    ].map((text) => [`SET LOCAL ${text}`, LOCAL] as [string, string]),
    ['LOCK TABLE a', 'a lock in ACCESS EXCLUSIVE MODE, the default, stops the reads or writes of every tenant'],
    ['lock a in share mode nowait', 'a lock IN SHARE MODE stops the reads or writes of every tenant'],
    ["SELECT ts_rewrite('a', 'SELECT 1')", 'it calls ts_rewrite() with a query, whose text it runs'],
    [
      'selec 1',
      'it begins with "selec", and not with SELECT, WITH, VALUES, TABLE, INSERT, UPDATE, DELETE, MERGE, EXPLAIN or SHOW',
    ],
    [
      '"select" 1',
      'it begins with no keyword, and not with SELECT, WITH, VALUES, TABLE, INSERT, UPDATE, DELETE, MERGE, EXPLAIN or SHOW',
    ],
    ['SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY', 'SET changes the session'],
    ['SET ROLE a', 'SET changes the session'],
    [
      'EXPLAIN ANALYZE CREATE TEMP TABLE a AS SELECT 1',
      'EXPLAIN of such a statement can leave something in the session',
    ],
    ['EXPLAIN (ANALYZE) EXECUTE a', 'EXPLAIN of such a statement can leave something in the session'],
    ['CREATE TEMP TABLE a (b int)', 'CREATE can leave something in the session, or is not for the app role'],
    ["PREPARE TRANSACTION 'a'", 'PREPARE can leave something in the session, or is not for the app role'],
    ...[
      'RESET ALL',
      'DISCARD ALL',
      'LISTEN a',
      'DECLARE a CURSOR WITH HOLD FOR SELECT 1',
      'PREPARE a AS SELECT 1',
      'DEALLOCATE ALL',
      'DO $$ $$',
      'CALL a()',
      'TRUNCATE a',
    ].map(
      (sql) =>
        [sql, `${sql.split(' ')[0]} can leave something in the session, or is not for the app role`] as [
          string,
          string,
        ],
    ),
  ])('%j', (sql, why) => {
    const { kind, why: told } = readStatement(sql)
    expect({ kind, why: told }).toEqual({ kind: 'session', why })
  })
})

describe('refuses', () => {
  const closed = 'Close the string or comment, and write names plainly.'
  const oneByOne = 'Send them one by one, inside prisma.$transaction(async (tx) => …) where they belong together.'
  const plainly = 'End the transaction plainly and open a new one.'
  test.each([
    ['SELECT 1; SELECT 2', oneByOne],
    ["SELECT 'a'; COMMIT; --'", oneByOne],
    ['BEGIN; SELECT 1; COMMIT', oneByOne],
    ["SELECT '\\'; COMMIT; --'", oneByOne],
    ['COMMIT AND CHAIN', plainly],
    ['ROLLBACK WORK AND CHAIN', plainly],
    ["COMMIT PREPARED 'a'", plainly],
    ['BEGIN SOMETHING ELSE', plainly],
    ["SELECT 'a", closed],
    ['SELECT 1 /* a', closed],
    ['SELECT $a$ b', closed],
    ['SELECT U&"\\0073et_config"(1)', closed],
    ['SELECT 1\0; COMMIT', 'Take the NUL character out.'],
    ['COPY a FROM STDIN', expect.stringMatching(/^Insert with createMany or INSERT … SELECT FROM unnest/)],
    ['copy (SELECT 1) TO STDOUT', expect.stringMatching(/^Insert with createMany/)],
  ])('%j with a hint', (sql, hint) => {
    for (const _ of ['judged', 'remembered'])
      expect(refused(() => readStatement(sql))).toMatchObject({ code: 'QUERY.UNSUPPORTED', hint })
  })

  test('what is no text', () => {
    expect(refused(() => readStatement(undefined as never)).code).toBe('QUERY.UNSUPPORTED')
    expect(refused(() => readStatement({ toString: () => 'SELECT 1' } as never)).code).toBe('QUERY.UNSUPPORTED')
  })

  test('a lock, a local setting and a misspelt word with what to type instead', () => {
    const hintOf = (sql: string) => refuseSessionStatement(readStatement(sql)).hint
    expect(hintOf('LOCK a')).toContain('pg_advisory_xact_lock($1) with tenantLockKey')
    expect(hintOf("SET LOCAL app.tenant_id = 'b'")).toContain("settings: ['app.user_id']")
    expect(hintOf('selec 1')).toBe('Look at how the statement begins.')
  })

  test('with an error of its own each time, of the stack of its own caller', () => {
    const thrown = (call: () => unknown): TenancyError => {
      try {
        call()
      } catch (error) {
        return error as TenancyError
      }
      throw new Error('Was not refused.')
    }
    const first = thrown(() => readStatement('SELECT 1; SELECT 2'))
    first.meta['mine'] = true
    const second = thrown(function another() {
      readStatement('SELECT 1; SELECT 2')
    })
    expect(second).not.toBe(first)
    expect(second.meta).toEqual({})
    expect(second.stack).toContain('another')
  })

  test('a statement of the session in words that name the way out', () => {
    const { code, message, hint } = refuseSessionStatement({ kind: 'session', why: 'SET changes the session' })
    expect({ code, message }).toEqual({
      code: 'QUERY.UNSUPPORTED',
      message: expect.stringContaining('The statement was not sent: SET changes the session.'),
    })
    expect(hint).toContain('TenantPool({ directConnections: true })')
  })
})
