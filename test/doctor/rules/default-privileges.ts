import type { RuleFixture } from '../rule-fixture.js'
import { ownRole } from '../world.js'

const creator = ownRole('The "creator"')
const quoted = `"${creator.replaceAll('"', '""')}"`

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'all rights on later tables for the app role',
      sql: 'ALTER DEFAULT PRIVILEGES FOR ROLE doctor_owner IN SCHEMA public GRANT ALL ON TABLES TO doctor_app',
      object: 'DEFAULT PRIVILEGES FOR ROLE "doctor_owner" IN SCHEMA "public" ON TABLES',
    },
    {
      name: 'later tables of everywhere for everybody, by a role whose name needs quotes',
      sql: `CREATE ROLE ${quoted}; ALTER DEFAULT PRIVILEGES FOR ROLE ${quoted} GRANT SELECT ON TABLES TO PUBLIC`,
      roles: [creator],
      object: `DEFAULT PRIVILEGES FOR ROLE ${quoted} ON TABLES`,
    },
    {
      name: 'the right to create in later schemas',
      sql: 'ALTER DEFAULT PRIVILEGES FOR ROLE doctor_owner GRANT USAGE, CREATE ON SCHEMAS TO doctor_app',
      object: 'DEFAULT PRIVILEGES FOR ROLE "doctor_owner" ON SCHEMAS',
    },
  ],
  nearMisses: [
    {
      name: 'all rights for the migrator',
      sql: 'ALTER DEFAULT PRIVILEGES FOR ROLE doctor_owner IN SCHEMA public GRANT ALL ON TABLES TO doctor_migrator',
    },
    {
      name: 'rows for the app role in another schema, and its sequences',
      sql: `CREATE SCHEMA crm; ALTER DEFAULT PRIVILEGES FOR ROLE doctor_owner IN SCHEMA crm
          GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO doctor_app;
        ALTER DEFAULT PRIVILEGES FOR ROLE doctor_owner IN SCHEMA crm GRANT ALL ON SEQUENCES TO doctor_app`,
    },
    {
      name: 'functions for everybody, as PostgreSQL has it',
      sql: 'ALTER DEFAULT PRIVILEGES FOR ROLE doctor_owner GRANT EXECUTE ON FUNCTIONS TO PUBLIC, doctor_app',
    },
    {
      name: 'a schema that is not looked at',
      sql: `CREATE SCHEMA crm; ALTER DEFAULT PRIVILEGES FOR ROLE doctor_owner IN SCHEMA crm GRANT ALL ON TABLES TO PUBLIC`,
      options: { schemas: ['public'] },
    },
  ],
}
