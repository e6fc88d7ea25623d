import {
  enableRowLevelSecurity,
  parentPolicy,
  protectTable,
  tenantColumn,
  tenantForeignKey,
  tenantUnique,
} from '../../../src/sql/index.js'
import { ownRows } from '../planted-policies.js'
import type { RuleFixture } from '../rule-fixture.js'
import { a, b, roles } from '../world.js'

const aProject = 'a0000000-0000-4000-8000-000000000001'
const aTask = 'a1000000-0000-4000-8000-000000000001'
const aStep = 'a2000000-0000-4000-8000-000000000001'
const aComment = 'ac000000-0000-4000-8000-000000000001'
const bTask = 'b1000000-0000-4000-8000-000000000002'

/** The tasks' key to their project, without the tenant. */
const plainKey = (rest: string): string => `ALTER TABLE tasks DROP CONSTRAINT tasks_tenant_id_project_id_fkey;
ALTER TABLE tasks ADD CONSTRAINT tasks_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id) ${rest};`

const pointsAtA = `INSERT INTO tasks (id, tenant_id, project_id, title) VALUES ('${bTask}', '${b}', '${aProject}', 'by B')`

const as = (tenant: string): string => `SELECT set_config('app.tenant_id', '${tenant}', true)`

const object = '"tasks_project_id_fkey" on "public"."tasks"'

/** A tenant table with a nullable key to tasks, under names that need quotes. */
const notes = (onDelete: string): string => `CREATE SCHEMA "CRM" AUTHORIZATION ${roles.owner};
GRANT USAGE ON SCHEMA "CRM" TO ${roles.app};
SET ROLE ${roles.owner};
CREATE TABLE "CRM"."Task's ""Notes""" ("Id" uuid PRIMARY KEY, tenant_id uuid NOT NULL, "Task" uuid,
  CONSTRAINT "to Task" FOREIGN KEY ("Task") REFERENCES tasks (id) ${onDelete});
${protectTable({ schema: 'CRM', table: 'Task\'s "Notes"' }, { indexes: [['Id']] })}
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "CRM" TO ${roles.app};
RESET ROLE;`

const note = '"CRM"."Task\'s ""Notes"""'

/** A table without the tenant column between projects and tasks, whose policy looks at one of the two. */
const linked = (policy: string): string => `SET ROLE ${roles.owner};
CREATE TABLE links (project_id uuid NOT NULL REFERENCES projects, task_id uuid NOT NULL REFERENCES tasks, PRIMARY KEY (project_id, task_id));
${policy}${enableRowLevelSecurity('links')}
RESET ROLE;`

/** A partitioned table with one partition, and a key to tasks that the partition gets a copy of. */
const visits = (key: string): string => `SET ROLE ${roles.owner};
CREATE TABLE visits (tenant_id uuid NOT NULL, id uuid NOT NULL, task_id uuid NOT NULL, PRIMARY KEY (tenant_id, id)) PARTITION BY HASH (tenant_id);
CREATE TABLE visits_0 PARTITION OF visits FOR VALUES WITH (MODULUS 1, REMAINDER 0);
${protectTable('visits', { indexes: [] })}${protectTable('visits_0', { indexes: [] })}
${key}
RESET ROLE;`

const toProject = { keys: [['project_id', 'id']], required: true, table: 'projects', column: 'tenant_id' } as const
const toTask = { keys: [['task_id', 'id']], required: true, table: 'tasks', column: 'tenant_id' } as const

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a row points at another tenant’s row, and learns that it is there',
      sql: plainKey('ON DELETE RESTRICT'),
      object,
      level: 'warning',
      probe: { sql: `${pointsAtA} RETURNING title`, harm: ([row]) => row?.['title'] === 'by B' },
    },
    {
      name: 'with CASCADE, a tenant deletes the rows of another',
      sql: plainKey('ON DELETE CASCADE ON UPDATE CASCADE'),
      object,
      level: 'error',
      probe: {
        sql: `${pointsAtA}; ${as(a)}; DELETE FROM projects WHERE id = '${aProject}'; ${as(b)};
          SELECT count(*)::int AS left FROM tasks WHERE id = '${bTask}'`,
        harm: ([row]) => row?.['left'] === 0,
      },
    },
    {
      name: 'a key that is checked at the end of the transaction stays so',
      sql: plainKey('ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED'),
      object,
      probe: {
        sql: `${pointsAtA}; SET CONSTRAINTS ALL IMMEDIATE; SELECT 'kept' AS state`,
        harm: ([row]) => row?.['state'] === 'kept',
      },
    },
    {
      name: 'a key with the tenant stands beside it and is turned off',
      since: 18,
      sql: `${plainKey('')} ALTER TABLE tasks ADD CONSTRAINT with_tenant FOREIGN KEY (tenant_id, project_id)
        REFERENCES projects (tenant_id, id) NOT ENFORCED;`,
      object,
      also: ['unvalidated-constraint'],
      probe: { sql: `${pointsAtA} RETURNING title`, harm: ([row]) => row?.['title'] === 'by B' },
    },
    {
      name: 'SET NULL, in another schema, under names that need quotes',
      sql: notes('ON DELETE SET NULL'),
      object: `"to Task" on ${note}`,
      level: 'error',
      probe: {
        sql: `INSERT INTO ${note} VALUES ('b2000000-0000-4000-8000-000000000001', '${b}', '${aTask}'); ${as(a)};
          DELETE FROM tasks WHERE id = '${aTask}'; ${as(b)}; SELECT "Task" FROM ${note}`,
        harm: ([row]) => row?.['Task'] === null,
      },
    },
    {
      name: 'a key of a table to itself',
      sql: `ALTER TABLE tasks ADD parent_id uuid, ADD CONSTRAINT parent FOREIGN KEY (parent_id) REFERENCES tasks (id);`,
      object: '"parent" on "public"."tasks"',
      probe: {
        sql: `UPDATE tasks SET parent_id = '${aTask}' RETURNING parent_id`,
        harm: ([row]) => row?.['parent_id'] === aTask,
      },
    },
    {
      name: 'a key of two columns, neither of which is the tenant’s',
      sql: `ALTER TABLE projects ADD year integer NOT NULL DEFAULT 2026;
        CREATE UNIQUE INDEX by_year ON projects (id, year);
        ALTER TABLE tasks ADD year integer NOT NULL DEFAULT 2026, DROP CONSTRAINT tasks_tenant_id_project_id_fkey;
        ALTER TABLE tasks ADD CONSTRAINT two FOREIGN KEY (year, project_id) REFERENCES projects (year, id);`,
      object: '"two" on "public"."tasks"',
      probe: { sql: `${pointsAtA} RETURNING title`, harm: ([row]) => row?.['title'] === 'by B' },
    },
    {
      name: 'a parent that has no tenant column itself: a person decides',
      sql: `SET ROLE ${roles.owner};
        CREATE TABLE steps (id uuid PRIMARY KEY, task_id uuid NOT NULL REFERENCES tasks);
        ${parentPolicy('steps', { parents: [toTask] })}${enableRowLevelSecurity('steps')}
        CREATE TABLE hours (id uuid PRIMARY KEY, tenant_id uuid NOT NULL, step_id uuid NOT NULL CONSTRAINT of_step REFERENCES steps);
        ${protectTable('hours')}
        RESET ROLE;
        INSERT INTO steps VALUES ('${aStep}', '${aTask}');`,
      object: '"of_step" on "public"."hours"',
      fixIs: 'person',
      decided: `DROP POLICY tenant_isolation ON hours;
        CREATE POLICY own ON hours USING (${ownRows})
        WITH CHECK (${ownRows} AND EXISTS (SELECT FROM steps WHERE steps.id = hours.step_id));`,
      probe: {
        sql: `INSERT INTO hours VALUES (gen_random_uuid(), '${b}', '${aStep}') RETURNING step_id`,
        harm: ([row]) => row?.['step_id'] === aStep,
      },
    },
    {
      name: 'a table between two others whose policy looks at one of them: a person decides',
      sql: linked(parentPolicy('links', { parents: [toProject] })),
      object: '"links_task_id_fkey" on "public"."links"',
      fixIs: 'person',
      decided: parentPolicy('links', { parents: [toProject, toTask] }),
      probe: {
        sql: `INSERT INTO links VALUES ('b0000000-0000-4000-8000-000000000001', '${aTask}') RETURNING task_id`,
        harm: ([row]) => row?.['task_id'] === aTask,
      },
    },
    {
      name: 'the same columns refer to two tables, and both keys get the tenant',
      sql: `${plainKey('')} SET ROLE ${roles.owner};
        CREATE TABLE old_projects (id uuid PRIMARY KEY, tenant_id uuid NOT NULL);
        ${protectTable('old_projects')}
        RESET ROLE; INSERT INTO old_projects SELECT id, tenant_id FROM projects;
        ALTER TABLE tasks ADD CONSTRAINT second FOREIGN KEY (project_id) REFERENCES old_projects (id);`,
      object: '"second" on "public"."tasks"',
      findings: 2,
      probe: { sql: `${pointsAtA} RETURNING title`, harm: ([row]) => row?.['title'] === 'by B' },
    },
    {
      name: 'a table below tenants that refers to itself: a person decides, before its policy as after',
      sql: `SET ROLE ${roles.owner};
        CREATE TABLE comments (id uuid PRIMARY KEY, task_id uuid NOT NULL REFERENCES tasks, answers uuid REFERENCES comments);
        RESET ROLE;
        INSERT INTO comments VALUES ('${aComment}', '${aTask}');`,
      object: '"comments_answers_fkey" on "public"."comments"',
      also: ['child-unprotected'],
      fixIs: 'person',
      decided: `${tenantColumn('comments')}
        UPDATE comments SET tenant_id = '${a}'; ALTER TABLE comments ALTER COLUMN tenant_id SET NOT NULL;
        ${tenantUnique('comments', { columns: ['id'] })}
        ALTER TABLE comments DROP CONSTRAINT comments_answers_fkey, DROP CONSTRAINT comments_task_id_fkey;
        ${tenantForeignKey('comments', { columns: ['answers'], references: { table: 'comments', columns: ['id'] } })}
        ${tenantForeignKey('comments', { columns: ['task_id'], references: { table: 'tasks', columns: ['id'] } })}
        ${protectTable('comments', { indexes: [] })}`,
      probe: {
        sql: `INSERT INTO comments (id, task_id, answers)
          SELECT gen_random_uuid(), id, '${aComment}' FROM tasks WHERE tenant_id = '${b}' RETURNING answers`,
        harm: ([row]) => row?.['answers'] === aComment,
      },
    },
    {
      name: 'a partitioned table, whose partition has a copy of the key: one finding',
      sql: visits('ALTER TABLE visits ADD CONSTRAINT to_task FOREIGN KEY (task_id) REFERENCES tasks (id);'),
      object: '"to_task" on "public"."visits"',
      probe: {
        sql: `INSERT INTO visits VALUES ('${b}', gen_random_uuid(), '${aTask}') RETURNING task_id`,
        harm: ([row]) => row?.['task_id'] === aTask,
      },
    },
  ],
  nearMisses: [
    {
      name: 'a key with the tenant stands beside it and waits for its validation',
      sql: `${plainKey('')} ALTER TABLE tasks ADD CONSTRAINT with_tenant FOREIGN KEY (tenant_id, project_id)
        REFERENCES projects (tenant_id, id) NOT VALID;`,
      also: ['unvalidated-constraint'],
    },
    {
      name: 'no policy lets the app role write',
      sql: `${plainKey('ON DELETE CASCADE')} DROP POLICY tenant_isolation ON tasks;
        CREATE POLICY reads ON tasks FOR SELECT USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`,
    },
    {
      name: 'the tenant stands last in the key',
      sql: `CREATE UNIQUE INDEX ON projects (id, tenant_id);
        ALTER TABLE tasks DROP CONSTRAINT tasks_tenant_id_project_id_fkey;
        ALTER TABLE tasks ADD FOREIGN KEY (project_id, tenant_id) REFERENCES projects (id, tenant_id) ON DELETE CASCADE;`,
    },
    {
      name: 'a second key with the tenant stands beside the one without',
      sql: 'ALTER TABLE tasks ADD FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE;',
    },
    {
      name: 'the policy asks for the parent before it lets a row in',
      sql: `${plainKey('')} DROP POLICY tenant_isolation ON tasks;
        CREATE POLICY own ON tasks USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
        WITH CHECK (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid
          AND EXISTS (SELECT FROM projects WHERE projects.id = tasks.project_id));`,
    },
    {
      name: 'a table between two others whose policy looks at both',
      sql: linked(parentPolicy('links', { parents: [toProject, toTask] })),
    },
    {
      name: 'the keys refer to the tenants and to a shared table',
      sql: `ALTER TABLE projects ADD FOREIGN KEY (tenant_id) REFERENCES companies ON DELETE CASCADE;
        ALTER TABLE projects ADD plan_id integer REFERENCES plans;`,
    },
    {
      name: 'the app role may only read the table',
      sql: `${plainKey('ON DELETE CASCADE')} REVOKE INSERT, UPDATE, DELETE ON tasks FROM ${roles.app};`,
    },
    {
      name: 'a partition’s copy of its parent’s key',
      sql: visits(
        tenantForeignKey('visits', { columns: ['task_id'], references: { table: 'tasks', columns: ['id'] } }),
      ),
    },
  ],
}
