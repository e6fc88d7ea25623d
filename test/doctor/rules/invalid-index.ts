import { protectTable } from '../../../src/sql/index.js'
import type { RuleFixture } from '../rule-fixture.js'
import { b, roles } from '../world.js'

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
        RESET ROLE; ${spoil('"CRM"."by ""name"""')}
        GRANT USAGE ON SCHEMA "CRM" TO ${roles.app}; GRANT SELECT ON "CRM"."Deal" TO ${roles.app};`,
      object: '"CRM"."by ""name"""',
      plan: {
        prepare: `INSERT INTO "CRM"."Deal" SELECT gen_random_uuid(), '${b}', n FROM generate_series(1, 10000) AS n;
          ANALYZE "CRM"."Deal";`,
        sql: `SELECT id FROM "CRM"."Deal" WHERE name = '7'`,
        slow: (plan) => !plan.includes('"by ""name"""'),
      },
    },
    {
      name: 'what REINDEX CONCURRENTLY left behind',
      sql: `CREATE INDEX tasks_tenant_id_project_id_idx_ccnew1 ON tasks (tenant_id, project_id); ${spoil('tasks_tenant_id_project_id_idx_ccnew1')}`,
      object: '"public"."tasks_tenant_id_project_id_idx_ccnew1"',
      notShown:
        'The index that it was to replace is there and valid, so every query has its index. What this one costs is a share of each write, which no plan shows.',
    },
    {
      name: 'an index of a partitioned table that one partition lacks: a person looks at its size',
      sql: `SET ROLE ${roles.owner};
        CREATE TABLE events (tenant_id uuid NOT NULL, at date NOT NULL, place text) PARTITION BY RANGE (at);
        CREATE TABLE "events 2026" PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
        ${protectTable('events', { indexes: [['at']] })}${protectTable('events 2026', { indexes: [['at']] })}
        CREATE INDEX "by place" ON ONLY events (place);`,
      object: '"public"."by place"',
      fixIs: 'person',
      plan: {
        prepare: `INSERT INTO events SELECT '${b}', '2026-11-24', n FROM generate_series(1, 10000) AS n; ANALYZE events;`,
        sql: "SELECT at FROM events WHERE place = '7'",
        slow: (plan) => !/Index Cond: .*place = '7'/.test(plan),
      },
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
