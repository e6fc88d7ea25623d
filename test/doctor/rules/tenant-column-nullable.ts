import { protectTable } from '../../../src/sql/index.js'
import type { RuleFixture } from '../rule-fixture.js'
import { roles } from '../world.js'

const nullable = 'ALTER TABLE tasks ALTER COLUMN tenant_id DROP NOT NULL;'
const object = '"public"."tasks"."tenant_id"'

export const fixture: RuleFixture = {
  faults: [
    { name: 'the tenant column without NOT NULL', sql: nullable, object },
    {
      name: 'under a name of its own, in another schema',
      sql: `CREATE SCHEMA "CRM" AUTHORIZATION ${roles.owner};
        SET ROLE ${roles.owner};
        CREATE TABLE "CRM"."Deal.s" (id uuid PRIMARY KEY, "Customer Id" uuid);
        ${protectTable({ schema: 'CRM', table: 'Deal.s' }, { column: 'Customer Id' })}`,
      options: { tenantColumn: 'Customer Id' },
      object: '"CRM"."Deal.s"."Customer Id"',
    },
    {
      name: 'a partitioned table, with its partitions',
      sql: `SET ROLE ${roles.owner};
        CREATE TABLE events (tenant_id uuid, at date NOT NULL) PARTITION BY RANGE (at);
        CREATE TABLE "events 2026" PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
        ${protectTable('events', { indexes: [['at']] })}${protectTable('events 2026', { indexes: [['at']] })}`,
      object: '"public"."events"."tenant_id"',
    },
    {
      name: 'a check that forbids NULL for some rows alone',
      sql: `${nullable} ALTER TABLE tasks ADD CHECK (done OR tenant_id IS NOT NULL), ADD CHECK (title IS NOT NULL), ADD CHECK (title <> 'tenant_id IS NOT NULL');`,
      object,
    },
    {
      name: 'a policy that shows everything, those rows among it',
      sql: `${nullable} DROP POLICY tenant_isolation ON tasks; CREATE POLICY own ON tasks USING (true);`,
      object,
      also: ['policy-ignores-tenant'],
    },
    {
      name: 'a policy that shows rows without a tenant: a person decides',
      sql: `${nullable} DROP POLICY tenant_isolation ON tasks;
        CREATE POLICY own ON tasks USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid OR tenant_id IS NULL)
        WITH CHECK (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`,
      object,
      also: ['policy-fails-open'],
      fixIs: 'person',
    },
  ],
  nearMisses: [
    {
      name: 'a check forbids NULL',
      sql: `${nullable} ALTER TABLE tasks ADD CONSTRAINT tasks_tenant_id_is_set CHECK (title <> '' AND "tenant_id" IS NOT NULL);`,
    },
    {
      name: 'a check forbids NULL and waits for its validation',
      sql: `${nullable} ALTER TABLE tasks ADD CONSTRAINT is_set CHECK (tenant_id IS NOT NULL) NOT VALID;`,
      also: ['unvalidated-constraint'],
    },
    { name: 'another column without NOT NULL', sql: 'ALTER TABLE tasks ADD old_tenant_id uuid;' },
  ],
}
