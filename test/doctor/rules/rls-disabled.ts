import type { RuleFixture } from '../rule-fixture.js'
import { a } from '../world.js'

const others = (rows: readonly Record<string, unknown>[]): boolean => rows.some(({ tenant_id }) => tenant_id === a)

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a tenant table without policy and row-level security',
      sql: `ALTER TABLE projects DISABLE ROW LEVEL SECURITY; ALTER TABLE projects NO FORCE ROW LEVEL SECURITY;
        DROP POLICY tenant_isolation ON projects`,
      object: '"public"."projects"',
      probe: { sql: 'SELECT tenant_id FROM projects', harm: others },
    },
    {
      name: 'a table with a name that needs quotes, in a schema that does',
      sql: `CREATE SCHEMA "my ""CRM"; GRANT USAGE ON SCHEMA "my ""CRM" TO doctor_app;
        CREATE TABLE "my ""CRM"."Order.Items" (id int PRIMARY KEY, tenant_id uuid NOT NULL);
        CREATE INDEX ON "my ""CRM"."Order.Items" (tenant_id, id);
        GRANT SELECT ON "my ""CRM"."Order.Items" TO doctor_app;
        INSERT INTO "my ""CRM"."Order.Items" VALUES (1, '${a}')`,
      object: '"my ""CRM"."Order.Items"',
      probe: { sql: 'SELECT tenant_id FROM "my ""CRM"."Order.Items"', harm: others },
    },
    {
      name: 'a table that the app role may not use, at level warning',
      sql: `CREATE TABLE drafts (id uuid PRIMARY KEY, tenant_id uuid NOT NULL); CREATE INDEX ON drafts (tenant_id, id);
        REVOKE ALL ON drafts FROM doctor_app`,
      object: '"public"."drafts"',
      level: 'warning',
      notShown: 'The app role is refused: the harm comes with the first grant.',
    },
    {
      name: 'a table in a schema that the app role may not enter, at level warning',
      sql: `CREATE SCHEMA drafts; CREATE TABLE drafts.old (id uuid PRIMARY KEY, tenant_id uuid NOT NULL);
        CREATE INDEX ON drafts.old (tenant_id, id); GRANT SELECT ON drafts.old TO doctor_app`,
      object: '"drafts"."old"',
      level: 'warning',
      notShown: 'The app role is refused: the harm comes with the first grant.',
    },
  ],
  nearMisses: [
    {
      name: 'a table that is shared on purpose',
      sql: 'CREATE TABLE news (id int PRIMARY KEY, tenant_id uuid)',
      options: { shared: ['news'] },
    },
    {
      name: 'a column whose name only contains the tenant column',
      sql: 'CREATE TABLE log (id int PRIMARY KEY, old_tenant_id_2 uuid)',
    },
    {
      name: 'another name of the tenant column',
      sql: 'CREATE TABLE log (id int PRIMARY KEY, "Tenant_id" uuid)',
    },
  ],
}
