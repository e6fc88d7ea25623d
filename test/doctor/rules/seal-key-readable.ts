import { sealTenants } from '../../../src/sql/index.js'
import { happened } from '../harm.js'
import type { RuleFixture } from '../rule-fixture.js'
import { ownRole } from '../world.js'

const team = ownRole('team')

const sealed = `DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO doctor_owner', current_database()); END $$;
  SET ROLE doctor_owner;
  ${sealTenants()}
  RESET ROLE;
  INSERT INTO tenancy.seal_keys (key_id, inner_pad, outer_pad) VALUES ('k1', decode(repeat('36', 64), 'hex'), decode(repeat('5c', 64), 'hex'));`
const read = 'SELECT key_id, inner_pad FROM tenancy.seal_keys'
const keys = (rows: readonly Record<string, unknown>[]): boolean => rows.some(({ key_id }) => key_id === 'k1')

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a grant on everything, and row-level security off for a look at the keys',
      sql: `${sealed} GRANT USAGE ON SCHEMA tenancy TO doctor_app; GRANT ALL ON ALL TABLES IN SCHEMA tenancy TO PUBLIC;
        ALTER TABLE tenancy.seal_keys DISABLE ROW LEVEL SECURITY`,
      object: '"tenancy"."seal_keys"',
      level: 'error',
      probe: { sql: read, harm: keys },
    },
    {
      name: 'a policy that shows the keys, and a grant on their columns',
      sql: `${sealed} GRANT USAGE ON SCHEMA tenancy TO doctor_app; GRANT SELECT (key_id, inner_pad) ON tenancy.seal_keys TO doctor_app;
        CREATE POLICY "for the ""app""" ON tenancy.seal_keys USING (true)`,
      object: '"tenancy"."seal_keys"',
      level: 'error',
      probe: { sql: read, harm: keys },
    },
    {
      name: 'a grant to a team, once row-level security is off',
      sql: `${sealed} ALTER TABLE tenancy.seal_keys DISABLE ROW LEVEL SECURITY; CREATE ROLE ${team}; GRANT ${team} TO doctor_app;
        GRANT USAGE ON SCHEMA tenancy TO ${team}; GRANT SELECT ON tenancy.seal_keys TO ${team}`,
      roles: [team],
      object: '"tenancy"."seal_keys"',
      level: 'error',
      probe: { sql: read, harm: keys },
    },
    {
      name: 'a grant alone: one of two nets',
      sql: `${sealed} GRANT USAGE ON SCHEMA tenancy TO doctor_app; GRANT SELECT ON tenancy.seal_keys TO doctor_app`,
      object: '"tenancy"."seal_keys"',
      level: 'warning',
      notShown:
        'Row-level security still hides every key from whoever has the grant. It takes a second fault, as the ones above have it, for a statement to read one.',
    },
    {
      name: 'TRUNCATE, which row-level security does not cover: nobody could make a seal any more',
      sql: `${sealed} GRANT USAGE ON SCHEMA tenancy TO doctor_app; GRANT TRUNCATE ON tenancy.seal_keys TO doctor_app`,
      object: '"tenancy"."seal_keys"',
      probe: { sql: 'TRUNCATE tenancy.seal_keys', harm: happened },
    },
  ],
  nearMisses: [
    { name: 'the keys as our own SQL leaves them', sql: sealed },
    {
      name: 'the function that checks the seal, which everybody calls',
      sql: `${sealed} GRANT USAGE ON SCHEMA tenancy TO doctor_app; GRANT EXECUTE ON FUNCTION tenancy.tenant_id() TO doctor_app`,
    },
    {
      name: 'a table of that name elsewhere',
      sql: 'CREATE TABLE seal_keys (key_id text); GRANT SELECT ON seal_keys TO doctor_app',
    },
  ],
}
