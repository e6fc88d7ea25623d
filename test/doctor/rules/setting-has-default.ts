import { showsOthers } from '../planted-policies.js'
import type { RuleFixture } from '../rule-fixture.js'
import { a, roles } from '../world.js'

const probe = { sql: 'SELECT tenant_id FROM projects', tenant: null, harm: showsOthers }

/** The statement with the name of the copy in the place of %I. */
const here = (statement: string) => `DO $do$ BEGIN EXECUTE format($$${statement}$$, current_database()); END $do$`

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a default of the app role in this database',
      sql: here(`ALTER ROLE doctor_app IN DATABASE %I SET app.tenant_id = '${a}'`),
      object: 'ROLE "doctor_app" IN DATABASE "{database}"',
      probe,
    },
    {
      name: 'a default of the database, its name in capitals',
      sql: here(`ALTER DATABASE %I SET App.Tenant_ID = '${a}'`),
      object: 'DATABASE "{database}"',
      probe,
    },
    {
      name: 'a default of another role',
      sql: here(`ALTER ROLE doctor_owner IN DATABASE %I SET app.tenant_id = '${a}'`),
      object: 'ROLE "doctor_owner" IN DATABASE "{database}"',
      level: 'warning',
      probe: { ...probe, as: roles.owner },
    },
  ],
  nearMisses: [
    { name: "the default '', which is no tenant", sql: here("ALTER DATABASE %I SET app.tenant_id = ''") },
    { name: 'a default of another setting', sql: here(`ALTER DATABASE %I SET app.tenant_id_2 = '${a}'`) },
    {
      name: 'a default of the migrator',
      sql: here(`ALTER ROLE doctor_migrator IN DATABASE %I SET app.tenant_id = '${a}'`),
    },
  ],
}
