import { decoys, notes, ownRows, plant, tenant } from '../planted-policies.js'
import type { RuleFixture } from '../rule-fixture.js'

const object = '"tenant_isolation" on "public"."projects"'
const current = `CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT ${tenant}::uuid $$;`
const raises = `CREATE FUNCTION may_see(uuid) RETURNS boolean LANGUAGE plpgsql STABLE
  AS $$ BEGIN RAISE EXCEPTION 'the doctor called a function of somebody else'; END $$;`

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a function that answers the tenant, perhaps',
      sql: `${current} ${plant({ using: 'tenant_id = current_tenant()' })}`,
      object,
      fixIs: 'person',
    },
    {
      name: 'a function that decides by itself',
      sql: `${raises} ${plant({ using: 'may_see(tenant_id)' })}`,
      object,
      fixIs: 'person',
    },
    {
      name: 'a function beside the tenant',
      sql: `${raises} ${plant({ using: `${ownRows} OR may_see(tenant_id)` })}`,
      object,
      fixIs: 'person',
    },
    {
      name: 'a right that is asked for',
      sql: plant({ using: `${ownRows} OR pg_has_role('doctor_migrator', 'MEMBER')` }),
      object,
      fixIs: 'person',
    },
    {
      name: 'a parent that is found by something else than its key',
      sql: notes('EXISTS (SELECT FROM tasks t WHERE t.done = notes.draft)'),
      object: '"through_task" on "public"."notes"',
      fixIs: 'person',
    },
  ],
  nearMisses: [
    {
      name: 'a function that the options name',
      sql: `${current} ${plant({ using: 'tenant_id = current_tenant()' })}`,
      options: { tenantFunctions: [{ schema: 'public', name: 'current_tenant' }] },
    },
    ...decoys(`${ownRows} AND name <> 'may_see(tenant_id)'`, (using) => `${raises} ${plant({ using })}`),
    {
      name: 'a function that can only narrow',
      sql: `${raises} ${plant({ using: `${ownRows} AND may_see(tenant_id)` })}`,
    },
  ],
}
