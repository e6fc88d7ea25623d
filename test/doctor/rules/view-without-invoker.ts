import { makeAppRole, othersRows } from '../harm.js'
import type { RuleFixture } from '../rule-fixture.js'
import { ownRole } from '../world.js'

const owner = ownRole('owner')
const app = ownRole('app')

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a view of a superuser, with a name that needs quotes',
      sql: `CREATE SCHEMA "Reports"; GRANT USAGE ON SCHEMA "Reports" TO doctor_app;
        CREATE VIEW "Reports"."All ""projects""" AS SELECT * FROM projects;
        GRANT SELECT ON "Reports"."All ""projects""" TO doctor_app`,
      object: '"Reports"."All ""projects"""',
      probe: { sql: 'SELECT tenant_id FROM "Reports"."All ""projects"""', harm: othersRows },
    },
    {
      name: 'a view of the migrator that reads the table in a subquery, and says security_barrier',
      sql: `CREATE VIEW busy WITH (security_barrier = true, security_invoker = off) AS
          SELECT id, tenant_id FROM tasks WHERE project_id IN (SELECT id FROM projects);
        ALTER VIEW busy OWNER TO doctor_migrator; GRANT SELECT ON busy TO doctor_app`,
      object: '"public"."busy"',
      probe: { sql: 'SELECT tenant_id FROM busy', harm: othersRows },
    },
    {
      name: 'a view below another one, which is the one that is right',
      sql: `CREATE VIEW below AS SELECT * FROM projects;
        CREATE VIEW above WITH (security_invoker = true) AS SELECT * FROM below;
        GRANT SELECT ON below, above TO doctor_app`,
      object: '"public"."below"',
      probe: { sql: 'SELECT tenant_id FROM above', harm: othersRows },
    },
    {
      name: 'a view that the app role comes to through another one alone',
      sql: `CREATE VIEW below AS SELECT * FROM projects; CREATE VIEW above AS SELECT * FROM below;
        GRANT SELECT ON above TO doctor_app`,
      object: '"public"."below"',
      probe: { sql: 'SELECT tenant_id FROM above', harm: othersRows },
    },
    {
      name: 'a view of the owner, whom the policies of the table do not hold',
      sql: `ALTER TABLE projects NO FORCE ROW LEVEL SECURITY;
        CREATE VIEW mine AS SELECT * FROM projects; ALTER VIEW mine OWNER TO doctor_owner;
        GRANT SELECT ON mine TO doctor_app`,
      object: '"public"."mine"',
      also: ['rls-not-forced'],
      probe: { sql: 'SELECT tenant_id FROM mine', harm: othersRows },
    },
    {
      name: 'a view of a role with a policy of its own that shows it everything',
      sql: `CREATE ROLE ${owner}; GRANT SELECT ON projects TO ${owner};
        CREATE POLICY everything ON projects FOR SELECT TO ${owner} USING (true);
        CREATE VIEW theirs AS SELECT * FROM projects; ALTER VIEW theirs OWNER TO ${owner};
        GRANT SELECT ON theirs TO doctor_app`,
      roles: [owner],
      object: '"public"."theirs"',
      probe: { sql: 'SELECT tenant_id FROM theirs', harm: othersRows },
    },
    {
      name: 'a view on a table that the app role may not read itself',
      sql: `REVOKE SELECT ON tasks FROM doctor_app; CREATE VIEW titles AS SELECT tenant_id, title FROM tasks;
        GRANT SELECT ON titles TO doctor_app`,
      object: '"public"."titles"',
      fixIs: 'person',
      probe: { sql: 'SELECT tenant_id FROM titles', harm: othersRows },
    },
  ],
  nearMisses: [
    {
      name: 'a view of the app role itself, which sees through it what it sees without it',
      sql: `${makeAppRole(app)} ALTER TABLE projects OWNER TO ${app}; ALTER TABLE projects NO FORCE ROW LEVEL SECURITY;
        CREATE VIEW mine AS SELECT * FROM projects; ALTER VIEW mine OWNER TO ${app}`,
      roles: [app],
      options: { appRole: app },
      also: ['app-role-owns', 'rls-not-forced'],
    },
    {
      name: 'a view that says yes to security_invoker in another word',
      sql: `CREATE VIEW projects_view WITH (security_invoker = ON) AS SELECT * FROM projects;
        GRANT SELECT ON projects_view TO doctor_app`,
    },
    {
      name: 'a view of the owner, whom the forced policies hold',
      sql: `CREATE VIEW projects_view AS SELECT * FROM projects; ALTER VIEW projects_view OWNER TO doctor_owner;
        GRANT SELECT ON projects_view TO doctor_app`,
    },
    {
      name: 'a view that the app role may not use',
      sql: 'CREATE VIEW projects_view AS SELECT * FROM projects; REVOKE ALL ON projects_view FROM doctor_app',
    },
    {
      name: 'a view in a schema that the app role may not enter',
      sql: `CREATE SCHEMA hidden; CREATE VIEW hidden.projects_view AS SELECT * FROM projects;
        GRANT SELECT ON hidden.projects_view TO doctor_app`,
    },
    {
      name: 'a view on shared tables, with the words tenant_id and projects in it',
      sql: `CREATE VIEW prices AS SELECT id, 'projects' AS projects, NULL::uuid AS tenant_id FROM plans -- FROM projects
        ; GRANT SELECT ON prices TO doctor_app`,
    },
  ],
}
