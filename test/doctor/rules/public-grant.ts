import { makeAppRole } from '../harm.js'
import type { RuleFixture } from '../rule-fixture.js'
import { ownRole } from '../world.js'

const app = ownRole('app')

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a tenant table that everybody may read',
      sql: 'GRANT SELECT ON projects TO PUBLIC',
      object: '"public"."projects"',
    },
    {
      name: 'one column with a name that needs quotes, of a table with such a name',
      sql: `ALTER TABLE tasks RENAME TO "My Tasks"; ALTER TABLE "My Tasks" RENAME title TO "The ""title""";
        GRANT SELECT ("The ""title"""), UPDATE ("The ""title""") ON "My Tasks" TO PUBLIC`,
      object: '"public"."My Tasks"',
    },
    {
      name: 'all rights, of which those that no policy covers are the worse ones',
      sql: 'GRANT ALL ON projects TO PUBLIC',
      object: '"public"."projects"',
      also: ['dangerous-grant'],
    },
    {
      name: 'an app role that has nothing but what everybody has, and keeps it',
      sql: `CREATE ROLE ${app} LOGIN PASSWORD '${app}'; GRANT SELECT, INSERT ON projects TO PUBLIC`,
      roles: [app],
      options: { appRole: app },
      object: '"public"."projects"',
    },
  ],
  nearMisses: [
    { name: 'a shared table that everybody may read', sql: 'GRANT SELECT ON plans TO PUBLIC' },
    {
      name: 'a tenant table granted to a role whose name begins like it',
      sql: `${makeAppRole(app)} ALTER ROLE ${app} RENAME TO "public_${app}"; GRANT ALL ON tasks TO "public_${app}"`,
      roles: [`public_${app}`],
    },
    { name: 'the schema, which everybody may enter', sql: 'GRANT USAGE ON SCHEMA public TO PUBLIC' },
  ],
}
