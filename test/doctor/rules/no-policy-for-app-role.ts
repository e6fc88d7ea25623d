import { notes, ownRows, plant } from '../planted-policies.js'
import type { RuleFixture } from '../rule-fixture.js'

const seesNothing = { sql: 'SELECT id FROM projects', harm: (rows: readonly unknown[]) => rows.length === 0 }

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'row-level security without any policy',
      sql: 'DROP POLICY tenant_isolation ON projects',
      object: '"public"."projects"',
      probe: seesNothing,
    },
    {
      name: 'a policy for another role',
      sql: plant({ clauses: 'TO doctor_bypass', using: ownRows }),
      object: '"public"."projects"',
      probe: seesNothing,
    },
    {
      name: 'a restrictive policy alone',
      sql: plant({ clauses: 'AS RESTRICTIVE', using: ownRows }),
      object: '"public"."projects"',
      probe: seesNothing,
    },
    {
      name: 'a child table with row-level security and no policy',
      sql: notes(),
      object: '"public"."notes"',
      probe: { ...seesNothing, sql: 'SELECT id FROM notes' },
    },
  ],
  nearMisses: [
    {
      name: 'a table that the app role is granted nothing on',
      sql: 'DROP POLICY tenant_isolation ON projects; REVOKE ALL ON projects FROM doctor_app',
    },
    { name: 'a policy that reaches the app role by name', sql: plant({ clauses: 'TO doctor_app', using: ownRows }) },
    {
      name: 'policies for some commands only, as for a table that is read alone',
      sql: plant({ clauses: 'FOR SELECT', using: ownRows }),
    },
  ],
}
