import type { RuleFixture } from '../rule-fixture.js'

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'the column is called something else',
      sql: '',
      options: { tenantColumn: 'Customer "Id"' },
      object: '"Customer ""Id"""',
      fixIs: 'person',
    },
    {
      name: 'no table of the schema has the column, not even where views do',
      sql: 'CREATE SCHEMA crm; CREATE TABLE crm.deals (id integer PRIMARY KEY, of_tenant_id uuid); CREATE VIEW crm.v WITH (security_invoker) AS SELECT tenant_id FROM projects;',
      options: { schemas: ['crm'] },
      object: '"tenant_id"',
      fixIs: 'person',
    },
    {
      name: 'every table is said to be shared',
      sql: '',
      options: { shared: ['projects', { schema: 'public', table: 'tasks' }] },
      object: '"tenant_id"',
      fixIs: 'person',
    },
  ],
  nearMisses: [
    {
      name: 'one tenant table is left',
      sql: 'DROP TABLE tasks;',
    },
  ],
}
