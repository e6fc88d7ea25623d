import { happened, makeAppRole, othersRows } from '../harm.js'
import type { RuleFixture } from '../rule-fixture.js'
import { ownRole } from '../world.js'

const app = ownRole('app')
const quoted = ownRole('The "App"')
const other = ownRole('other')
const select = 'SELECT tenant_id FROM projects'

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'an app role with BYPASSRLS, and a name that needs quotes',
      sql: makeAppRole(quoted, 'BYPASSRLS'),
      roles: [quoted],
      options: { appRole: quoted },
      object: `"${quoted.replaceAll('"', '""')}"`,
      probe: { sql: select, harm: othersRows, as: quoted },
    },
    {
      name: 'an app role that is a superuser',
      sql: makeAppRole(app, 'SUPERUSER'),
      roles: [app],
      options: { appRole: app },
      object: `"${app}"`,
      fixIs: 'person',
      probe: { sql: select, harm: othersRows, as: app },
    },
    {
      name: 'an app role that may stream the whole server',
      sql: makeAppRole(app, 'REPLICATION'),
      roles: [app],
      options: { appRole: app },
      object: `"${app}"`,
      // With a slot the server keeps its log for whoever copies it, and nothing asks for a tenant there.
      probe: { sql: "SELECT pg_create_physical_replication_slot('copy_of_all', true, true)", harm: happened, as: app },
    },
  ],
  nearMisses: [
    {
      name: 'another role has BYPASSRLS',
      sql: `CREATE ROLE ${other} SUPERUSER BYPASSRLS REPLICATION`,
      roles: [other],
    },
    {
      name: 'an app role that may make databases, called superuser in its comment',
      sql: `${makeAppRole(app, 'CREATEDB')} COMMENT ON ROLE ${app} IS 'SUPERUSER BYPASSRLS'`,
      roles: [app],
      options: { appRole: app },
    },
  ],
}
