import { decoys, notes, ownRows as own, plant, showsOthers, tenant } from '../planted-policies.js'
import type { RuleFixture } from '../rule-fixture.js'
import { a } from '../world.js'

const object = '"tenant_isolation" on "public"."projects"'
const always = { sql: 'SELECT tenant_id FROM projects', harm: showsOthers }
const withoutTenant = { ...always, tenant: '' }
const neverSet = { ...always, tenant: null }

export const fixture: RuleFixture = {
  faults: [
    { name: 'OR true', sql: plant({ using: `${own} OR true` }), object, probe: always },
    { name: 'OR another column', sql: plant({ using: `${own} OR NOT archived` }), object, probe: always },
    { name: 'a setting that is NULL', sql: plant({ using: `${tenant} IS NULL OR ${own}` }), object, probe: neverSet },
    {
      name: "a setting that is ''",
      sql: plant({ using: `current_setting('app.tenant_id', true) = '' OR ${own}` }),
      object,
      probe: withoutTenant,
    },
    { name: 'coalesce to true', sql: plant({ using: `coalesce(${own}, true)` }), object, probe: withoutTenant },
    {
      name: "coalesce to the row's own tenant",
      sql: plant({ using: `tenant_id = coalesce(${tenant}::uuid, tenant_id)` }),
      object,
      probe: withoutTenant,
    },
    {
      name: "coalesce to somebody's tenant",
      sql: plant({ using: `tenant_id = coalesce(${tenant}, '${a}')::uuid` }),
      object,
      probe: withoutTenant,
    },
    {
      name: 'CASE without a tenant',
      sql: plant({ using: `CASE WHEN ${tenant} IS NULL THEN true ELSE ${own} END` }),
      object,
      probe: withoutTenant,
    },
    { name: 'up to the own tenant', sql: plant({ using: `tenant_id <= ${tenant}::uuid` }), object, probe: always },
    {
      name: 'from below the own tenant on',
      sql: plant({ using: `NOT (tenant_id > ${tenant}::uuid)` }),
      object,
      probe: always,
    },
    { name: 'IS NOT FALSE', sql: plant({ using: `(${own}) IS NOT FALSE` }), object, probe: withoutTenant },
    {
      name: 'NOT (… <> …), or no tenant',
      sql: plant({ using: `NOT (tenant_id <> ${tenant}::uuid) OR ${tenant} IS NULL` }),
      object,
      probe: neverSet,
    },
    {
      name: 'a restrictive policy that fails open',
      sql: `${plant({ using: 'true' })}
        ${plant({ name: 'only_own', clauses: 'AS RESTRICTIVE', using: `${tenant} IS NULL OR ${own}` })}`,
      object: '"only_own" on "public"."projects"',
      probe: neverSet,
    },
    {
      name: 'rows without a tenant, shown to everybody',
      sql: `ALTER TABLE projects ALTER COLUMN tenant_id DROP NOT NULL; ${plant({ using: `tenant_id IS NULL OR ${own}` })}
        INSERT INTO projects (tenant_id, name) VALUES (NULL, 'for all')`,
      object,
      level: 'warning',
      also: ['tenant-column-nullable'],
      fixIs: 'person',
      probe: { sql: "SELECT name FROM projects WHERE name = 'for all'", harm: (rows) => rows.length > 0 },
    },
    {
      name: 'a child whose policy asks for its parent, or lets everybody in',
      sql: notes('draft OR EXISTS (SELECT FROM tasks t WHERE t.id = notes.task_id)'),
      object: '"through_task" on "public"."notes"',
      probe: { ...always, sql: 'SELECT id FROM notes' },
    },
  ],
  nearMisses: [
    {
      name: 'OR between two conditions that are both limited',
      sql: plant({ using: `(${own} AND archived) OR (${own} AND NOT archived)` }),
    },
    { name: 'OR true inside an AND', sql: plant({ using: `${own} AND (archived OR true)` }) },
    ...decoys(own, (using) => plant({ using })),
    { name: 'coalesce to false', sql: plant({ using: `coalesce(${own}, false)` }) },
    {
      name: 'coalesce of other columns',
      sql: plant({ using: `${own} AND coalesce(archived, true) IS NOT NULL` }),
    },
    { name: 'IS TRUE', sql: plant({ using: `(${own}) IS TRUE` }) },
    { name: 'tenant_id IS NULL where it cannot be', sql: plant({ using: `tenant_id IS NULL OR ${own}` }) },
    { name: 'IS NOT DISTINCT FROM', sql: plant({ using: `tenant_id IS NOT DISTINCT FROM ${tenant}::uuid` }) },
    { name: 'NOT (… <> …)', sql: plant({ using: `NOT (tenant_id <> ${tenant}::uuid)` }) },
    {
      name: 'CASE that shows nothing without a tenant',
      sql: plant({ using: `CASE WHEN ${tenant} IS NULL THEN false ELSE ${own} END` }),
    },
    {
      name: 'a list of tenants',
      sql: plant({ using: `tenant_id = ANY (string_to_array(${tenant}, ',')::uuid[])` }),
    },
  ],
}
