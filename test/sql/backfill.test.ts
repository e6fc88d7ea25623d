// Proves what the backfill says, and on PostgreSQL that it fills exactly the rows that have no tenant.
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { backfillTenant, backfillValue, type TenantSource } from '../../src/sql/index.js'
import { startPostgres } from '../support/postgres.js'
import { refused } from './refused.js'

const fromProject: TenantSource = { parent: { table: 'projects', keys: [['project_id', 'id']] } }

test('rows without a tenant get the one that is named', () => {
  expect(backfillTenant('projects', { type: 'int', from: { tenant: '42' } })).toBe(
    `UPDATE "projects" AS "child" SET "tenant_id" = '42'::integer WHERE "child"."tenant_id" IS NULL;\n`,
  )
})

test('rows without a tenant get that of their parent', () => {
  expect(backfillTenant('tasks', { from: fromProject })).toBe(
    `UPDATE "tasks" AS "child" SET "tenant_id" = (SELECT "parent"."tenant_id" FROM "projects" AS "parent" WHERE "parent"."id" = "child"."project_id") WHERE "child"."tenant_id" IS NULL;\n`,
  )
})

test('the value alone is for an UPDATE in batches, with every option in it', () => {
  const parent = {
    table: { schema: 'crm', table: 'Deal' },
    column: 'Org',
    keys: [
      ['a', 'b'],
      ['c', 'd'],
    ] as const,
  }
  expect(backfillValue({ from: { parent } })).toBe(
    `(SELECT "parent"."Org" FROM "crm"."Deal" AS "parent" WHERE "parent"."b" = "child"."a" AND "parent"."d" = "child"."c")`,
  )
})

test.each([
  [undefined, 'The options of from are undefined.', 'Pass an object with any of: tenant, parent.'],
  [{}, 'The option from names neither a tenant nor a parent, or both.', "Write from: { tenant: '…' }."],
  [
    { ...fromProject, tenant: 'a' },
    'The option from names neither a tenant nor a parent, or both.',
    "Write from: { tenant: '…' }.",
  ],
  [{ tenant: 42 }, 'The tenant to fill in is the number 42.', "Write its id as text, such as '42'."],
  [{ tenant: '' }, 'The tenant to fill in is "".', "Write its id as text, such as '42'."],
  [
    { parent: { table: 'projects', keys: ['project_id', 'id'] } },
    'The option keys is not a list of pairs of columns.',
    "Write the foreign key as keys: [['project_id', 'id']], the table's own column first.",
  ],
  [{ parent: { table: 'projects', key: [] } }, 'from.parent has no option "key".', 'Use one of: table, column, keys.'],
])('the source %j is refused with a hint', (from, message, hint) => {
  expect(refused(() => backfillTenant('tasks', { from: from as never }))).toEqual({
    code: 'CONFIG.INVALID',
    message,
    hint,
  })
})

test('a row that has a tenant keeps it, and a second run writes nothing', async () => {
  const server = await startPostgres()
  const database = await server.createDatabase()
  const client = new Client({ connectionString: database.adminUrl })
  await client.connect()
  await client.query(`
    CREATE TABLE projects (id int PRIMARY KEY, tenant_id text);
    CREATE TABLE tasks (id int, project_id int, tenant_id text);
    INSERT INTO projects VALUES (1, 'a'), (2, 'b'), (3, NULL);
    INSERT INTO tasks VALUES (1, 1, NULL), (2, 2, NULL), (3, 2, 'a');
  `)
  const hostile = "o'neil\\"
  for (const [run, updated] of [1, 0].entries()) {
    const result = await client.query(backfillTenant('projects', { type: 'text', from: { tenant: hostile } }))
    expect(result.rowCount, `run ${run}`).toBe(updated)
    expect((await client.query(backfillTenant('tasks', { type: 'text', from: fromProject }))).rowCount).toBe(
      updated * 2,
    )
  }
  expect((await client.query('SELECT id, tenant_id FROM projects ORDER BY id')).rows).toEqual([
    { id: 1, tenant_id: 'a' },
    { id: 2, tenant_id: 'b' },
    { id: 3, tenant_id: hostile },
  ])
  expect((await client.query('SELECT tenant_id FROM tasks ORDER BY id')).rows).toEqual(
    ['a', 'b', 'a'].map((tenant_id) => ({ tenant_id })),
  )
  await client.end()
  await database.drop()
  await server.stop()
})
