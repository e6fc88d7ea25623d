// Proves what the SQL of shared tables and of the migrator's policy says. live-roles.test.ts proves what it does.
import { expect, test } from 'vitest'
import { dropMigratorPolicy, migratorPolicy, sharedTable, unshareTable } from '../../src/sql/index.js'
import { refused } from './refused.js'

test('a shared table is read, and written by nobody but its owner', () => {
  expect(sharedTable({ schema: 'crm', table: 'plans' }, { app: 'app_user' })).toBe(`\
GRANT SELECT ON "crm"."plans" TO "app_user";
REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON "crm"."plans" FROM PUBLIC, "app_user";
`)
})

test('its reverse gives the rights of a tenant table', () => {
  expect(unshareTable('plans', { app: 'app_user' })).toBe(
    'GRANT SELECT, INSERT, UPDATE, DELETE ON "plans" TO "app_user";\n',
  )
})

test('the policy of the migrator is for the migrator alone', () => {
  expect(migratorPolicy('projects', { migrator: 'app_migrator' })).toBe(`\
-- Policies are joined by OR, and this one is for the migrator alone.
DROP POLICY IF EXISTS "tenant_migrator" ON "projects";
CREATE POLICY "tenant_migrator" ON "projects"
  AS PERMISSIVE FOR ALL TO "app_migrator"
  USING (true)
  WITH CHECK (true);
`)
  expect(dropMigratorPolicy('projects')).toBe('DROP POLICY IF EXISTS "tenant_migrator" ON "projects";\n')
})

test.each(['public', 'none', 'pg_monitor', ''])(
  'the role %j is refused: it would be somebody else, or everybody',
  (name) => {
    for (const call of [
      () => sharedTable('t', { app: name }),
      () => unshareTable('t', { app: name }),
      () => migratorPolicy('t', { migrator: name }),
    ]) {
      expect(refused(call).code).toBe('SQL.INVALID_IDENTIFIER')
    }
  },
)
