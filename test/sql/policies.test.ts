// Proves what the policy SQL says, word by word. live.test.ts proves what it does.
import { expect, test } from 'vitest'
import {
  disableRowLevelSecurity,
  dropTenantPolicy,
  enableRowLevelSecurity,
  tenantPolicy,
  tenantSetting,
} from '../../src/sql/policies.js'
import { refused } from './refused.js'

test('row-level security is enabled and forced on the owner', () => {
  expect(enableRowLevelSecurity('projects')).toBe(`\
ALTER TABLE "projects" ENABLE ROW LEVEL SECURITY;
-- The owner of a table skips its policies unless they are forced.
ALTER TABLE "projects" FORCE ROW LEVEL SECURITY;
`)
})

test('it is disabled for the owner first', () => {
  expect(disableRowLevelSecurity('projects')).toBe(`\
ALTER TABLE "projects" NO FORCE ROW LEVEL SECURITY;
ALTER TABLE "projects" DISABLE ROW LEVEL SECURITY;
`)
})

test('the policy compares the bare column for reading and for writing', () => {
  expect(tenantPolicy('projects')).toBe(`\
-- Without a tenant the comparison is NULL: no row is visible and none can be written.
DROP POLICY IF EXISTS "tenant_isolation" ON "projects";
CREATE POLICY "tenant_isolation" ON "projects"
  AS PERMISSIVE FOR ALL TO PUBLIC
  USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')::uuid)
  WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')::uuid);
`)
})

test('every option of the policy appears in it, quoted', () => {
  const table = { schema: 'crm', table: 'Projects' }
  expect(
    tenantPolicy(table, { column: 'Customer', type: 'bigint', setting: 'crm.customer', name: 'own "rows"' }),
  ).toBe(`\
-- Without a tenant the comparison is NULL: no row is visible and none can be written.
DROP POLICY IF EXISTS "own ""rows""" ON "crm"."Projects";
CREATE POLICY "own ""rows""" ON "crm"."Projects"
  AS PERMISSIVE FOR ALL TO PUBLIC
  USING ("Customer" = nullif(current_setting('crm.customer', true), '')::bigint)
  WITH CHECK ("Customer" = nullif(current_setting('crm.customer', true), '')::bigint);
`)
})

test('of sealed tenants, the policy compares with the function that checks the seal', () => {
  expect(tenantPolicy('projects', { type: 'int', sealed: true })).toBe(`\
-- Without a tenant the comparison is NULL: no row is visible and none can be written.
DROP POLICY IF EXISTS "tenant_isolation" ON "projects";
CREATE POLICY "tenant_isolation" ON "projects"
  AS PERMISSIVE FOR ALL TO PUBLIC
  USING ("tenant_id" = tenancy.tenant_id())
  WITH CHECK ("tenant_id" = tenancy.tenant_id());
`)
  expect(refused(() => tenantPolicy('projects', { sealed: 'yes' as never }))).toEqual({
    code: 'CONFIG.INVALID',
    message: expect.stringContaining('The option sealed is "yes".'),
    hint: 'Write sealed: true or sealed: false.',
  })
})

test('a policy is dropped by its name', () => {
  expect(dropTenantPolicy('projects')).toBe('DROP POLICY IF EXISTS "tenant_isolation" ON "projects";\n')
  expect(dropTenantPolicy({ schema: 'crm', table: 'Deals' }, { name: 'own' })).toBe(
    'DROP POLICY IF EXISTS "own" ON "crm"."Deals";\n',
  )
})

test.each([
  ['uuid', "nullif(current_setting('app.tenant_id', true), '')::uuid"],
  ['int', "nullif(current_setting('app.tenant_id', true), '')::integer"],
  ['bigint', "nullif(current_setting('app.tenant_id', true), '')::bigint"],
  ['text', "nullif(current_setting('app.tenant_id', true), '')"],
] as const)('a tenant of type %s is read as %s', (type, sql) => {
  expect(tenantSetting(type)).toBe(sql)
})

test('an option given as undefined is the default', () => {
  expect(tenantPolicy('projects', { column: undefined, type: undefined, setting: undefined, name: undefined })).toBe(
    tenantPolicy('projects'),
  )
})

test.each([
  [{ type: 'UUID' }, 'The tenant column type is "UUID".', 'Use one of: uuid, int, bigint, text.'],
  [{ type: 'toString' }, 'The tenant column type is "toString".', 'Use one of: uuid, int, bigint, text.'],
  [{ type: null }, 'The tenant column type is null.', 'Use one of: uuid, int, bigint, text.'],
  [{ colum: 'x' }, 'tenantPolicy has no option "colum".', 'Use one of: column, type, setting, sealed, name.'],
  [
    'tenant_id',
    'The options of tenantPolicy are "tenant_id".',
    'Pass an object with any of: column, type, setting, sealed, name.',
  ],
  [null, 'The options of tenantPolicy are null.', 'Pass an object with any of: column, type, setting, sealed, name.'],
  [[], 'The options of tenantPolicy are an array.', 'Pass an object with any of: column, type, setting, sealed, name.'],
])('the options %j are refused with a hint', (options, message, hint) => {
  expect(refused(() => tenantPolicy('projects', options as never))).toEqual({ code: 'CONFIG.INVALID', message, hint })
})

test('a setting that is no setting name is refused', () => {
  expect(refused(() => tenantPolicy('projects', { setting: "x', true)) OR true --" })).code).toBe('CONFIG.INVALID')
})

test.each([{ column: '' }, { column: null }, { name: 'a\0' }])('the name in %j is refused', (options) => {
  expect(refused(() => tenantPolicy('projects', options as never)).code).toBe('SQL.INVALID_IDENTIFIER')
})
