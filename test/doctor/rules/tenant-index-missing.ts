import { enableRowLevelSecurity, protectTable, tenantPolicy } from '../../../src/sql/index.js'
import type { Plan, RuleFixture } from '../rule-fixture.js'
import { roles } from '../world.js'

const without = 'DROP INDEX tasks_tenant_id_project_id_idx; DROP INDEX tasks_tenant_id_id_key;'

/** Two hundred tenants with fifty rows each. */
const filled = (into: string, values: string): string => `INSERT INTO ${into} SELECT ${values}
  FROM generate_series(1, 200) AS tenant, generate_series(1, 50) AS n;`

const reads = (sql: string, prepare: string, table: string): Plan => ({
  prepare: `${prepare} ANALYZE ${table};`,
  sql,
  slow: (plan) => plan.includes('Seq Scan'),
})

const anyTenant = "('00000000-0000-4000-8000-' || lpad(tenant::text, 12, '0'))::uuid"

const ofTasks = reads(
  'SELECT title FROM tasks',
  `SET session_replication_role = replica; ${filled('tasks (tenant_id, project_id, title)', `${anyTenant}, gen_random_uuid(), n::text`)}`,
  'tasks',
)

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a tenant’s rows are looked for among those of all',
      sql: without,
      object: '"public"."tasks"',
      plan: ofTasks,
    },
    {
      name: 'a table without a primary key, under a name that needs quotes',
      sql: `CREATE SCHEMA "CRM" AUTHORIZATION ${roles.owner};
        GRANT USAGE ON SCHEMA "CRM" TO ${roles.app};
        SET ROLE ${roles.owner};
        CREATE TABLE "CRM"."Log ""1""" (tenant_id uuid NOT NULL, line text);
        ${protectTable({ schema: 'CRM', table: 'Log "1"' }, { indexes: [] })}
        GRANT SELECT ON "CRM"."Log ""1""" TO ${roles.app};`,
      object: '"CRM"."Log ""1"""',
      plan: reads(
        'SELECT line FROM "CRM"."Log ""1"""',
        filled('"CRM"."Log ""1"""', `${anyTenant}, n::text`),
        '"CRM"."Log ""1"""',
      ),
    },
    {
      name: 'an index for some rows alone, one where the tenant comes second, and one of ranges of pages',
      sql: `${without} CREATE INDEX ON tasks (tenant_id) WHERE done; CREATE INDEX ON tasks (project_id, tenant_id);
        CREATE INDEX ON tasks USING brin (tenant_id); CREATE INDEX ON tasks (id) INCLUDE (tenant_id);`,
      object: '"public"."tasks"',
      plan: {
        ...ofTasks,
        // What there is reads the table or a whole index.
        slow: (plan) => !plan.includes('on tasks_tenant_id_id_idx'),
      },
    },
    {
      name: 'another index has the name that the new one would get',
      sql: `${without} CREATE INDEX tasks_tenant_id_id_idx ON tasks (title);`,
      object: '"public"."tasks"',
      plan: ofTasks,
    },
    {
      name: 'a partitioned table, one of whose partitions has an index',
      sql: `SET ROLE ${roles.owner};
        CREATE TABLE events (tenant_id uuid NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
        CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
        CREATE TABLE events_2027 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
        ${protectTable('events', { indexes: [] })}
        ${protectTable('events_2026', { indexes: [['at']] })}${protectTable('events_2027', { indexes: [] })}`,
      object: '"public"."events"',
      plan: reads(
        'SELECT at FROM events',
        filled('events (tenant_id, at)', `${anyTenant}, date '2026-07-01' + n * 7`),
        'events',
      ),
    },
  ],
  nearMisses: [
    {
      name: 'the primary key begins with the tenant',
      sql: `${without} ALTER TABLE tasks DROP CONSTRAINT tasks_pkey, ADD PRIMARY KEY (tenant_id, id);`,
    },
    { name: 'a hash index', sql: `${without} CREATE INDEX ON tasks USING hash (tenant_id);` },
    {
      name: 'an invalid index, which another rule speaks about',
      sql: `${without} CREATE INDEX broken ON tasks (tenant_id); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass;`,
      also: ['invalid-index'],
    },
    {
      name: 'a table that is partitioned by tenant',
      sql: `SET ROLE ${roles.owner};
        CREATE TABLE events (tenant_id uuid NOT NULL, at date NOT NULL) PARTITION BY LIST (tenant_id);
        CREATE TABLE events_of_others PARTITION OF events DEFAULT;
        ${protectTable('events', { indexes: [] })}${tenantPolicy('events_of_others')}${enableRowLevelSecurity('events_of_others')}`,
    },
    {
      name: 'each partition has an index of its own',
      sql: `SET ROLE ${roles.owner};
        CREATE TABLE events (tenant_id uuid NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
        CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
        ${protectTable('events', { indexes: [] })}${protectTable('events_2026', { indexes: [['at']] })}`,
    },
  ],
}
