import { protectTable } from '../../../src/sql/index.js'
import type { RuleFixture } from '../rule-fixture.js'
import { a, b, roles } from '../world.js'

// A program that prints stands in for the other server.
const elsewhere = (table: string, columns = 'id integer, tenant_id uuid'): string => `CREATE EXTENSION file_fdw;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE ${table} (${columns}) SERVER elsewhere
  OPTIONS (program 'echo 1,${a}; echo 2,${b}', format 'csv');
GRANT SELECT ON ${table} TO ${roles.app};`

const seesA = (rows: readonly Record<string, unknown>[]): boolean => rows.some(({ tenant_id }) => tenant_id === a)

const partitioned = `SET ROLE ${roles.owner};
CREATE TABLE events (id integer NOT NULL, tenant_id uuid NOT NULL) PARTITION BY RANGE (id);
${protectTable('events')}
RESET ROLE;
${elsewhere('old_events', 'id integer NOT NULL, tenant_id uuid NOT NULL')}
ALTER TABLE events ATTACH PARTITION old_events FOR VALUES FROM (0) TO (100);`

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a table of another server shows the rows of all tenants',
      sql: elsewhere('old_tasks'),
      object: '"public"."old_tasks"',
      fixIs: 'person',
      probe: { sql: 'SELECT tenant_id FROM old_tasks', harm: seesA },
    },
    {
      name: 'under a name that needs quotes, granted to everybody and on a column',
      sql: `CREATE SCHEMA "old CRM"; GRANT USAGE ON SCHEMA "old CRM" TO PUBLIC;
        ${elsewhere('"old CRM"."Task""s"', '"No" integer, tenant_id uuid')}
        REVOKE SELECT ON "old CRM"."Task""s" FROM ${roles.app};
        GRANT SELECT ("No", tenant_id) ON "old CRM"."Task""s" TO PUBLIC;`,
      object: '"old CRM"."Task""s"',
      also: ['public-grant'],
      fixIs: 'person',
      probe: { sql: 'SELECT tenant_id FROM "old CRM"."Task""s"', harm: seesA },
    },
    {
      name: 'a partition on another server is read without its parent',
      sql: partitioned,
      object: '"public"."old_events"',
      probe: { sql: 'SELECT tenant_id FROM old_events', harm: seesA },
    },
  ],
  nearMisses: [
    {
      name: 'the app role may not read it',
      sql: `${elsewhere('old_tasks')} REVOKE ALL ON old_tasks FROM ${roles.app};`,
    },
    { name: 'it has no tenant column', sql: elsewhere('rates', 'id integer, of_tenant_id text') },
    { name: 'it is said to be shared', sql: elsewhere('old_tasks'), options: { shared: ['old_tasks'] } },
    {
      name: 'its partition is read through the parent alone',
      sql: `${partitioned} REVOKE ALL ON old_events FROM ${roles.app};`,
    },
  ],
}
