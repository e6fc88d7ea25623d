import { protectTable, sealTenants, tenantPolicy } from '../../../src/sql/index.js'
import type { RuleFixture } from '../rule-fixture.js'
import { roles } from '../world.js'

/** Every policy of the world asks for the seal. */
const seal = `DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO ${roles.owner}', current_database()); END $$;
SET ROLE ${roles.owner};
${sealTenants()}${tenantPolicy('projects', { sealed: true })}${tenantPolicy('tasks', { sealed: true })}
GRANT USAGE ON SCHEMA tenancy TO ${roles.app};
RESET ROLE;`

const without = 'DROP INDEX tasks_tenant_id_project_id_idx; DROP INDEX tasks_tenant_id_id_key;'

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'the seal is checked once a row',
      sql: `${seal}${without}`,
      object: '"public"."tasks"',
      plan: {
        prepare: `SET session_replication_role = replica;
          INSERT INTO tasks (tenant_id, project_id, title)
          SELECT gen_random_uuid(), gen_random_uuid(), '' FROM generate_series(1, 10000);
          ANALYZE tasks;`,
        sql: 'SELECT title FROM tasks',
        slow: (plan) => plan.includes('Filter: (tenant_id = tenancy.tenant_id())'),
      },
    },
  ],
  nearMisses: [
    { name: 'a sealed policy with its index', sql: seal },
    { name: 'a plain policy without an index', sql: without, also: ['tenant-index-missing'] },
    {
      name: 'a function of the same name in another schema',
      sql: `CREATE FUNCTION public.tenant_id() RETURNS uuid LANGUAGE sql STABLE
          RETURN nullif(current_setting('app.tenant_id', true), '')::uuid;
        CREATE TABLE notes (id uuid PRIMARY KEY, tenant_id uuid NOT NULL); ${protectTable('notes', { indexes: [] })}
        DROP POLICY tenant_isolation ON notes; CREATE POLICY own ON notes USING (tenant_id = public.tenant_id());`,
      options: { tenantFunctions: ['tenant_id'] },
      also: ['tenant-index-missing', 'policy-opaque'],
    },
  ],
}
