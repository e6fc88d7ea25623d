import { decoys, notes, ownRows, plant, showsOthers } from '../planted-policies.js'
import type { RuleFixture } from '../rule-fixture.js'

const object = '"tenant_isolation" on "public"."projects"'
const probe = { sql: 'SELECT tenant_id FROM projects', harm: showsOthers }

export const fixture: RuleFixture = {
  faults: [
    { name: 'USING (true)', sql: plant({ using: 'true' }), object, probe },
    { name: 'a policy about something else', sql: plant({ using: 'NOT archived' }), object, probe },
    {
      name: 'a tenant that is fixed',
      sql: plant({ using: "tenant_id = 'aaaaaaaa-0000-4000-8000-00000000000a'" }),
      object,
      probe,
    },
    { name: 'a comparison with itself', sql: plant({ using: 'tenant_id = tenant_id' }), object, probe },
    {
      name: 'the tenant column and the setting in a text alone',
      sql: plant({ using: "name <> 'tenant_id = current_setting(''app.tenant_id'')::uuid'" }),
      object,
      probe,
    },
    {
      name: 'a query that knows nothing of the row',
      sql: plant({ using: 'EXISTS (SELECT FROM tasks)' }),
      object,
      probe,
    },
    { name: 'reading for all, writing for the tenant', sql: plant({ using: 'true', check: ownRows }), object, probe },
    {
      name: 'a child table whose policy asks for nothing',
      sql: notes('id > 0'),
      object: '"through_task" on "public"."notes"',
      probe: { ...probe, sql: 'SELECT id FROM notes' },
    },
    {
      name: 'a child table whose policy takes the wrong column of its parent',
      sql: notes('EXISTS (SELECT FROM tasks t WHERE t.done = NOT draft)'),
      object: '"through_task" on "public"."notes"',
      probe: { ...probe, sql: 'SELECT id FROM notes' },
    },
  ],
  nearMisses: [
    {
      name: 'a permissive true that a restrictive policy limits',
      sql: `${plant({ using: 'true' })} ${plant({ name: 'only_own', clauses: 'AS RESTRICTIVE', using: ownRows })}`,
    },
    {
      name: 'the comparison the other way round, in brackets, and more besides',
      sql: plant({
        using: "((nullif(current_setting('app.tenant_id', true), ''))::uuid = (tenant_id)) AND (NOT archived OR true)",
      }),
    },
    {
      name: 'a setting whose name is written in capitals',
      sql: plant({ using: "tenant_id = nullif(current_setting('App.Tenant_ID', true), '')::uuid" }),
    },
    { name: 'USING (false)', sql: plant({ using: 'false' }) },
    ...decoys(`true AND ${ownRows}`, (using) => plant({ using })),
    {
      name: 'a child limited by its parent',
      sql: notes('EXISTS (SELECT FROM tasks t WHERE t.id = notes.task_id)'),
    },
    { name: 'a child limited by a list of its parents', sql: notes('task_id IN (SELECT id FROM tasks)') },
    {
      name: 'a child limited by an array of its parents',
      sql: notes('task_id = ANY (ARRAY(SELECT id FROM tasks))'),
    },
    {
      name: 'a child limited by the tenant of its parent',
      sql: notes(
        `(SELECT t.tenant_id FROM tasks t WHERE t.id = task_id) = nullif(current_setting('app.tenant_id', true), '')::uuid`,
      ),
    },
    {
      name: 'a child limited through a join',
      sql: notes('EXISTS (SELECT FROM tasks t JOIN projects p ON p.id = t.project_id WHERE t.id = task_id)'),
    },
  ],
}
