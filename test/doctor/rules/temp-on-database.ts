import type { RuleFixture } from '../rule-fixture.js'
import { a, b, ownRole } from '../world.js'

const team = ownRole('team')
const grant = (to: string): string =>
  `DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO ${to}', current_database()); END $$`

// The request of B leaves a table behind on the connection, and the one of A after it reads B's rows.
const left = `CREATE TEMP TABLE projects AS SELECT * FROM public.projects;
  SELECT set_config('app.tenant_id', '${a}', true); SELECT tenant_id FROM projects`
const bsRows = (rows: readonly Record<string, unknown>[]): boolean => rows.some(({ tenant_id }) => tenant_id === b)

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'TEMPORARY for everybody, as PostgreSQL has it',
      sql: grant('PUBLIC'),
      object: 'DATABASE "{database}"',
      probe: { sql: left, harm: bsRows },
    },
    {
      name: 'TEMPORARY by way of a team',
      sql: `CREATE ROLE ${team}; GRANT ${team} TO doctor_app; ${grant(team)}`,
      roles: [team],
      object: 'DATABASE "{database}"',
      probe: { sql: left, harm: bsRows },
    },
  ],
  nearMisses: [
    { name: 'TEMPORARY for the migrator', sql: grant('doctor_migrator') },
    { name: 'TEMPORARY for a role of nobody', sql: `CREATE ROLE ${team}; ${grant(team)}`, roles: [team] },
    { name: 'a schema of that name', sql: 'CREATE SCHEMA temporary; GRANT USAGE ON SCHEMA temporary TO doctor_app' },
  ],
}
