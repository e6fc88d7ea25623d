import { happened, makeAppRole } from '../harm.js'
import type { RuleFixture } from '../rule-fixture.js'
import { ownRole } from '../world.js'

const team = ownRole('team')
const app = ownRole('app')

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'TRUNCATE for the app role',
      sql: 'GRANT TRUNCATE ON tasks TO doctor_app',
      object: '"public"."tasks"',
      probe: { sql: 'TRUNCATE tasks', harm: happened },
    },
    {
      name: 'TRUNCATE for everybody, on a partition with a name that needs quotes',
      sql: `CREATE TABLE events (id int NOT NULL, tenant_id uuid NOT NULL, PRIMARY KEY (tenant_id, id)) PARTITION BY LIST (tenant_id);
        CREATE TABLE "Events ""A""" PARTITION OF events DEFAULT;
        ALTER TABLE events ENABLE ROW LEVEL SECURITY; ALTER TABLE events FORCE ROW LEVEL SECURITY;
        ALTER TABLE "Events ""A""" ENABLE ROW LEVEL SECURITY; ALTER TABLE "Events ""A""" FORCE ROW LEVEL SECURITY;
        ALTER TABLE events OWNER TO doctor_owner; ALTER TABLE "Events ""A""" OWNER TO doctor_owner;
        CREATE POLICY tenant_isolation ON events USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
        CREATE POLICY tenant_isolation ON "Events ""A""" USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
        GRANT SELECT, INSERT, UPDATE, DELETE ON events TO doctor_app; GRANT TRUNCATE ON "Events ""A""" TO PUBLIC`,
      object: '"public"."Events ""A"""',
      probe: { sql: 'TRUNCATE "Events ""A"""', harm: happened },
    },
    {
      name: 'TRIGGER for the app role, with a function that is everybody’s',
      sql: 'GRANT TRIGGER ON projects TO doctor_app',
      object: '"public"."projects"',
      probe: {
        sql: `CREATE TRIGGER silent BEFORE UPDATE ON projects FOR EACH ROW
          EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
        harm: happened,
      },
    },
    {
      name: 'REFERENCES on a column, and a schema to make a table in: it tells whose ids exist',
      sql: `GRANT REFERENCES (tenant_id, id) ON projects TO doctor_app; CREATE SCHEMA scratch; GRANT ALL ON SCHEMA scratch TO doctor_app`,
      object: '"public"."projects"',
      probe: {
        sql: `CREATE TABLE scratch.guess (tenant_id uuid, id uuid, FOREIGN KEY (tenant_id, id) REFERENCES public.projects (tenant_id, id));
          INSERT INTO scratch.guess VALUES ('aaaaaaaa-0000-4000-8000-00000000000a', 'a0000000-0000-4000-8000-000000000001')`,
        harm: happened,
      },
    },
    {
      name: 'TRUNCATE by way of a team, which somebody passed on',
      sql: `CREATE ROLE ${team}; GRANT ${team} TO doctor_app; GRANT TRUNCATE ON tasks TO doctor_bypass WITH GRANT OPTION;
        SET ROLE doctor_bypass; SET transaction_read_only = off; GRANT TRUNCATE ON tasks TO ${team}`,
      roles: [team],
      object: '"public"."tasks"',
      fixIs: 'person',
      probe: { sql: 'TRUNCATE tasks', harm: happened },
    },
    {
      name: 'TRUNCATE for a team that the app role has to become first',
      sql: `${makeAppRole(app)} ALTER ROLE ${app} NOINHERIT; CREATE ROLE ${team}; GRANT ${team} TO ${app};
        GRANT TRUNCATE ON tasks TO ${team}`,
      roles: [app, team],
      options: { appRole: app },
      object: '"public"."tasks"',
      fixIs: 'person',
      probe: { sql: `SET ROLE ${team}; TRUNCATE tasks`, harm: happened, as: app },
    },
  ],
  nearMisses: [
    { name: 'TRUNCATE for the migrator', sql: 'GRANT TRUNCATE, TRIGGER, REFERENCES ON projects TO doctor_migrator' },
    {
      name: 'the same where the app role can become the migrator, which is the one fault',
      sql: `${makeAppRole(app)} GRANT doctor_migrator TO ${app}; GRANT TRUNCATE, TRIGGER ON projects TO doctor_migrator`,
      roles: [app],
      options: { appRole: app },
      also: ['app-role-can-become'],
    },
    {
      name: 'TRUNCATE for a team whose rights a membership does not give, neither INHERIT nor SET',
      sql: `${makeAppRole(app)} CREATE ROLE ${team}; GRANT TRUNCATE ON tasks TO ${team};
        GRANT ${team} TO ${app} WITH INHERIT FALSE, SET FALSE`,
      roles: [app, team],
      options: { appRole: app },
      since: 16,
    },
    { name: 'TRUNCATE on a shared table', sql: 'GRANT TRUNCATE, REFERENCES ON plans TO doctor_app' },
    { name: 'what the app role needs', sql: 'GRANT SELECT, INSERT, UPDATE, DELETE ON projects TO doctor_app' },
  ],
}
