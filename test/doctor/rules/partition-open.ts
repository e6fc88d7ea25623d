import { enableRowLevelSecurity, protectTable, tenantPolicy } from '../../../src/sql/index.js'
import type { RuleFixture } from '../rule-fixture.js'
import { a, b, roles } from '../world.js'

/** A protected parent, partitioned by time, with a row of each tenant. */
const events = `SET ROLE ${roles.owner};
CREATE TABLE events (tenant_id uuid NOT NULL, id uuid NOT NULL, at date NOT NULL, PRIMARY KEY (tenant_id, id, at)) PARTITION BY RANGE (at);
${protectTable('events', { indexes: [] })}
CREATE TABLE "events 2026" PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
RESET ROLE;
INSERT INTO events VALUES ('${a}', 'ae000000-0000-4000-8000-000000000001', '2026-05-01'), ('${b}', 'be000000-0000-4000-8000-000000000001', '2026-05-01');`

const archived = `SET ROLE ${roles.owner};
CREATE TABLE archived_tasks (archived_at date) INHERITS (tasks);
RESET ROLE;
INSERT INTO archived_tasks SELECT *, now() FROM tasks;`

const sees = (tenant: string) => (rows: readonly Record<string, unknown>[]) =>
  rows.some(({ tenant_id }) => tenant_id === tenant)

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a partition shows what its parent does not',
      sql: events,
      object: '"public"."events 2026"',
      probe: { sql: 'SELECT tenant_id FROM "events 2026"', harm: sees(a) },
    },
    {
      name: 'a partition takes rows of others',
      sql: events,
      object: '"public"."events 2026"',
      probe: {
        sql: `INSERT INTO "events 2026" VALUES ('${a}', 'be000000-0000-4000-8000-000000000002', '2026-06-01') RETURNING tenant_id`,
        harm: sees(a),
      },
    },
    {
      name: 'a partition of a partition, in another schema',
      sql: `${events}
        CREATE SCHEMA parts AUTHORIZATION ${roles.owner};
        GRANT USAGE ON SCHEMA parts TO ${roles.app};
        SET ROLE ${roles.owner};
        CREATE TABLE parts.late PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2029-01-01') PARTITION BY RANGE (at);
        CREATE TABLE parts."2027" PARTITION OF parts.late FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
        ${tenantPolicy('events 2026')}${enableRowLevelSecurity('events 2026')}
        GRANT SELECT ON parts."2027" TO ${roles.app};
        INSERT INTO parts."2027" VALUES ('${a}', 'ae000000-0000-4000-8000-000000000003', '2027-05-01');`,
      object: '"parts"."2027"',
      probe: { sql: 'SELECT tenant_id FROM parts."2027"', harm: sees(a) },
    },
    {
      name: 'an inheriting table is read without its parent',
      sql: archived,
      object: '"public"."archived_tasks"',
      probe: { sql: 'SELECT tenant_id FROM archived_tasks', harm: sees(a) },
    },
  ],
  nearMisses: [
    {
      name: 'the partition has the policy too, and is still read through its parent',
      sql: `${events}${tenantPolicy('events 2026')}${enableRowLevelSecurity('events 2026')}`,
    },
    {
      name: 'the app role is granted nothing on the partition',
      sql: `${events} REVOKE ALL ON "events 2026" FROM ${roles.app};`,
    },
    {
      name: 'the partition stands in a schema that the app role may not use',
      sql: `${events} CREATE SCHEMA parts AUTHORIZATION ${roles.owner}; ALTER TABLE "events 2026" SET SCHEMA parts;`,
    },
    {
      name: 'row-level security is on without a policy: nobody reads it directly',
      sql: `${events} ALTER TABLE "events 2026" ENABLE ROW LEVEL SECURITY;`,
      also: ['no-policy-for-app-role', 'rls-not-forced'],
    },
  ],
}
