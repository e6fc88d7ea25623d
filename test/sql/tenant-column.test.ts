// Proves what the SQL of the tenant column says. reverse.test.ts applies and reverses it.
import { expect, test } from 'vitest'
import {
  allowNoTenant,
  dropTenantColumn,
  dropTenantDefault,
  requireTenant,
  requireTenantOnline,
  tenantColumn,
  tenantDefault,
} from '../../src/sql/index.js'
import { refused } from './refused.js'

test('the column comes without a default, and gets it afterwards', () => {
  expect(tenantColumn('projects')).toBe(`\
-- Without a default here: with one, every row would be rewritten under an exclusive lock.
ALTER TABLE "projects" ADD COLUMN IF NOT EXISTS "tenant_id" uuid;
-- A row that names no tenant belongs to the one in scope.
ALTER TABLE "projects" ALTER COLUMN "tenant_id" SET DEFAULT nullif(current_setting('app.tenant_id', true), '')::uuid;
`)
})

test('every option of the column appears in it, quoted', () => {
  const table = { schema: 'crm', table: 'Projects' }
  expect(tenantColumn(table, { column: 'Customer', type: 'int', setting: 'crm.customer' })).toBe(`\
-- Without a default here: with one, every row would be rewritten under an exclusive lock.
ALTER TABLE "crm"."Projects" ADD COLUMN IF NOT EXISTS "Customer" integer;
-- A row that names no tenant belongs to the one in scope.
ALTER TABLE "crm"."Projects" ALTER COLUMN "Customer" SET DEFAULT nullif(current_setting('crm.customer', true), '')::integer;
`)
})

test.each([
  ['uuid', 'uuid'],
  ['int', 'integer'],
  ['bigint', 'bigint'],
  ['text', 'text'],
] as const)('a tenant of type %s makes a column of type %s', (type, sqlType) => {
  expect(tenantColumn('projects', { type })).toContain(`ADD COLUMN IF NOT EXISTS "tenant_id" ${sqlType};`)
})

test('a column that is there gets the default alone', () => {
  expect(tenantDefault('projects', { type: 'text' })).toBe(`\
-- A row that names no tenant belongs to the one in scope.
ALTER TABLE "projects" ALTER COLUMN "tenant_id" SET DEFAULT nullif(current_setting('app.tenant_id', true), '');
`)
})

test('the reverses drop the column, the default, the duty to have a tenant', () => {
  expect(dropTenantColumn('projects')).toBe('ALTER TABLE "projects" DROP COLUMN IF EXISTS "tenant_id";\n')
  expect(dropTenantDefault('projects')).toBe('ALTER TABLE "projects" ALTER COLUMN "tenant_id" DROP DEFAULT;\n')
  expect(allowNoTenant('projects')).toBe('ALTER TABLE "projects" ALTER COLUMN "tenant_id" DROP NOT NULL;\n')
})

test('a required tenant is NOT NULL', () => {
  expect(requireTenant('projects')).toBe('ALTER TABLE "projects" ALTER COLUMN "tenant_id" SET NOT NULL;\n')
})

test('online, a constraint is validated first, so that SET NOT NULL reads no row', () => {
  expect(requireTenantOnline('projects')).toEqual([
    'ALTER TABLE "projects" DROP CONSTRAINT IF EXISTS "projects_tenant_id_is_set", ADD CONSTRAINT "projects_tenant_id_is_set" CHECK ("tenant_id" IS NOT NULL) NOT VALID;\n',
    'ALTER TABLE "projects" VALIDATE CONSTRAINT "projects_tenant_id_is_set";\n',
    '-- The valid constraint spares PostgreSQL the look at every row.\nALTER TABLE "projects" ALTER COLUMN "tenant_id" SET NOT NULL;\n',
    'ALTER TABLE "projects" DROP CONSTRAINT IF EXISTS "projects_tenant_id_is_set";\n',
  ])
})

test('the constraint of a long name is shortened to 63 bytes', () => {
  const [add = ''] = requireTenantOnline('t'.repeat(63), { column: 'c'.repeat(63) })
  const name = /EXISTS "(\w+)"/.exec(add)?.[1] ?? ''
  expect(name).toMatch(/^t{43}_[0-9a-f]{12}_is_set$/)
  expect(name.length).toBeLessThanOrEqual(63)
})

test.each([tenantColumn, tenantDefault])('a misspelt option and an unknown type are refused with a hint', (call) => {
  expect(refused(() => call('projects', { typ: 'int' } as never))).toEqual({
    code: 'CONFIG.INVALID',
    message: expect.stringContaining(`${call.name} has no option "typ".`),
    hint: 'Use one of: column, type, setting.',
  })
  expect(refused(() => call('projects', { type: 'serial' } as never))).toEqual({
    code: 'CONFIG.INVALID',
    message: expect.stringContaining('The tenant column type is "serial".'),
    hint: 'Use one of: uuid, int, bigint, text.',
  })
})

test.each([dropTenantColumn, dropTenantDefault, allowNoTenant, requireTenant, requireTenantOnline])(
  'an option that nobody reads is refused',
  (call) => {
    expect(refused(() => call('projects', { type: 'int' } as never))).toEqual({
      code: 'CONFIG.INVALID',
      message: expect.stringContaining(`${call.name} has no option "type".`),
      hint: 'Use one of: column.',
    })
  },
)
