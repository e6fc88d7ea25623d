import { happened, makeAppRole, othersRows } from '../harm.js'
import type { RuleFixture } from '../rule-fixture.js'
import { ownRole } from '../world.js'

const app = ownRole('app')
const reader = ownRole('Reads "all"')
const strong = ownRole('strong')
const team = ownRole('team')
const quotedReader = `"${reader.replaceAll('"', '""')}"`
const options = { appRole: app }

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a member of a role with BYPASSRLS, whose name needs quotes',
      sql: `${makeAppRole(app)} CREATE ROLE ${quotedReader} BYPASSRLS; GRANT SELECT ON projects TO ${quotedReader};
        GRANT ${quotedReader} TO ${app}`,
      roles: [app, reader],
      options,
      object: quotedReader,
      probe: { sql: `SET ROLE ${quotedReader}; SELECT tenant_id FROM projects`, harm: othersRows, as: app },
    },
    {
      name: 'a member of a role that inherits nothing, since SET ROLE asks for no inheritance',
      sql: `${makeAppRole(app, 'NOINHERIT')} CREATE ROLE ${strong} SUPERUSER; GRANT ${strong} TO ${app}`,
      roles: [app, strong],
      options,
      object: `"${strong}"`,
      probe: { sql: `SET ROLE ${strong}; SELECT tenant_id FROM projects`, harm: othersRows, as: app },
    },
    {
      name: 'a member of a team that is a member of the migrator: one finding, not one for the owner behind it as well',
      sql: `${makeAppRole(app)} CREATE ROLE ${team}; GRANT doctor_migrator TO ${team}; GRANT ${team} TO ${app}`,
      roles: [app, team],
      options,
      object: '"doctor_migrator"',
      fixIs: 'person',
      probe: { sql: 'SET ROLE doctor_migrator; SELECT tenant_id FROM projects', harm: othersRows, as: app },
    },
    {
      name: 'a membership that somebody else granted, which a REVOKE has to name',
      sql: `${makeAppRole(app)} CREATE ROLE ${strong} BYPASSRLS; GRANT SELECT ON projects TO ${strong};
        CREATE ROLE ${team}; GRANT ${strong} TO ${team} WITH ADMIN OPTION;
        SET ROLE ${team}; GRANT ${strong} TO ${app}`,
      roles: [app, strong, team],
      options,
      object: `"${strong}"`,
      probe: { sql: `SET ROLE ${strong}; SELECT tenant_id FROM projects`, harm: othersRows, as: app },
    },
    {
      name: 'a member of the owner of the tables, who can switch their policies off',
      sql: `${makeAppRole(app)} GRANT doctor_owner TO ${app}`,
      roles: [app],
      options,
      object: '"doctor_owner"',
      probe: {
        sql: 'ALTER TABLE projects DISABLE ROW LEVEL SECURITY; SELECT tenant_id FROM projects',
        harm: othersRows,
        as: app,
      },
    },
    {
      name: 'the right to give a role away, which is the right to take it',
      sql: `${makeAppRole(app)} CREATE ROLE ${strong} BYPASSRLS; GRANT SELECT ON projects TO ${strong};
        GRANT ${strong} TO ${app} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`,
      roles: [app, strong],
      options,
      since: 16,
      object: `"${strong}"`,
      probe: {
        sql: `GRANT ${strong} TO ${app} WITH SET TRUE; SET ROLE ${strong}; SELECT tenant_id FROM projects`,
        harm: othersRows,
        as: app,
      },
    },
    {
      name: 'CREATEROLE, by which it makes itself a member of any role that is no superuser',
      sql: `${makeAppRole(app, 'CREATEROLE')} CREATE ROLE ${strong} BYPASSRLS; GRANT SELECT ON projects TO ${strong}`,
      roles: [app, strong],
      options,
      before: 16,
      object: `"${app}"`,
      probe: {
        sql: `GRANT ${strong} TO ${app}; SET ROLE ${strong}; SELECT tenant_id FROM projects`,
        harm: othersRows,
        as: app,
      },
    },
    {
      name: 'a role that may run programs on the server',
      sql: `${makeAppRole(app)} GRANT pg_execute_server_program TO ${app}`,
      roles: [app],
      options,
      object: '"pg_execute_server_program"',
      probe: { sql: "COPY (SELECT 1) TO PROGRAM 'cat > /dev/null'", harm: happened, as: app },
    },
  ],
  nearMisses: [
    {
      name: 'a member of a role that only has grants',
      sql: `${makeAppRole(app)} CREATE ROLE ${team}; GRANT SELECT ON projects TO ${team}; GRANT ${team} TO ${app}`,
      roles: [app, team],
      options,
    },
    {
      name: 'the other way round: a role with BYPASSRLS is a member of the app role',
      sql: `${makeAppRole(app)} CREATE ROLE ${strong} BYPASSRLS; GRANT ${app} TO ${strong}`,
      roles: [app, strong],
      options,
    },
    {
      name: 'rights of a role with BYPASSRLS, which are inherited, while the attribute is not and SET ROLE is refused',
      sql: `${makeAppRole(app)} CREATE ROLE ${strong} BYPASSRLS; GRANT ${strong} TO ${app} WITH INHERIT TRUE, SET FALSE`,
      roles: [app, strong],
      options,
      since: 16,
    },
    {
      name: 'a member of the owner and of a role that may run programs, without their rights and without SET',
      sql: `${makeAppRole(app)} GRANT doctor_owner, pg_execute_server_program TO ${app} WITH INHERIT FALSE, SET FALSE`,
      roles: [app],
      options,
      since: 16,
    },
    {
      name: 'CREATEROLE, which from PostgreSQL 16 on reaches no role that is there already',
      sql: makeAppRole(app, 'CREATEROLE'),
      roles: [app],
      options,
      since: 16,
    },
    {
      name: 'pg_read_all_data, which policies hold',
      sql: `${makeAppRole(app)} GRANT pg_read_all_data TO ${app}`,
      roles: [app],
      options,
    },
  ],
}
