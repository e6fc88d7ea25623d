import { enableRowLevelSecurity, parentPolicy } from '../../../src/sql/index.js'
import type { RuleFixture } from '../rule-fixture.js'
import { a, roles } from '../world.js'

const comments = `SET ROLE ${roles.owner};
CREATE TABLE comments (id uuid PRIMARY KEY, task_id uuid NOT NULL REFERENCES tasks, body text);
RESET ROLE;
INSERT INTO comments VALUES ('ac000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000001', 'of A'),
  ('bc000000-0000-4000-8000-000000000001', 'b1000000-0000-4000-8000-000000000001', 'of B');`

const toTask = { keys: [['task_id', 'id']], required: true, table: 'tasks', column: 'tenant_id' } as const

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a table whose rows are a tenant’s through their parent shows those of all',
      sql: comments,
      object: '"public"."comments"',
      probe: {
        sql: 'SELECT body FROM comments',
        harm: (rows) => rows.some(({ body }) => body === 'of A'),
      },
    },
    {
      name: 'a row can be hung on another tenant’s parent',
      sql: comments,
      object: '"public"."comments"',
      probe: {
        sql: `INSERT INTO comments VALUES ('bc000000-0000-4000-8000-000000000002', 'a1000000-0000-4000-8000-000000000001', 'by B') RETURNING body`,
        harm: ([row]) => row?.['body'] === 'by B',
      },
    },
    {
      name: 'two steps below the tenant, in another schema, under names that need quotes',
      sql: `CREATE SCHEMA "CRM ""x""" AUTHORIZATION ${roles.owner};
        GRANT USAGE ON SCHEMA "CRM ""x""" TO ${roles.app};
        SET ROLE ${roles.owner};
        CREATE TABLE "CRM ""x"""."Task Notes" ("No" integer PRIMARY KEY, "Task Id" uuid NOT NULL REFERENCES tasks);
        CREATE TABLE "CRM ""x"""."select" (id integer PRIMARY KEY, "note.no" integer NOT NULL REFERENCES "CRM ""x"""."Task Notes");
        ALTER TABLE "CRM ""x"""."Task Notes" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE POLICY parent ON "CRM ""x"""."Task Notes" USING (EXISTS (SELECT FROM tasks WHERE tasks.id = "Task Id"
          AND tasks.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid));
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "CRM ""x""" TO ${roles.app};
        RESET ROLE;
        INSERT INTO "CRM ""x"""."Task Notes" VALUES (1, 'a1000000-0000-4000-8000-000000000001'), (2, 'b1000000-0000-4000-8000-000000000001');
        INSERT INTO "CRM ""x"""."select" VALUES (1, 1), (2, 2);`,
      object: '"CRM ""x"""."select"',
      also: ['unique-without-tenant'],
      probe: {
        sql: 'SELECT "note.no" FROM "CRM ""x"""."select"',
        harm: (rows) => rows.some((row) => row['note.no'] === 1),
      },
    },
    {
      name: 'a table between two tenant tables, as Prisma makes it',
      sql: `SET ROLE ${roles.owner};
        CREATE TABLE "_ProjectToTask" ("A" uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
          "B" uuid NOT NULL REFERENCES tasks ON DELETE CASCADE, PRIMARY KEY ("A", "B"));
        RESET ROLE;
        INSERT INTO "_ProjectToTask" SELECT project_id, id FROM tasks;`,
      object: '"public"."_ProjectToTask"',
      probe: {
        sql: 'SELECT count(*)::int AS rows FROM "_ProjectToTask"',
        harm: ([row]) => row?.['rows'] === 3,
      },
    },
    {
      name: 'no key that is NOT NULL says whose a row is: a person decides',
      sql: `SET ROLE ${roles.owner};
        CREATE TABLE events (id uuid PRIMARY KEY, task_id uuid REFERENCES tasks);
        RESET ROLE;
        INSERT INTO events VALUES ('ae000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000001'),
          ('ee000000-0000-4000-8000-000000000001', NULL);`,
      object: '"public"."events"',
      fixIs: 'person',
      decided: `DELETE FROM events WHERE task_id IS NULL;
        ALTER TABLE events ALTER COLUMN task_id SET NOT NULL;
        ${parentPolicy('events', { parents: [toTask] })}${enableRowLevelSecurity('events')}`,
      probe: { sql: 'SELECT id FROM events', harm: (rows) => rows.length > 0 },
    },
  ],
  nearMisses: [
    {
      name: 'the policy asks the parent',
      sql: `${comments}${parentPolicy('comments', { parents: [toTask] })}${enableRowLevelSecurity('comments')}`,
    },
    {
      name: 'the app role may not touch it',
      sql: `${comments} REVOKE ALL ON comments FROM ${roles.app};`,
    },
    {
      name: 'it is said to be shared',
      sql: comments,
      options: { shared: ['comments'] },
    },
    {
      name: 'it refers to shared tables and to the tenants alone',
      sql: `SET ROLE ${roles.owner};
        CREATE TABLE offers (id integer PRIMARY KEY, plan_id integer NOT NULL REFERENCES plans, company_id uuid REFERENCES companies);`,
    },
    {
      name: 'the table of tenants refers to a tenant table itself',
      sql: `ALTER TABLE projects ADD CONSTRAINT of_company FOREIGN KEY (tenant_id) REFERENCES companies;
        ALTER TABLE companies ADD main_project uuid REFERENCES projects;
        UPDATE companies SET main_project = 'a0000000-0000-4000-8000-000000000001' WHERE id = '${a}';`,
    },
    {
      name: 'row-level security is on and no policy lets anything through',
      sql: `${comments} ALTER TABLE comments ENABLE ROW LEVEL SECURITY;`,
      also: ['no-policy-for-app-role', 'rls-not-forced'],
    },
  ],
}
