import { makeAppRole } from '../harm.js'
import type { RuleFixture } from '../rule-fixture.js'
import { a, b, ownRole } from '../world.js'

const app = ownRole('app')

// What one tenant's request creates answers the next one's, with that one's tenant set.
const steals = (schema: string): string => `
  CREATE TABLE ${schema}.stolen (tenant_id uuid);
  CREATE FUNCTION ${schema}.upper(character varying) RETURNS text LANGUAGE sql AS
    'INSERT INTO ${schema.replaceAll("'", "''")}.stolen SELECT tenant_id FROM public.projects; SELECT $1::text';
  SELECT set_config('app.tenant_id', '${a}', true);
  SELECT upper('what the other tenant asks'::varchar);
  SELECT set_config('app.tenant_id', 'bbbbbbbb-0000-4000-8000-00000000000b', true);
  SELECT tenant_id FROM ${schema}.stolen`
const stolen = (rows: readonly Record<string, unknown>[]): boolean => rows.some(({ tenant_id }) => tenant_id === a)

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'CREATE on public for everybody, as it was before PostgreSQL 15',
      sql: 'GRANT CREATE ON SCHEMA public TO PUBLIC',
      object: 'SCHEMA "public"',
      probe: { sql: steals('public'), harm: stolen },
    },
    {
      name: 'CREATE on a schema that the search path of the app role begins with, whose name needs quotes',
      sql: `${makeAppRole(app)} CREATE SCHEMA "The, ""CRM"""; GRANT USAGE, CREATE ON SCHEMA "The, ""CRM""" TO ${app};
        ALTER ROLE ${app} SET search_path = "The, ""CRM""", public`,
      roles: [app],
      options: { appRole: app },
      object: 'SCHEMA "The, ""CRM"""',
      probe: { sql: steals('"The, ""CRM"""'), harm: stolen, as: app },
    },
    {
      name: 'CREATE beside tenant tables, off the search path',
      sql: `CREATE SCHEMA crm AUTHORIZATION doctor_owner; ALTER TABLE tasks SET SCHEMA crm; GRANT USAGE, CREATE ON SCHEMA crm TO doctor_app`,
      object: 'SCHEMA "crm"',
      level: 'warning',
      // What B's request made is the app role's own: no policy holds it when A's request asks.
      probe: {
        sql: `CREATE TABLE crm.tasks_of_today AS SELECT * FROM crm.tasks;
          SELECT set_config('app.tenant_id', '${a}', true); SELECT tenant_id FROM crm.tasks_of_today`,
        harm: (rows) => rows.some(({ tenant_id }) => tenant_id === b),
      },
    },
  ],
  nearMisses: [
    { name: 'CREATE for the migrator', sql: 'GRANT CREATE ON SCHEMA public TO doctor_migrator' },
    {
      name: 'CREATE on a schema of its own, where nobody looks for anything',
      sql: 'CREATE SCHEMA scratch; GRANT USAGE, CREATE ON SCHEMA scratch TO doctor_app',
    },
    {
      name: 'a search path that names the schema for another role',
      sql: `CREATE ROLE ${app}; CREATE SCHEMA scratch; GRANT USAGE, CREATE ON SCHEMA scratch TO doctor_app;
        ALTER ROLE ${app} SET search_path = scratch`,
      roles: [app],
    },
  ],
}
