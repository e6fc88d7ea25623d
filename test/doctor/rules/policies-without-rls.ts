import { ownRows, plant, showsOthers } from '../planted-policies.js'
import type { RuleFixture } from '../rule-fixture.js'

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a tenant policy that nobody turned on',
      sql: 'ALTER TABLE projects DISABLE ROW LEVEL SECURITY',
      object: '"public"."projects"',
      probe: { sql: 'SELECT tenant_id FROM projects', harm: showsOthers },
    },
    {
      name: 'a partition with a policy that nobody turned on',
      sql: `CREATE TABLE events (id int, tenant_id uuid NOT NULL) PARTITION BY LIST (id);
        CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1);
        CREATE INDEX ON events (tenant_id, id);
        ALTER TABLE events ENABLE ROW LEVEL SECURITY; ALTER TABLE events FORCE ROW LEVEL SECURITY;
        ${plant({ table: 'events', using: ownRows })} ${plant({ table: 'events_1', using: ownRows })}
        GRANT SELECT ON events, events_1 TO doctor_app;
        INSERT INTO events VALUES (1, 'aaaaaaaa-0000-4000-8000-00000000000a')`,
      object: '"public"."events_1"',
      probe: { sql: 'SELECT tenant_id FROM events_1', harm: showsOthers },
    },
    {
      name: 'a policy of a table without tenants, forgotten as well',
      sql: 'CREATE POLICY cheap ON plans USING (id < 2)',
      object: '"public"."plans"',
      level: 'warning',
      probe: { sql: 'SELECT id FROM plans', harm: (rows) => rows.some(({ id }) => id === 2) },
    },
  ],
  nearMisses: [
    {
      name: "a table that is everybody's, with a policy and row-level security on",
      sql: 'CREATE POLICY cheap ON plans USING (true); ALTER TABLE plans ENABLE ROW LEVEL SECURITY',
    },
  ],
}
