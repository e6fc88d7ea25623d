import { happened, makeAppRole, othersRows } from '../harm.js'
import type { RuleFixture } from '../rule-fixture.js'
import { a, ownRole } from '../world.js'

const app = ownRole('app')
const options = { appRole: app }
const other = ownRole('other')

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a table of the app role, whose policies hold it until it takes them off',
      sql: `${makeAppRole(app)} ALTER TABLE projects OWNER TO ${app}`,
      roles: [app],
      options,
      object: '"public"."projects"',
      probe: {
        sql: 'ALTER TABLE projects NO FORCE ROW LEVEL SECURITY; SELECT tenant_id FROM projects',
        harm: othersRows,
        as: app,
      },
    },
    {
      name: 'a function of the app role that policies ask for the tenant, and a schema of its own to go to',
      sql: `${makeAppRole(app)} CREATE SCHEMA scratch AUTHORIZATION ${app};
        CREATE FUNCTION "Whose?"() RETURNS uuid LANGUAGE sql STABLE
          AS $$SELECT nullif(current_setting('app.tenant_id', true), '')::uuid$$;
        ALTER FUNCTION "Whose?"() OWNER TO ${app};
        ALTER POLICY tenant_isolation ON projects USING (tenant_id = "Whose?"()) WITH CHECK (tenant_id = "Whose?"())`,
      roles: [app],
      options: { ...options, tenantFunctions: ['Whose?'] },
      object: '"public"."Whose?"()',
      probe: {
        sql: `ALTER FUNCTION "Whose?"() SET SCHEMA scratch;
          CREATE OR REPLACE FUNCTION scratch."Whose?"() RETURNS uuid LANGUAGE sql STABLE AS $$SELECT '${a}'::uuid$$;
          SELECT tenant_id FROM projects`,
        harm: othersRows,
        as: app,
      },
    },
    {
      name: 'a schema of the app role with tables in it',
      sql: `${makeAppRole(app)} ALTER SCHEMA public OWNER TO ${app}`,
      roles: [app],
      options,
      object: 'SCHEMA "public"',
      probe: { sql: 'DROP TABLE tasks', harm: happened, as: app },
    },
    {
      name: 'the database of the app role, and public with it',
      sql: `${makeAppRole(app)} DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO ${app}', current_database()); END $$`,
      roles: [app],
      options,
      object: 'DATABASE "{database}"',
      probe: { sql: 'DROP TABLE tasks', harm: happened, as: app },
    },
  ],
  nearMisses: [
    {
      name: 'tables of other roles',
      sql: `CREATE ROLE ${other}; ALTER TABLE tasks OWNER TO ${other}`,
      roles: [other],
    },
    {
      name: 'a table of the app role that holds nothing of a tenant',
      sql: `${makeAppRole(app)} CREATE SCHEMA scratch AUTHORIZATION ${app}; CREATE TABLE scratch.log (id int);
        ALTER TABLE scratch.log OWNER TO ${app}; CREATE FUNCTION scratch.one() RETURNS int LANGUAGE sql AS 'SELECT 1';
        ALTER FUNCTION scratch.one() OWNER TO ${app}`,
      roles: [app],
      options,
    },
  ],
}
