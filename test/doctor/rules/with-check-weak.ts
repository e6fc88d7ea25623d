import { decoys, goesThrough, ownRows, plant } from '../planted-policies.js'
import type { RuleFixture } from '../rule-fixture.js'
import { a } from '../world.js'

const object = '"tenant_isolation" on "public"."projects"'
const forges = {
  sql: `INSERT INTO projects (tenant_id, name) VALUES ('${a}', 'forged'); SELECT true AS done`,
  harm: goesThrough,
}

export const fixture: RuleFixture = {
  faults: [
    { name: 'WITH CHECK (true)', sql: plant({ using: ownRows, check: 'true' }), object, probe: forges },
    {
      name: 'a weak policy for INSERT alone',
      sql: plant({ name: 'anybody_adds', clauses: 'FOR INSERT', check: 'true' }),
      object: '"anybody_adds" on "public"."projects"',
      probe: forges,
    },
    {
      name: 'rows that may be given away',
      sql: `${plant({ clauses: 'FOR SELECT', using: ownRows })}
        ${plant({ name: 'change', clauses: 'FOR UPDATE', using: ownRows, check: "name <> ''" })}`,
      object: '"change" on "public"."projects"',
      // A statement that reads is asked by the policy for SELECT as well, for the new rows too; this one does not read.
      probe: {
        sql: `DELETE FROM tasks; UPDATE projects SET tenant_id = '${a}', name = 'handed over'; SELECT true AS done`,
        harm: goesThrough,
      },
    },
    {
      name: 'a check that holds only where a tenant is set',
      sql: plant({ using: ownRows, check: `current_setting('app.tenant_id', true) = '' OR ${ownRows}` }),
      object,
      probe: { ...forges, tenant: '' },
    },
  ],
  nearMisses: [
    ...decoys(ownRows, (check) => plant({ using: ownRows, check })),
    { name: 'no WITH CHECK: USING stands in for it', sql: plant({ using: ownRows }) },
    {
      name: 'one policy for each command',
      sql: `${plant({ clauses: 'FOR SELECT', using: ownRows })}
        ${plant({ name: 'adds', clauses: 'FOR INSERT', check: ownRows })}
        ${plant({ name: 'changes', clauses: 'FOR UPDATE', using: ownRows })}
        ${plant({ name: 'deletes', clauses: 'FOR DELETE', using: ownRows })}`,
    },
    {
      name: 'a weak check that a restrictive policy limits',
      sql: `${plant({ using: ownRows, check: 'true' })}
        ${plant({ name: 'own', clauses: 'AS RESTRICTIVE', using: 'true', check: ownRows })}`,
    },
  ],
}
