import { decoys, notes, ownRows, plant } from '../planted-policies.js'
import type { RuleFixture } from '../rule-fixture.js'

const object = '"tenant_isolation" on "public"."projects"'
const cast = "current_setting('app.tenant_id', true)::uuid"
const probe = {
  sql: 'SELECT tenant_id FROM projects',
  tenant: '',
  harm: (rows: readonly Record<string, unknown>[]) => rows.some(({ failed }) => failed === '22P02'),
}

export const fixture: RuleFixture = {
  faults: [
    { name: 'a cast without nullif', sql: plant({ using: `tenant_id = ${cast}` }), object, probe },
    {
      name: 'the same in a subquery',
      sql: plant({ using: "tenant_id = (SELECT current_setting('app.tenant_id')::uuid)" }),
      object,
      probe,
    },
    {
      name: 'a cast in a query of the parent, which is not evaluated',
      sql: notes(`EXISTS (SELECT FROM tasks t WHERE t.id = notes.task_id AND t.tenant_id = ${cast})`),
      object: '"through_task" on "public"."notes"',
      probe: { ...probe, sql: 'SELECT id FROM notes' },
    },
    {
      name: 'claims in JSON, which fail for the tenant of the doctor as well',
      sql: plant({ using: "tenant_id = (current_setting('app.tenant_id', true)::json ->> 'tenant')::uuid" }),
      object,
      probe,
    },
    {
      name: 'with more to it than the tenant, which a person has to keep',
      sql: plant({ using: `tenant_id = ${cast} AND NOT archived` }),
      object,
      fixIs: 'person',
      probe,
    },
  ],
  nearMisses: [
    {
      name: 'claims in JSON that are asked for by nullif',
      sql: plant({
        using: "tenant_id = (nullif(current_setting('app.tenant_id', true), '')::json ->> 'tenant')::uuid",
      }),
    },
    ...decoys(ownRows, (using) => plant({ using })),
    {
      name: 'a text that is compared as it is',
      sql: plant({ using: "tenant_id::text = current_setting('app.tenant_id', true)" }),
      also: ['tenant-column-wrapped'],
    },
    {
      name: "a CASE that asks for '' before",
      sql: plant({
        using: `CASE WHEN current_setting('app.tenant_id', true) = '' THEN false ELSE tenant_id = ${cast} END`,
      }),
    },
  ],
}
