import type { RuleFixture } from '../rule-fixture.js'

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a foreign key with the tenant that old rows may break',
      sql: `ALTER TABLE tasks DROP CONSTRAINT tasks_tenant_id_project_id_fkey;
        ALTER TABLE tasks ADD CONSTRAINT "of ""project""" FOREIGN KEY (tenant_id, project_id) REFERENCES projects (tenant_id, id) NOT VALID;`,
      object: '"of ""project""" on "public"."tasks"',
    },
    {
      name: 'a check',
      sql: `ALTER TABLE projects ADD CONSTRAINT named CHECK (name <> '') NOT VALID;`,
      object: '"named" on "public"."projects"',
    },
    {
      name: 'a NOT NULL',
      since: 18,
      sql: `ALTER TABLE tasks ALTER COLUMN tenant_id DROP NOT NULL;
        ALTER TABLE tasks ADD CONSTRAINT has_tenant NOT NULL tenant_id NOT VALID;`,
      object: '"has_tenant" on "public"."tasks"',
    },
    {
      name: 'a check that somebody turned off: a person finds out why',
      since: 18,
      sql: `ALTER TABLE projects ADD CONSTRAINT named CHECK (name <> ' NOT ENFORCED') NOT ENFORCED;`,
      object: '"named" on "public"."projects"',
      fixIs: 'person',
    },
    {
      name: 'a foreign key that somebody turned off: a person finds out why',
      since: 18,
      sql: `ALTER TABLE tasks ALTER CONSTRAINT tasks_tenant_id_project_id_fkey NOT ENFORCED;`,
      object: '"tasks_tenant_id_project_id_fkey" on "public"."tasks"',
      fixIs: 'person',
    },
  ],
  nearMisses: [
    {
      name: 'the constraint was validated afterwards',
      sql: `ALTER TABLE projects ADD CONSTRAINT "NOT VALID" CHECK (name <> 'NOT VALID') NOT VALID;
        ALTER TABLE projects VALIDATE CONSTRAINT "NOT VALID";`,
    },
    {
      name: 'a foreign key without the tenant, which another rule makes anew',
      sql: `ALTER TABLE tasks DROP CONSTRAINT tasks_tenant_id_project_id_fkey;
        ALTER TABLE tasks ADD FOREIGN KEY (project_id) REFERENCES projects NOT VALID;`,
      also: ['foreign-key-without-tenant'],
    },
    {
      name: 'a check of a shared table',
      sql: `ALTER TABLE plans ADD CHECK (name <> '') NOT VALID;`,
    },
  ],
}
