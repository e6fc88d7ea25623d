import { protectTable } from '../../../src/sql/index.js'
import type { RuleFixture } from '../rule-fixture.js'
import { roles } from '../world.js'

// What an interrupted CREATE INDEX CONCURRENTLY leaves behind, without the wait.
const spoil = (index: string): string =>
  `UPDATE pg_index SET indisvalid = false WHERE indexrelid = '${index}'::regclass;`

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'the index that leads to a tenant is there, and no query uses it',
      sql: `DROP INDEX tasks_tenant_id_id_key; ${spoil('tasks_tenant_id_project_id_idx')}`,
      object: '"public"."tasks_tenant_id_project_id_idx"',
      plan: {
        prepare: `SET session_replication_role = replica;
          INSERT INTO tasks (tenant_id, project_id, title)
          SELECT gen_random_uuid(), gen_random_uuid(), '' FROM generate_series(1, 10000);
          ANALYZE tasks;`,
        sql: 'SELECT title FROM tasks',
        slow: (plan) => plan.includes('Seq Scan'),
      },
    },
    {
      name: 'under a name that needs quotes, in another schema',
      sql: `CREATE SCHEMA "CRM" AUTHORIZATION ${roles.owner};
        SET ROLE ${roles.owner};
        CREATE TABLE "CRM"."Deal" (id uuid PRIMARY KEY, tenant_id uuid NOT NULL, name text);
        ${protectTable({ schema: 'CRM', table: 'Deal' })}
        CREATE INDEX "by ""name""" ON "CRM"."Deal" (name);
        RESET ROLE; ${spoil('"CRM"."by ""name"""')}`,
      object: '"CRM"."by ""name"""',
    },
    {
      name: 'what REINDEX CONCURRENTLY left behind',
      sql: `CREATE INDEX tasks_tenant_id_project_id_idx_ccnew1 ON tasks (tenant_id, project_id); ${spoil('tasks_tenant_id_project_id_idx_ccnew1')}`,
      object: '"public"."tasks_tenant_id_project_id_idx_ccnew1"',
    },
    {
      name: 'an index of a partitioned table that one partition lacks: a person looks at its size',
      sql: `SET ROLE ${roles.owner};
        CREATE TABLE events (tenant_id uuid NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
        CREATE TABLE "events 2026" PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
        ${protectTable('events', { indexes: [['at']] })}${protectTable('events 2026', { indexes: [['at']] })}
        CREATE INDEX "by at" ON ONLY events (at);`,
      object: '"public"."by at"',
      fixIs: 'person',
    },
  ],
  nearMisses: [
    { name: 'a valid index that is called like a leftover', sql: 'CREATE INDEX tasks_ccnew ON tasks (title);' },
    { name: 'an invalid index of a shared table', sql: `CREATE INDEX by_name ON plans (name); ${spoil('by_name')}` },
    {
      name: 'a partitioned table whose index every partition has',
      sql: `SET ROLE ${roles.owner};
        CREATE TABLE events (tenant_id uuid NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
        CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
        ${protectTable('events', { indexes: [['at']] })}${protectTable('events_2026', { indexes: [] })}`,
    },
  ],
}
