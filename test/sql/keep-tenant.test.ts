// Proves what the SQL of the trigger says, and, logged in as the app role, that emptying a foreign key that contains the
// tenant keeps the row's tenant, and that nobody moves a row with it.
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  dropKeepTenant,
  keepTenant,
  protectTable,
  requireTenant,
  tenantColumn,
  tenantForeignKey,
  tenantUnique,
} from '../../src/sql/index.js'
import { a, b, failure, type LiveDatabase, openLiveDatabase } from './live-database.js'
import { refused } from './refused.js'

test('an update that would leave a row without a tenant keeps the old one', () => {
  expect(keepTenant({ schema: 'crm', table: 'Tasks' }, { column: 'Org "id"', name: 'keep' })).toBe(`\
CREATE SCHEMA IF NOT EXISTS "tenancy";
CREATE OR REPLACE FUNCTION "tenancy"."keep_Org ""id""_trigger"() RETURNS trigger LANGUAGE plpgsql AS $tenancy$
BEGIN
  NEW."Org ""id""" := OLD."Org ""id""";
  RETURN NEW;
END
$tenancy$;

-- Emptying a foreign key empties its tenant too, and a row without a tenant is nobody's.
CREATE OR REPLACE TRIGGER "keep" BEFORE UPDATE OF "Org ""id""" ON "crm"."Tasks"
  FOR EACH ROW WHEN (NEW."Org ""id""" IS NULL) EXECUTE FUNCTION "tenancy"."keep_Org ""id""_trigger"();
`)
})

test('its function and schema go with the last trigger', () => {
  expect(dropKeepTenant('tasks')).toBe(`\
DROP TRIGGER IF EXISTS "keep_tenant" ON "tasks";
DO $tenancy$
BEGIN
  DROP FUNCTION IF EXISTS "tenancy"."keep_tenant_id_trigger"();
EXCEPTION WHEN dependent_objects_still_exist THEN
  NULL; -- Another table's trigger uses it.
END
$tenancy$;

DO $tenancy$
BEGIN
  DROP SCHEMA IF EXISTS "tenancy";
EXCEPTION WHEN dependent_objects_still_exist THEN
  NULL; -- Something else stands in it.
END
$tenancy$;
`)
})

test('an option that nobody reads is refused', () => {
  expect(refused(() => keepTenant('tasks', { type: 'int' } as never))).toEqual({
    code: 'CONFIG.INVALID',
    message: expect.stringContaining('keepTenant has no option "type".'),
    hint: 'Use one of: column, name.',
  })
})

let db: LiveDatabase

beforeAll(async () => {
  db = await openLiveDatabase(`
    CREATE TABLE projects (id int PRIMARY KEY);
    CREATE TABLE tasks (id int PRIMARY KEY, project_id int, title text);
    ${['projects', 'tasks'].map((table) => tenantColumn(table) + requireTenant(table)).join('')}
    ${tenantUnique('projects', { columns: ['id'] })}
    ${tenantForeignKey('tasks', {
      columns: ['project_id'],
      references: { table: 'projects', columns: ['id'] },
      onDelete: 'SET NULL',
      onUpdate: 'CASCADE',
    })}
    ALTER TABLE tasks ADD parent_id int;
    ${tenantUnique('tasks', { columns: ['id'] })}
    ${tenantForeignKey('tasks', { columns: ['parent_id'], references: { table: 'tasks', columns: ['id'] }, onDelete: 'SET NULL' })}
    INSERT INTO projects (id, tenant_id) VALUES (1, '${a}'), (2, '${b}');
    INSERT INTO tasks (id, tenant_id, project_id, parent_id) VALUES (1, '${a}', 1, NULL), (2, '${b}', 2, NULL), (3, '${a}', 1, 1);
    ${protectTable('projects')}${protectTable('tasks')}
  `)
})

afterAll(() => db?.close())

const emptied = 'UPDATE tasks SET tenant_id = NULL, project_id = NULL'
const tasks = 'SELECT id, tenant_id, project_id, parent_id FROM tasks ORDER BY id'

test('without the trigger, emptying the key fails, and so does deleting the parent', async () => {
  expect((await failure(db.asApp(a, emptied))).code).toBe('42501')
  expect((await failure(db.asApp(a, 'DELETE FROM projects'))).code).toBe('23502')
})

test('with it, the key is emptied and the tenant stays', async () => {
  await db.owner.query(keepTenant('tasks'))
  expect((await db.asApp(a, `${emptied} RETURNING id, tenant_id, project_id`)).rows).toEqual([
    { id: 1, tenant_id: a, project_id: null },
    { id: 3, tenant_id: a, project_id: null },
  ])
})

test('a deleted parent empties the key of its children and leaves them their tenant', async () => {
  expect((await db.asApp(a, 'DELETE FROM projects', tasks)).rows).toEqual([
    { id: 1, tenant_id: a, project_id: null, parent_id: null },
    { id: 3, tenant_id: a, project_id: null, parent_id: 1 },
  ])
})

test('the same for a table that refers to itself', async () => {
  expect((await db.asApp(a, 'DELETE FROM tasks WHERE id = 1', tasks)).rows).toEqual([
    { id: 3, tenant_id: a, project_id: 1, parent_id: null },
  ])
})

test('an upsert that empties the key keeps the tenant', async () => {
  const upsert = `INSERT INTO tasks (id, tenant_id) VALUES (1, '${a}')
    ON CONFLICT (id) DO UPDATE SET tenant_id = NULL, project_id = NULL RETURNING tenant_id, project_id`
  expect((await db.asApp(a, upsert)).rows).toEqual([{ tenant_id: a, project_id: null }])
})

test.each([
  ['moves a row to another tenant', `UPDATE tasks SET tenant_id = '${b}' WHERE id = 1`],
  ['moves a row along with its key', `UPDATE tasks SET tenant_id = '${b}', project_id = 2 WHERE id = 1`],
  ['makes a row that has no tenant', 'INSERT INTO tasks (id, tenant_id) VALUES (9, NULL)'],
  [
    'moves a row by emptying it first',
    `UPDATE tasks SET tenant_id = NULL WHERE id = 1; UPDATE tasks SET tenant_id = '${b}' WHERE id = 1`,
  ],
])('%s: refused', async (_, sql) => {
  expect((await failure(db.asApp(a, sql))).code).toBe('42501')
})

test('another tenant cannot empty the key', async () => {
  expect((await db.asApp(b, `${emptied} WHERE id = 1`)).rowCount).toBe(0)
  expect((await db.asApp(b, `${emptied} WHERE id = 2`)).rowCount).toBe(1)
})

test('the app role cannot call the function, or make a trigger of it on a table of its choice', async () => {
  expect((await failure(db.asApp(a, 'SELECT tenancy.keep_tenant_id_trigger()'))).code).toBe('42501')
})

test('an update that does not mention the tenant does not call it', async () => {
  const plan = async (sql: string) => JSON.stringify((await db.asApp(a, `EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`)).rows)
  expect(await plan("UPDATE tasks SET title = 'x'")).not.toContain('keep_tenant')
  expect(await plan(`UPDATE tasks SET tenant_id = '${a}'`)).not.toContain('keep_tenant')
  expect(await plan(emptied)).toContain('keep_tenant')
})
