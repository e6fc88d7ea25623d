import { showsOthers } from '../planted-policies.js'
import type { RuleFixture } from '../rule-fixture.js'
import { roles } from '../world.js'

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'ENABLE without FORCE',
      sql: 'ALTER TABLE projects NO FORCE ROW LEVEL SECURITY',
      object: '"public"."projects"',
      probe: { sql: 'SELECT tenant_id FROM projects', as: roles.owner, harm: showsOthers },
    },
    {
      name: 'the same on a table of a superuser, whom nothing holds',
      sql: 'ALTER TABLE projects NO FORCE ROW LEVEL SECURITY; ALTER TABLE projects OWNER TO CURRENT_USER',
      object: '"public"."projects"',
      level: 'info',
      notShown:
        'No policy holds a superuser, forced or not. FORCE begins to count on the day when the table gets another owner.',
    },
  ],
  nearMisses: [
    { name: 'a shared table without either', sql: 'ALTER TABLE plans NO FORCE ROW LEVEL SECURITY' },
    {
      name: 'a comment that says NO FORCE',
      sql: "COMMENT ON TABLE projects IS 'NO FORCE ROW LEVEL SECURITY'",
    },
  ],
}
