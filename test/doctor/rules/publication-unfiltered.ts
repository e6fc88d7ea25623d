import { protectTable } from '../../../src/sql/index.js'
import type { RuleFixture } from '../rule-fixture.js'
import { a, roles } from '../world.js'

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a publication of a tenant table',
      sql: 'CREATE PUBLICATION "to ""CRM""" FOR TABLE plans, projects;',
      object: '"to ""CRM"""',
      fixIs: 'person',
    },
    {
      name: 'a row filter that asks for something else',
      sql: `CREATE PUBLICATION active FOR TABLE projects WHERE (NOT archived AND name <> 'tenant_id'), tasks WHERE (tenant_id = '${a}');`,
      object: '"active"',
      fixIs: 'person',
    },
    {
      name: 'a publication of everything',
      sql: 'CREATE PUBLICATION everything FOR ALL TABLES;',
      object: '"everything"',
      fixIs: 'person',
      decided: 'DROP PUBLICATION everything;',
    },
    {
      name: 'a publication of a schema',
      sql: 'CREATE PUBLICATION whole FOR TABLES IN SCHEMA public;',
      object: '"whole"',
      fixIs: 'person',
      decided: 'DROP PUBLICATION whole;',
    },
    {
      name: 'a publication of a partition',
      sql: `SET ROLE ${roles.owner};
        CREATE TABLE events (tenant_id uuid NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
        CREATE TABLE "events 2026" PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
        ${protectTable('events', { indexes: [['at']] })}${protectTable('events 2026', { indexes: [['at']] })}
        RESET ROLE;
        CREATE PUBLICATION year FOR TABLE "events 2026";`,
      object: '"year"',
      fixIs: 'person',
    },
  ],
  nearMisses: [
    {
      name: 'a row filter on the tenant',
      sql: `CREATE PUBLICATION of_a FOR TABLE projects WHERE (tenant_id = '${a}'), tasks WHERE (done AND tenant_id IN ('${a}'));`,
    },
    { name: 'shared tables alone', sql: 'CREATE PUBLICATION shared FOR TABLE plans, companies;' },
    { name: 'nothing yet', sql: 'CREATE PUBLICATION empty;' },
    {
      name: 'a schema without tenant tables',
      sql: 'CREATE SCHEMA lists; CREATE TABLE lists.countries (code text); CREATE PUBLICATION lists FOR TABLES IN SCHEMA lists;',
    },
  ],
}
