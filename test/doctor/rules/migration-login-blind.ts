import { migratorPolicy } from '../../../src/sql/index.js'
import type { RuleFixture } from '../rule-fixture.js'
import { ownRole } from '../world.js'

const migrator = ownRole('The "migrator"')
const quoted = `"${migrator.replaceAll('"', '""')}"`
const owner = ownRole('owner')

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a migrator whom the policies hold, and whose name needs quotes',
      sql: `CREATE ROLE ${quoted} LOGIN; GRANT doctor_owner TO ${quoted}`,
      roles: [migrator],
      options: { trustedRoles: [migrator] },
      object: quoted,
      fixIs: 'person',
    },
    {
      name: 'a migrator with a policy of its own on one table of two',
      sql: `CREATE ROLE ${quoted} LOGIN; GRANT doctor_owner TO ${quoted}; ${migratorPolicy('projects', { migrator })}`,
      roles: [migrator],
      options: { trustedRoles: [migrator] },
      object: quoted,
      fixIs: 'person',
      decided: migratorPolicy('tasks', { migrator }),
    },
    {
      name: 'an owner whom its own policies hold, and nobody who could migrate in its place',
      sql: `CREATE ROLE ${owner} LOGIN; ALTER TABLE projects OWNER TO ${owner}; ALTER TABLE tasks OWNER TO ${owner}`,
      roles: [owner],
      options: { trustedRoles: [] },
      object: `"${owner}"`,
      fixIs: 'person',
      decided: `ALTER ROLE doctor_migrator BYPASSRLS; GRANT ${owner} TO doctor_migrator`,
    },
  ],
  nearMisses: [
    {
      name: 'nobody is named, and there is one who can become the owner and sees everything',
      sql: '',
      options: { trustedRoles: [] },
    },
    {
      name: 'a migrator with a policy of its own on every table, where the host gives nobody BYPASSRLS',
      sql: `CREATE ROLE ${quoted} LOGIN; ${migratorPolicy('projects', { migrator })} ${migratorPolicy('tasks', { migrator })}`,
      roles: [migrator],
      options: { trustedRoles: [migrator] },
    },
    {
      name: 'tables of a superuser',
      sql: 'ALTER TABLE projects OWNER TO CURRENT_USER; ALTER TABLE tasks OWNER TO CURRENT_USER',
      options: { trustedRoles: [] },
    },
  ],
}
