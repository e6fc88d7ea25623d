// Proves that protecting a table is one readable text in a safe order. live.test.ts proves what it does.
import { expect, test } from 'vitest'
import { protectTable, unprotectTable } from '../../src/sql/index.js'
import { refused } from './refused.js'

test('by default: the index, the policy, and only then row-level security', () => {
  expect(protectTable('projects')).toBe(`\
-- The tenant comes first: every query under the policy filters by it.
CREATE INDEX IF NOT EXISTS "projects_tenant_id_id_idx" ON "projects" ("tenant_id", "id");

-- Without a tenant the comparison is NULL: no row is visible and none can be written.
DROP POLICY IF EXISTS "tenant_isolation" ON "projects";
CREATE POLICY "tenant_isolation" ON "projects"
  AS PERMISSIVE FOR ALL TO PUBLIC
  USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')::uuid)
  WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')::uuid);

ALTER TABLE "projects" ENABLE ROW LEVEL SECURITY;
-- The owner of a table skips its policies unless they are forced.
ALTER TABLE "projects" FORCE ROW LEVEL SECURITY;
`)
})

test('every option reaches the index and the policy', () => {
  const table = { schema: 'crm', table: 'notes' }
  expect(protectTable(table, { column: 'org', type: 'int', setting: 'crm.org', indexes: [['at']] })).toBe(`\
-- The tenant comes first: every query under the policy filters by it.
CREATE INDEX IF NOT EXISTS "notes_org_at_idx" ON "crm"."notes" ("org", "at");

-- Without a tenant the comparison is NULL: no row is visible and none can be written.
DROP POLICY IF EXISTS "tenant_isolation" ON "crm"."notes";
CREATE POLICY "tenant_isolation" ON "crm"."notes"
  AS PERMISSIVE FOR ALL TO PUBLIC
  USING ("org" = nullif(current_setting('crm.org', true), '')::integer)
  WITH CHECK ("org" = nullif(current_setting('crm.org', true), '')::integer);

ALTER TABLE "crm"."notes" ENABLE ROW LEVEL SECURITY;
-- The owner of a table skips its policies unless they are forced.
ALTER TABLE "crm"."notes" FORCE ROW LEVEL SECURITY;
`)
})

test('concurrently, the indexes come before the transaction that holds the rest', () => {
  const sql = protectTable('projects', { concurrently: true })
  const outline = sql.split('\n').filter((line) => /^(CREATE|DO|BEGIN;|DROP|ALTER|COMMIT)/.test(line))
  expect(outline).toEqual([
    'CREATE INDEX CONCURRENTLY IF NOT EXISTS "projects_tenant_id_id_idx" ON "projects" ("tenant_id", "id");',
    'DO $tenancy$',
    'BEGIN;',
    'DROP POLICY IF EXISTS "tenant_isolation" ON "projects";',
    'CREATE POLICY "tenant_isolation" ON "projects"',
    'ALTER TABLE "projects" ENABLE ROW LEVEL SECURITY;',
    'ALTER TABLE "projects" FORCE ROW LEVEL SECURITY;',
    'COMMIT;',
  ])
})

test('the reverse opens the table before it drops the indexes', () => {
  expect(unprotectTable('projects', { indexes: [['id'], ['created_at']] })).toBe(`\
ALTER TABLE "projects" NO FORCE ROW LEVEL SECURITY;
ALTER TABLE "projects" DISABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS "tenant_isolation" ON "projects";
DROP INDEX IF EXISTS "projects_tenant_id_id_idx";
DROP INDEX IF EXISTS "projects_tenant_id_created_at_idx";
`)
  expect(unprotectTable({ schema: 'crm', table: 'notes' }, { concurrently: true })).toBe(`\
BEGIN;
ALTER TABLE "crm"."notes" NO FORCE ROW LEVEL SECURITY;
ALTER TABLE "crm"."notes" DISABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS "tenant_isolation" ON "crm"."notes";
COMMIT;
DROP INDEX CONCURRENTLY IF EXISTS "crm"."notes_tenant_id_id_idx";
`)
})

test('without indexes the text begins with the policy', () => {
  expect(protectTable('projects', { indexes: [] })).toMatch(/^-- Without a tenant/)
})

test('sealed, its policy asks the function that checks the seal', () => {
  expect(protectTable('projects', { sealed: true })).toContain('USING ("tenant_id" = tenancy.tenant_id())')
})

test('no option of the user reaches a comment, which a line break would end', () => {
  const hostile = 'x\n; DROP TABLE y; --'
  const sql = protectTable(hostile, { column: hostile, indexes: [[`${hostile}2`]], concurrently: true })
  expect(sql.replaceAll(/"(?:[^"]|"")*"/g, '""').replaceAll(/'(?:[^']|'')*'/g, "''")).not.toContain('DROP TABLE')
})

test.each([
  [
    { force: false },
    'protectTable has no option "force".',
    'Use one of: column, type, setting, sealed, indexes, concurrently.',
  ],
  [
    7,
    'The options of protectTable are the number 7.',
    'Pass an object with any of: column, type, setting, sealed, indexes, concurrently.',
  ],
  [{ type: 'serial' }, 'The tenant column type is "serial".', 'Use one of: uuid, int, bigint, text.'],
])('the options %j are refused with a hint', (options, message, hint) => {
  expect(refused(() => protectTable('projects', options as never))).toEqual({ code: 'CONFIG.INVALID', message, hint })
})

test('a table name with a dot is one name, and a table that is none is refused', () => {
  expect(protectTable('public.projects')).toContain('ON "public.projects"')
  expect(refused(() => protectTable(undefined as never)).code).toBe('SQL.INVALID_IDENTIFIER')
})
