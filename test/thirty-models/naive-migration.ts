// The migration that a team writes by hand: a column with its default, and a policy for each table that has it. Policies
// are right; what they do not cover is the point: keys without the tenant, tables reached through others, shared ones.
// The attacks of this folder are run on it too, and each has to find its hole there.
import type { Table } from './catalog.js'
import { A, isShared, OWNERLESS, TENANT_COLUMN } from './seed.js'

const OWN = `tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid`

export function naiveMigration(tables: readonly Table[]): string {
  const owned = tables.filter(
    ({ name, columns }) =>
      OWNERLESS.includes(name) || (!isShared(name) && columns.some((column) => column.name === TENANT_COLUMN)),
  )
  return [
    ...owned.map(
      ({ sql }) => `ALTER TABLE ${sql} ADD COLUMN IF NOT EXISTS tenant_id uuid;
        UPDATE ${sql} SET tenant_id = '${A.id}' WHERE tenant_id IS NULL;
        ALTER TABLE ${sql} ALTER COLUMN tenant_id SET DEFAULT nullif(current_setting('app.tenant_id', true), '')::uuid;
        CREATE POLICY own ON ${sql} USING (${OWN}) WITH CHECK (${OWN});
        ALTER TABLE ${sql} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;`,
    ),
    `GRANT USAGE ON SCHEMA public, billing TO app_user;
     GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, billing TO app_user;
     GRANT USAGE ON ALL SEQUENCES IN SCHEMA public, billing TO app_user;`,
  ].join('\n')
}
