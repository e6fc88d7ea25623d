// Proves what the SQL of unique indexes, primary and foreign keys says. reverse.test.ts applies and reverses it.
import { expect, test } from 'vitest'
import {
  dropForeignKey,
  dropIndex,
  dropUnique,
  restoreForeignKey,
  restorePrimaryKey,
  restoreUnique,
  tenantForeignKey,
  tenantForeignKeyOnline,
  tenantPrimaryKey,
  tenantPrimaryKeyOnline,
  tenantUnique,
} from '../../src/sql/index.js'
import { refused } from './refused.js'

const crm = { schema: 'crm', table: 'Deals' }

test('a unique index begins with the tenant and has the name that Prisma gives', () => {
  expect(tenantUnique('projects', { columns: ['name'] })).toBe(
    'CREATE UNIQUE INDEX IF NOT EXISTS "projects_tenant_id_name_key" ON "projects" ("tenant_id", "name");\n',
  )
  expect(tenantUnique(crm, { columns: ['no', 'at'], column: 'Org', name: 'own', concurrently: true })).toBe(
    'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "own" ON "crm"."Deals" ("Org", "no", "at");\n',
  )
})

test('an index is dropped from the schema of its table', () => {
  expect(dropIndex('projects', { name: 'i' })).toBe('DROP INDEX IF EXISTS "i";\n')
  expect(dropIndex(crm, { name: 'i', concurrently: true })).toBe('DROP INDEX CONCURRENTLY IF EXISTS "crm"."i";\n')
})

test('a unique without the tenant is an index, or a constraint where that is said', () => {
  const name = 'projects_name_key'
  expect(dropUnique('projects', { name })).toBe('DROP INDEX IF EXISTS "projects_name_key";\n')
  expect(dropUnique('projects', { name, constraint: true })).toBe(
    'ALTER TABLE "projects" DROP CONSTRAINT IF EXISTS "projects_name_key";\n',
  )
  expect(restoreUnique('projects', { name, columns: ['name'] })).toBe(
    'CREATE UNIQUE INDEX IF NOT EXISTS "projects_name_key" ON "projects" ("name");\n',
  )
  expect(restoreUnique('projects', { name, columns: ['name'], constraint: true })).toBe(
    'ALTER TABLE "projects" DROP CONSTRAINT IF EXISTS "projects_name_key", ADD CONSTRAINT "projects_name_key" UNIQUE ("name");\n',
  )
})

test('a primary key is replaced in one statement, under its own name', () => {
  expect(tenantPrimaryKey('labels', { columns: ['code'] })).toBe(
    'ALTER TABLE "labels" DROP CONSTRAINT IF EXISTS "labels_pkey", ADD CONSTRAINT "labels_pkey" PRIMARY KEY ("tenant_id", "code");\n',
  )
  expect(restorePrimaryKey('labels', { columns: ['code'] })).toBe(
    'ALTER TABLE "labels" DROP CONSTRAINT IF EXISTS "labels_pkey", ADD CONSTRAINT "labels_pkey" PRIMARY KEY ("code");\n',
  )
})

test('online, its index is built beforehand under another name', () => {
  expect(tenantPrimaryKeyOnline(crm, { columns: ['no'], column: 'Org', name: 'pk', index: 'pk_new' })).toEqual([
    'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "pk_new" ON "crm"."Deals" ("Org", "no");\n',
    'ALTER TABLE "crm"."Deals" DROP CONSTRAINT IF EXISTS "pk", ADD CONSTRAINT "pk" PRIMARY KEY USING INDEX "pk_new";\n',
  ])
})

const toProject = { columns: ['project_id'], references: { table: 'projects', columns: ['id'] } }

test('a foreign key contains the tenant on both sides', () => {
  expect(tenantForeignKey('tasks', { ...toProject, onDelete: 'CASCADE', onUpdate: 'CASCADE' })).toBe(`\
ALTER TABLE "tasks" DROP CONSTRAINT IF EXISTS "tasks_tenant_id_project_id_fkey", ADD CONSTRAINT "tasks_tenant_id_project_id_fkey"
  FOREIGN KEY ("tenant_id", "project_id") REFERENCES "projects" ("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;
`)
})

test('online, it is checked for old rows in a statement of its own', () => {
  const references = { table: crm, columns: ['no'] }
  const options = { columns: ['deal'], references, column: 'tenant', parentColumn: 'Org', name: 'fk' } as const
  expect(tenantForeignKeyOnline('tasks', { ...options, onDelete: 'SET NULL' })).toEqual([
    `\
ALTER TABLE "tasks" DROP CONSTRAINT IF EXISTS "fk", ADD CONSTRAINT "fk"
  FOREIGN KEY ("tenant", "deal") REFERENCES "crm"."Deals" ("Org", "no") ON DELETE SET NULL NOT VALID;
`,
    'ALTER TABLE "tasks" VALIDATE CONSTRAINT "fk";\n',
  ])
})

test('a deleted parent can empty the key and leave the tenant', () => {
  expect(tenantForeignKey('tasks', { ...toProject, onDelete: 'SET NULL', onDeleteColumns: ['project_id'] })).toBe(`\
ALTER TABLE "tasks" DROP CONSTRAINT IF EXISTS "tasks_tenant_id_project_id_fkey", ADD CONSTRAINT "tasks_tenant_id_project_id_fkey"
  FOREIGN KEY ("tenant_id", "project_id") REFERENCES "projects" ("tenant_id", "id") ON DELETE SET NULL ("project_id");
`)
})

test('a foreign key without the tenant is dropped, and comes back in the reverse', () => {
  expect(dropForeignKey('tasks', { name: 'tasks_project_id_fkey' })).toBe(
    'ALTER TABLE "tasks" DROP CONSTRAINT IF EXISTS "tasks_project_id_fkey";\n',
  )
  expect(restoreForeignKey('tasks', { ...toProject, onDelete: 'RESTRICT' })).toBe(`\
ALTER TABLE "tasks" DROP CONSTRAINT IF EXISTS "tasks_project_id_fkey", ADD CONSTRAINT "tasks_project_id_fkey"
  FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON DELETE RESTRICT;
`)
})

test.each([
  [
    () => tenantUnique('t', {} as never),
    'The option columns is undefined.',
    "Pass a list of columns, such as columns: ['id'].",
  ],
  [
    () => tenantUnique('t', { columns: [] }),
    'The option columns is an empty list.',
    "Pass a list of columns, such as columns: ['id'].",
  ],
  [
    () => tenantPrimaryKey('t', { columns: ['tenant_id', 'id'] }),
    'The key on "tenant_id", "tenant_id", "id" names a column twice.',
    'Leave the tenant column and repetitions out of the list.',
  ],
  [
    () => tenantForeignKey('t', { ...toProject, columns: ['a', 'b'] }),
    'The foreign key has 3 columns and refers to 2.',
    'List as many columns in references.columns as in columns.',
  ],
  [
    () => tenantForeignKey('t', { ...toProject, onDelete: 'Cascade' as never }),
    'The option onDelete is "Cascade".',
    'Use one of: NO ACTION, RESTRICT, CASCADE, SET NULL, SET DEFAULT.',
  ],
  [
    () => tenantForeignKey('t', { ...toProject, onDelete: 'SET NULL', onDeleteColumns: ['name'] }),
    'The option onDeleteColumns names "name", which is not a column of the key.',
    "List columns of the key that onDelete: 'SET NULL' is to empty.",
  ],
  [
    () => tenantForeignKey('t', { ...toProject, onDelete: 'CASCADE', onDeleteColumns: ['project_id'] }),
    'The option onDeleteColumns is given, and onDelete is "CASCADE".',
    "List columns of the key that onDelete: 'SET NULL' is to empty.",
  ],
  [
    () => tenantForeignKey('t', { columns: ['a'] } as never),
    'The options of references are undefined.',
    'Pass an object with any of: table, columns.',
  ],
  [
    () => dropUnique('t', { name: 'a', constraint: 1 as never }),
    'The option constraint is the number 1.',
    'Write constraint: true or constraint: false.',
  ],
  [
    () => dropForeignKey('t', { name: 'a', online: true } as never),
    'dropForeignKey has no option "online".',
    'Use one of: name.',
  ],
])('what makes no key is refused with a hint: %s', (call, message, hint) => {
  expect(refused(call)).toEqual({ code: 'CONFIG.INVALID', message, hint })
})

test.each([
  () => tenantUnique('t', { columns: [''] }),
  () => tenantUnique('t', { columns: ['a'], name: 'n'.repeat(64) }),
  () => dropIndex('t', { name: undefined as never }),
  () => tenantForeignKey('t', { columns: ['a'], references: { table: 'x\0', columns: ['b'] } }),
  () => tenantPrimaryKeyOnline('t', { columns: ['a'], index: '' }),
])('a name that PostgreSQL would not keep is refused: %s', (call) => {
  expect(refused(call).code).toBe('SQL.INVALID_IDENTIFIER')
})
