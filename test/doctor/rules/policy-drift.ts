import type { Expected } from '../../../src/doctor/options.js'
import type { RuleFixture } from '../rule-fixture.js'

const tenant = (table: string, ...policies: string[]) =>
  ({ schema: 'public', table, kind: 'tenant', policies }) as const
const expected: Expected = {
  tables: [
    { schema: 'public', table: 'plans', kind: 'shared', policies: [] },
    { schema: 'public', table: 'companies', kind: 'shared' },
    tenant('projects', 'tenant_isolation'),
    tenant('tasks', 'tenant_isolation'),
  ],
}
const options = { expected }

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a policy that somebody made by hand, with a name that needs quotes',
      sql: `CREATE POLICY "for ""support""" ON projects AS RESTRICTIVE USING (true)`,
      options,
      object: '"for ""support""" on "public"."projects"',
      fixIs: 'person',
    },
    {
      name: 'a policy on a shared table',
      sql: 'ALTER TABLE plans ENABLE ROW LEVEL SECURITY; CREATE POLICY cheap ON plans USING (id < 2)',
      options,
      object: '"cheap" on "public"."plans"',
      fixIs: 'person',
    },
    {
      name: 'a policy under another name: one is missing, one is too many',
      sql: 'ALTER POLICY tenant_isolation ON tasks RENAME TO "Tenant_Isolation"',
      options,
      object: '"tenant_isolation" on "public"."tasks"',
      findings: 2,
      fixIs: 'person',
      decided: 'ALTER POLICY "Tenant_Isolation" ON tasks RENAME TO tenant_isolation',
    },
    {
      name: 'a table whose migration never ran here',
      sql: '',
      options: { expected: { tables: [...expected.tables, tenant('Invoices', 'tenant_isolation')] } },
      object: '"public"."Invoices"',
      fixIs: 'person',
    },
    {
      name: 'a tenant table that the schema does not know',
      sql: 'ALTER TABLE tasks RENAME TO old_tasks',
      options: { expected: { tables: expected.tables.filter(({ table }) => table !== 'tasks') } },
      object: '"public"."old_tasks"',
      fixIs: 'person',
    },
  ],
  nearMisses: [
    { name: 'everything is as it is written', sql: '', options },
    {
      name: 'a policy on a table whose policies are not compared, and a comment about one',
      sql: `ALTER TABLE companies ENABLE ROW LEVEL SECURITY; CREATE POLICY by_hand ON companies USING (true);
        COMMENT ON TABLE projects IS 'CREATE POLICY by_hand'`,
      options,
    },
    {
      name: 'a schema that the project does not know',
      sql: 'CREATE SCHEMA other; CREATE TABLE other.notes (id int PRIMARY KEY, note text)',
      options,
    },
    {
      name: 'nobody said what to expect',
      sql: 'ALTER TABLE companies ENABLE ROW LEVEL SECURITY; CREATE POLICY by_hand ON companies USING (true)',
    },
  ],
}
