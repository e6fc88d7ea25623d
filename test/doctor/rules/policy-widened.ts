import { makeAppRole } from '../harm.js'
import { decoys, ownRows, plant, showsOthers } from '../planted-policies.js'
import type { RuleFixture } from '../rule-fixture.js'
import { ownRole } from '../world.js'

const probe = { sql: 'SELECT tenant_id FROM projects', harm: showsOthers }
const readers = ownRole('readers')
const app = ownRole('app')

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a policy for support staff that everybody gets',
      sql: plant({ name: 'support', clauses: 'FOR SELECT', using: 'true' }),
      object: '"support" on "public"."projects"',
      fixIs: 'person',
      probe,
    },
    {
      name: 'public rows beside the own ones',
      sql: plant({ name: '"Public: projects"', using: 'NOT archived' }),
      object: '"Public: projects" on "public"."projects"',
      fixIs: 'person',
      probe,
    },
    {
      name: 'a policy for a role whose rights the app role inherits',
      sql: `CREATE ROLE ${readers}; GRANT ${readers} TO doctor_app;
        ${plant({ name: 'readers', clauses: `TO ${readers}`, using: 'true' })}`,
      roles: [readers],
      object: '"readers" on "public"."projects"',
      fixIs: 'person',
      probe,
    },
  ],
  nearMisses: [
    {
      name: 'a policy for the migrator alone',
      sql: plant({ name: 'tenant_migrator', clauses: 'TO doctor_migrator', using: 'true' }),
    },
    {
      name: 'a restrictive policy beside it',
      sql: plant({ name: 'not_archived', clauses: 'AS RESTRICTIVE', using: 'NOT archived OR true' }),
    },
    {
      name: 'a second policy that is limited as well',
      sql: plant({ name: 'archived', clauses: 'FOR SELECT', using: `archived AND ${ownRows}` }),
    },
    {
      name: 'a policy for whoever logs in as another role',
      sql: plant({ name: 'migrator_only', using: "current_user = 'doctor_migrator'" }),
    },
    {
      name: 'a policy for a role that the app role is a member of and whose rights it does not inherit',
      sql: `CREATE ROLE ${readers}; ${makeAppRole(app, 'NOINHERIT')} GRANT ${readers} TO ${app};
        ${plant({ name: 'readers', clauses: `TO ${readers}`, using: 'true' })}`,
      roles: [app, readers],
      options: { appRole: app },
    },
    {
      name: 'the same of a membership without INHERIT',
      sql: `CREATE ROLE ${readers}; ${makeAppRole(app)} GRANT ${readers} TO ${app} WITH INHERIT FALSE;
        ${plant({ name: 'readers', clauses: `TO ${readers}`, using: 'true' })}`,
      roles: [app, readers],
      options: { appRole: app },
      since: 16,
    },
    ...decoys(ownRows, (using) => plant({ name: 'second', using })),
  ],
}
