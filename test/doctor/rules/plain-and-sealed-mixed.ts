import { sealTenants, tenantPolicy } from '../../../src/sql/index.js'
import { showsOthers } from '../planted-policies.js'
import type { RuleFixture } from '../rule-fixture.js'
import { a } from '../world.js'

/** What an attacker brings in with the statement. */
const injected = `SELECT set_config('app.tenant_id', '${a}', true), set_config('app.tenant_seal', '${a}', true)`

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a table that was forgotten when the others were sealed',
      sql: `${sealTenants()} ${tenantPolicy('tasks', { sealed: true })}`,
      options: { setting: 'app.tenant_seal' },
      object: '"tenant_isolation" on "public"."projects"',
      probe: { sql: `${injected}; SELECT tenant_id FROM projects`, harm: showsOthers },
    },
  ],
  nearMisses: [
    {
      name: 'all of them sealed',
      sql: `${sealTenants()} ${tenantPolicy('tasks', { sealed: true })} ${tenantPolicy('projects', { sealed: true })}`,
      options: { setting: 'app.tenant_seal' },
    },
    { name: 'none of them sealed, and the function there', sql: sealTenants() },
  ],
}
