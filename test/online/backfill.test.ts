// Proves that every row gets its tenant whatever its key is made of and whatever the live load does meanwhile, and that
// no batch ever waits for a row.
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'

import type { Step } from '../../src/migration/step.js'
import type { ProgressEvent } from '../../src/online/progress.js'
import { runSql, startPostgres, type TestDatabase } from '../support/postgres.js'
import { apply, connect } from './online-world.js'

let database: TestDatabase
let url: string
let opened: pg.Client[] = []

beforeAll(async () => {
  database = await (await startPostgres()).createDatabase()
  url = database.adminUrl
})
afterAll(() => database.drop())
beforeEach(() =>
  runSql(
    url,
    'CREATE TABLE parents (id int PRIMARY KEY, tenant_id int); INSERT INTO parents SELECT n, n % 7 FROM generate_series(1, 100) AS n',
  ),
)
afterEach(async () => {
  await Promise.all(opened.map((client) => client.end()))
  opened = []
  await runSql(url, 'DROP TABLE IF EXISTS children, parents')
})

async function session(): Promise<pg.Client> {
  const client = await connect(url)
  opened.push(client)
  return client
}

const table = { schema: 'public', table: 'children' }
const fromParent = '(SELECT parent.tenant_id FROM parents AS parent WHERE parent.id = "child".parent_id)'

function fill(key: readonly string[], value = fromParent): Step {
  const online = [{ kind: 'backfill', table, column: 'tenant_id', key, value }] as const
  return { key: 'fill', title: 'Tenants of the rows of children', table, sql: '', down: '', done: 'false', online }
}

const run = (steps: readonly Step[], options = {}) => apply({ ownerUrl: url }, options, steps)

/** `columns` are those of the key, `select` gives their values for n. */
async function children(columns: string, key: string, select: string, rows = 3_000): Promise<void> {
  await runSql(
    url,
    `CREATE TABLE children (${columns}, parent_id int NOT NULL, tenant_id int, changed int NOT NULL DEFAULT 0, PRIMARY KEY (${key}));
     INSERT INTO children SELECT ${select}, 1 + n % 100 FROM generate_series(1, ${rows}) AS n;
     ANALYZE children`,
  )
}

async function strays(): Promise<number> {
  const [row] = await runSql<{ count: number }>(
    url,
    'SELECT count(*)::int FROM children WHERE tenant_id IS DISTINCT FROM (parent_id % 7)',
  )
  return row?.count ?? -1
}

test.each([
  ['integer', 'id int', 'id', 'n'],
  ['uuid', 'id uuid', 'id', 'gen_random_uuid()'],
  ['text', 'id text', 'id', `chr(97 + n % 26) || E'\\'"\\\\' || n`],
  [
    'text with a collation that is not byte order',
    'id text COLLATE "en-x-icu"',
    'id',
    `CASE n % 2 WHEN 0 THEN 'É' ELSE 'e' END || n`,
  ],
  ['timestamp', 'id timestamptz', 'id', `'2020-01-01'::timestamptz + n * interval '1.000001 s'`],
  ['padded text', 'id char(20)', 'id', 'n::text'],
  ['numeric', 'id numeric', 'id', 'n / 7.0'],
  ['float', 'id float8', 'id', 'n / 7.0::float8'],
  ['binary', 'id bytea', 'id', 'sha256(n::text::bytea)'],
  ['composite', 'a text, b int, "C d" uuid', 'a, b, "C d"', `'x' || n % 3, n % 50, gen_random_uuid()`],
])('a key that is %s is followed through all rows, in many batches', async (_, columns, key, select) => {
  await children(columns, key, select)
  const names = key.split(', ').map((name) => name.replaceAll('"', ''))
  const events: ProgressEvent[] = []
  const report = await run([fill(names)], {
    batchSize: 100,
    pause: 0,
    onProgress: (event: ProgressEvent) => events.push(event),
  })
  expect(report.filled).toBe(3_000)
  expect(await strays()).toBe(0)
  expect(events.filter(({ kind }) => kind === 'rows').length).toBeGreaterThan(25)
})

test('only rows without a tenant are written', async () => {
  await children('id int', 'id', 'n')
  await runSql(url, 'UPDATE children SET tenant_id = 99 WHERE id <= 1000')
  expect(await run([fill(['id'])])).toMatchObject({ filled: 2_000 })
  expect(await runSql(url, 'SELECT count(*)::int FROM children WHERE tenant_id = 99')).toEqual([{ count: 1_000 }])
})

test('a run that was stopped is carried on: no row is written twice, and what is filled is passed quickly', async () => {
  await children('id int', 'id', 'n', 20_000)
  await runSql(
    url,
    `CREATE FUNCTION count_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.changed := OLD.changed + 1; RETURN NEW; END';
    CREATE TRIGGER count_change BEFORE UPDATE ON children FOR EACH ROW EXECUTE FUNCTION count_change()`,
  )
  const controller = new AbortController()
  const stop = (event: ProgressEvent): void => {
    if (event.kind === 'rows' && event.filled >= 15_000) controller.abort()
  }
  const options = { batchSize: 500, pause: 0 }
  await expect(run([fill(['id'])], { ...options, signal: controller.signal, onProgress: stop })).rejects.toThrow(
    'aborted',
  )
  const [{ left } = { left: 0 }] = await runSql<{ left: number }>(
    url,
    'SELECT count(*)::int AS left FROM children WHERE tenant_id IS NULL',
  )
  expect(left).toBeGreaterThan(0)
  expect(left).toBeLessThanOrEqual(5_000)
  const events: ProgressEvent[] = []
  const report = await run([fill(['id'])], { ...options, onProgress: (event: ProgressEvent) => events.push(event) })
  expect(report.filled).toBe(left)
  expect(await strays()).toBe(0)
  expect(await runSql(url, 'SELECT DISTINCT changed FROM children')).toEqual([{ changed: 1 }])
  // 15,000 rows in batches of 500 would be 30; the windows without work grow.
  const before = events.filter((event) => event.kind === 'rows' && event.filled === 0)
  expect(before.length).toBeLessThan(10)
})

test('a locked row is skipped and filled when it is free, and its holder never waits for the batch', async () => {
  await children('id int', 'id', 'n')
  const holder = await session()
  await holder.query('BEGIN; UPDATE children SET changed = 1 WHERE id = 10')
  const running = run([fill(['id'])], { batchSize: 100, lockTimeout: 200 })
  await expect.poll(strays, { timeout: 20_000 }).toBe(1)
  // Rows that the backfill has passed already: if it held or waited for anything, one of the two would be a deadlock.
  await holder.query('UPDATE children SET changed = 2 WHERE id BETWEEN 1 AND 3000')
  await holder.query('COMMIT')
  const report = await running
  expect(report).toMatchObject({ filled: 3_000, missing: ['Tenants of the rows of children'] })
  expect(await strays()).toBe(0)
  expect(await runSql(url, 'SELECT DISTINCT changed FROM children')).toEqual([{ changed: 2 }])
})

test('a row that stays locked is an error that names who may hold it', async () => {
  await children('id int', 'id', 'n', 10)
  const holder = await session()
  await holder.query('BEGIN; SELECT FROM children WHERE id = 10 FOR UPDATE')
  await expect(run([fill(['id'])], { lockTimeout: 50, retries: 2 })).rejects.toMatchObject({
    code: 'MIGRATION.BLOCKED',
    message: expect.stringMatching(
      /^Tenants of the rows of children: rows of public\.children stay locked, by one of process \d+/,
    ),
  })
  await holder.query('COMMIT')
})

test('a child can be inserted while its parent is being filled', async () => {
  await children('id int', 'id', 'n')
  await runSql(url, 'CREATE TABLE grandchildren (child_id int REFERENCES children)')
  const holder = await session()
  await holder.query('BEGIN; INSERT INTO grandchildren VALUES (10)')
  // The key share lock of the foreign key check does not keep the batch out.
  expect(await run([fill(['id'])], { retries: 0 })).toMatchObject({ filled: 3_000 })
  await holder.query('COMMIT')
  await runSql(url, 'DROP TABLE grandchildren')
})

test('where the tenant is part of a unique index, such a row is skipped too instead of waited for', async () => {
  await children('id int', 'id', 'n')
  await runSql(
    url,
    'CREATE TABLE grandchildren (child_id int REFERENCES children); CREATE UNIQUE INDEX ON children (tenant_id, id)',
  )
  const holder = await session()
  await holder.query('BEGIN; INSERT INTO grandchildren VALUES (10)')
  const running = run([fill(['id'])], { lockTimeout: 200 })
  await expect.poll(strays, { timeout: 20_000 }).toBe(1)
  await holder.query('COMMIT')
  expect(await running).toMatchObject({ filled: 3_000 })
  await runSql(url, 'DROP TABLE grandchildren')
})

const required: Step = {
  key: 'required',
  title: 'Every row of children has a tenant',
  table,
  sql: '',
  down: '',
  done: 'false',
  online: [
    {
      kind: 'transaction',
      sql: 'ALTER TABLE children ADD CONSTRAINT is_set CHECK (tenant_id IS NOT NULL) NOT VALID',
    },
    { kind: 'statement', sql: 'ALTER TABLE children VALIDATE CONSTRAINT is_set' },
    { kind: 'transaction', sql: 'ALTER TABLE children ALTER tenant_id SET NOT NULL' },
  ],
}

test('rows that the old version of the service adds without a tenant are caught before the column is required', async () => {
  await children('id serial', 'id', 'n')
  await runSql(url, "SELECT setval('children_id_seq', 10000)")
  const writer = await session()
  let writing = true
  let refused = 0
  const load = (async () => {
    while (writing) {
      await writer.query('INSERT INTO children (parent_id) VALUES (7)').catch((error: { code?: string }) => {
        if (error.code !== '23514' && error.code !== '23502') throw error
        refused++
      })
    }
  })()
  const report = await run([fill(['id']), required], { pause: 0 })
  // From the constraint on they are refused, as by the migration; until then none was lost.
  await expect.poll(() => refused).toBeGreaterThan(0)
  writing = false
  await load
  expect(report.filled).toBeGreaterThan(3_000)
  expect(await strays()).toBe(0)
})

test('a row without a tenant that got in right before the constraint is filled when the constraint is validated', async () => {
  await children('id int', 'id', 'n')
  // The backfill counts as done, so nothing is filled before.
  const report = await run([{ ...fill(['id']), done: 'true' }, required])
  expect(report.filled).toBe(3_000)
  expect(await strays()).toBe(0)
})

test('rows for which no tenant is known are an error with their number and the first keys', async () => {
  await children('id int', 'id', 'n', 100)
  await runSql(url, 'DELETE FROM parents WHERE id = 1; UPDATE children SET parent_id = 1 WHERE id % 10 = 0')
  await expect(run([fill(['id'])])).rejects.toMatchObject({
    code: 'MIGRATION.ROWS',
    message: expect.stringMatching(
      /^Tenants of the rows of children: no tenant is known for 10 rows of public\.children, id (\d+, ){5}…\.$/m,
    ),
    hint: expect.stringContaining('SELECT "id" FROM "public"."children" WHERE "tenant_id" IS NULL;'),
  })
  expect(await runSql(url, 'SELECT count(tenant_id)::int FROM children')).toEqual([{ count: 90 }])
})

test('what one backfill of a column knows no tenant for is left to the next', async () => {
  await children('id int', 'id', 'n', 100)
  await runSql(url, 'DELETE FROM parents WHERE id = 1; UPDATE children SET parent_id = 1 WHERE id % 10 = 0')
  expect(await run([fill(['id']), fill(['id'], '42')])).toMatchObject({ filled: 100 })
  expect(await runSql(url, 'SELECT count(*)::int FROM children WHERE tenant_id = 42')).toEqual([{ count: 10 }])
})

test('a tree within one table is filled from its roots', async () => {
  await runSql(
    url,
    `CREATE TABLE children (id int PRIMARY KEY, parent_id int, tenant_id int);
     INSERT INTO children SELECT n, n + 1, NULL FROM generate_series(1, 49) AS n;
     INSERT INTO children VALUES (50, NULL, 5)`,
  )
  const value = '(SELECT parent.tenant_id FROM children AS parent WHERE parent.id = "child".parent_id)'
  expect(await run([fill(['id'], value)])).toMatchObject({ filled: 49 })
  expect(await runSql(url, 'SELECT DISTINCT tenant_id FROM children')).toEqual([{ tenant_id: 5 }])
})

test.each([
  [[], 'it has no key'],
  [['id', 'gone'], 'its key (id, gone) is not there'],
])('the key %j is refused', async (key, why) => {
  await children('id int', 'id', 'n', 1)
  await expect(run([fill(key)])).rejects.toMatchObject({
    code: 'CONFIG.INVALID',
    message: expect.stringContaining(`public.children cannot be filled in batches: ${why}.`),
    hint: expect.stringContaining('@id'),
  })
})
