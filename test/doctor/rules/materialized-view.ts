import { othersRows, stoppedBy } from '../harm.js'
import type { RuleFixture } from '../rule-fixture.js'

const ofTenant = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a materialized view of a superuser that the app role reads, with a name that needs quotes',
      sql: `CREATE MATERIALIZED VIEW "Project list" AS SELECT * FROM projects; GRANT SELECT ON "Project list" TO doctor_app`,
      object: '"public"."Project list"',
      fixIs: 'person',
      probe: { sql: 'SELECT tenant_id FROM "Project list"', harm: othersRows },
    },
    {
      name: 'the same, read through the view that the fix puts in front of it',
      sql: 'CREATE MATERIALIZED VIEW list AS SELECT * FROM projects; GRANT SELECT ON list TO doctor_app',
      object: '"public"."list"',
      fixIs: 'person',
      probe: {
        // Before the fix there is no such view, and its reader would have read the materialized one.
        sql: `DO $$ BEGIN IF to_regclass('list_of_tenant') IS NULL THEN PERFORM set_config('probe.view', 'list', true);
          ELSE PERFORM set_config('probe.view', 'list_of_tenant', true); END IF; END $$;
          SELECT (xpath('//tenant_id/text()', row))[1]::text AS tenant_id
          FROM unnest(xpath('//row', query_to_xml('SELECT tenant_id FROM ' || current_setting('probe.view'), true, false, ''))) row`,
        harm: othersRows,
      },
    },
    {
      name: 'one column of a materialized view over a view, granted by itself',
      sql: `CREATE VIEW inner_view AS SELECT * FROM projects; REVOKE ALL ON inner_view FROM doctor_app;
        CREATE MATERIALIZED VIEW counts AS SELECT tenant_id, count(*) FROM inner_view GROUP BY 1;
        REVOKE ALL ON counts FROM doctor_app; GRANT SELECT (tenant_id) ON counts TO doctor_app`,
      object: '"public"."counts"',
      fixIs: 'person',
      probe: { sql: 'SELECT tenant_id FROM counts', harm: othersRows },
    },
    {
      name: 'what the forced policies showed the owner when it was made: whoever was set then',
      sql: `SET ROLE doctor_owner; SELECT set_config('app.tenant_id', (SELECT id::text FROM companies WHERE name = 'A'), false);
        CREATE MATERIALIZED VIEW list AS SELECT * FROM projects`,
      object: '"public"."list"',
      level: 'warning',
      fixIs: 'person',
      probe: { sql: 'SELECT tenant_id FROM list', harm: othersRows },
    },
    {
      name: 'a view in front of it that filters and is no barrier: what its reader asks is asked first',
      sql: `CREATE MATERIALIZED VIEW list AS SELECT * FROM projects; REVOKE ALL ON list FROM doctor_app;
        CREATE VIEW own_list AS SELECT * FROM list WHERE ${ofTenant}; GRANT SELECT ON own_list TO doctor_app`,
      object: '"public"."own_list"',
      level: 'warning',
      fixIs: 'person',
      probe: {
        sql: "SELECT count(*) FROM own_list WHERE 1 / (CASE name WHEN 'second' THEN 0 ELSE 1 END) = 1",
        harm: stoppedBy('22012'),
      },
    },
  ],
  nearMisses: [
    {
      name: 'a materialized view of shared tables',
      sql: 'CREATE MATERIALIZED VIEW prices AS SELECT * FROM plans; GRANT SELECT ON prices TO doctor_app',
    },
    {
      name: 'a materialized view that the app role may not read',
      sql: 'CREATE MATERIALIZED VIEW list AS SELECT * FROM projects; GRANT SELECT ON list TO doctor_bypass',
    },
    {
      name: 'a view in front of it that is a barrier',
      sql: `CREATE MATERIALIZED VIEW list AS SELECT * FROM projects; REVOKE ALL ON list FROM doctor_app;
        CREATE VIEW own_list WITH (security_barrier) AS SELECT * FROM list WHERE ${ofTenant};
        GRANT SELECT ON own_list TO doctor_app`,
    },
    {
      name: 'a view of that name that is none',
      sql: `CREATE VIEW materialized_projects WITH (security_invoker = true) AS SELECT * FROM projects;
        GRANT SELECT ON materialized_projects TO doctor_app`,
    },
  ],
}
