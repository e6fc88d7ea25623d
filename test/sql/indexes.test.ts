// Proves what the index SQL says, and that two indexes never get one name.
import { expect, test } from 'vitest'
import { derivedName } from '../../src/sql/derived-name.js'
import { dropTenantIndexes, tenantIndexes } from '../../src/sql/indexes.js'
import { refused } from './refused.js'

test('by default one index leads from the tenant to the id', () => {
  expect(tenantIndexes('projects')).toBe(`\
-- The tenant comes first: every query under the policy filters by it.
CREATE INDEX IF NOT EXISTS "projects_tenant_id_id_idx" ON "projects" ("tenant_id", "id");
`)
})

test('every list of columns becomes an index that begins with the tenant', () => {
  const table = { schema: 'crm', table: 'Tasks' }
  expect(tenantIndexes(table, { column: 'customer', indexes: [['id'], ['project_id', 'Done']] })).toBe(`\
-- The tenant comes first: every query under the policy filters by it.
CREATE INDEX IF NOT EXISTS "Tasks_customer_id_idx" ON "crm"."Tasks" ("customer", "id");
CREATE INDEX IF NOT EXISTS "Tasks_customer_project_id_Done_idx" ON "crm"."Tasks" ("customer", "project_id", "Done");
`)
})

test('an index can have a name of its own', () => {
  expect(tenantIndexes('projects', { indexes: [{ columns: ['created_at'], name: 'By "time"' }, ['id']] })).toBe(`\
-- The tenant comes first: every query under the policy filters by it.
CREATE INDEX IF NOT EXISTS "By ""time""" ON "projects" ("tenant_id", "created_at");
CREATE INDEX IF NOT EXISTS "projects_tenant_id_id_idx" ON "projects" ("tenant_id", "id");
`)
})

test('the reverse drops the same indexes, in the schema of the table', () => {
  const indexes = [['id'], { columns: ['at'], name: 'By time' }]
  expect(dropTenantIndexes({ schema: 'crm', table: 'Tasks' }, { indexes, concurrently: true })).toBe(`\
DROP INDEX CONCURRENTLY IF EXISTS "crm"."Tasks_tenant_id_id_idx";
DROP INDEX CONCURRENTLY IF EXISTS "crm"."By time";
`)
})

test('built concurrently, the SQL ends by looking for an invalid index', () => {
  expect(tenantIndexes('projects', { indexes: [['id'], ['created_at']], concurrently: true })).toBe(`\
-- The tenant comes first: every query under the policy filters by it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "projects_tenant_id_id_idx" ON "projects" ("tenant_id", "id");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "projects_tenant_id_created_at_idx" ON "projects" ("tenant_id", "created_at");
-- IF NOT EXISTS is content with the invalid index that an interrupted build leaves behind, so look.
DO $tenancy$
DECLARE
  broken regclass;
BEGIN
  SELECT indexrelid INTO broken FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
  WHERE indrelid = '"projects"'::regclass AND NOT indisvalid
    AND relname IN ('projects_tenant_id_id_idx', 'projects_tenant_id_created_at_idx');
  IF FOUND THEN
    RAISE EXCEPTION 'Index % is invalid: its build was interrupted, or still goes on.', broken
      USING HINT = format('If nobody is building it: DROP INDEX CONCURRENTLY %s; then run this again.', broken);
  END IF;
END
$tenancy$;
`)
})

test('an empty list of indexes is no SQL', () => {
  expect(tenantIndexes('projects', { indexes: [], concurrently: true })).toBe('')
})

test('a name of 63 bytes stays, one of 64 is shortened and carries a hash', () => {
  expect(derivedName(['a'.repeat(46), 'tenant_id', 'id'], 'idx')).toBe(`${'a'.repeat(46)}_tenant_id_id_idx`)
  expect(derivedName(['a'.repeat(47), 'tenant_id', 'id'], 'idx')).toBe(`${'a'.repeat(46)}_c261232b87c8_idx`)
})

test('long names that differ in their last character stay two', () => {
  const names = ['b', 'c'].map((last) => derivedName(['a'.repeat(62) + last, 'tenant_id', 'id'], 'idx'))
  expect(names.map((name) => Buffer.byteLength(name))).toEqual([63, 63])
  expect(names[0]).not.toBe(names[1])
})

test('a name is cut between characters', () => {
  const name = derivedName([`x${'🏢'.repeat(15)}`, 'tenant_id', 'id'], 'idx')
  expect(name).toMatch(/^x🏢{11}_[0-9a-f]{12}_idx$/u)
})

test('lists of columns that join to the same name get two', () => {
  const sql = tenantIndexes('t', { indexes: [['a', 'b'], ['a_b']] })
  const names = [...sql.matchAll(/EXISTS "(\w+)"/g)].map((match) => match[1])
  expect(names).toEqual(['t_tenant_id_a_b_idx', expect.stringMatching(/^t_tenant_id_a_b_[0-9a-f]{12}_idx$/)])
})

test.each([
  [{ indexes: 'id' }, 'The option indexes is "id".', "Pass lists of columns, such as [['id'], ['created_at']]."],
  [
    { indexes: ['id'] },
    'An entry of the option indexes is "id".',
    "Write every index as a list of columns, such as ['id'].",
  ],
  [
    { indexes: [['id'], []] },
    'An entry of the option indexes is an empty list.',
    "Write every index as a list of columns, such as ['id'].",
  ],
  [
    { indexes: [['tenant_id', 'id']] },
    'The index on "tenant_id", "tenant_id", "id" names a column twice.',
    'Leave the tenant column and repetitions out of the list.',
  ],
  [{ indexes: [['id'], ['id']] }, 'The index on "tenant_id", "id" is listed twice.', 'Take one of the two lists out.'],
  [
    {
      indexes: [
        { columns: ['a'], name: 'i' },
        { columns: ['b'], name: 'i' },
      ],
    },
    'Two indexes are named "i".',
    'Give each a name of its own.',
  ],
  [{ indexes: [{ column: 'a' }] }, 'An index has no option "column".', 'Use one of: columns, name.'],
  [{ concurrently: 'yes' }, 'The option concurrently is "yes".', 'Write concurrently: true or concurrently: false.'],
  [{ concurrently: null }, 'The option concurrently is null.', 'Write concurrently: true or concurrently: false.'],
  [{ unique: true }, 'tenantIndexes has no option "unique".', 'Use one of: column, indexes, concurrently.'],
])('the options %j are refused with a hint', (options, message, hint) => {
  expect(refused(() => tenantIndexes('projects', options as never))).toEqual({ code: 'CONFIG.INVALID', message, hint })
})

test.each([
  { indexes: [{ columns: ['a'], name: '' }] },
  { indexes: [['']] },
  { indexes: [[7]] },
  { indexes: [['a\0']] },
  { column: 'a'.repeat(64) },
])('the name in %j is refused', (options) => {
  expect(refused(() => tenantIndexes('projects', options as never)).code).toBe('SQL.INVALID_IDENTIFIER')
})
