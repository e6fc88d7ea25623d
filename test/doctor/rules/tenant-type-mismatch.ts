import { plant, tenant } from '../planted-policies.js'
import type { RuleFixture } from '../rule-fixture.js'

const ledger = (type: string) => `CREATE TABLE ledger (id int PRIMARY KEY, tenant_id integer NOT NULL);
  CREATE INDEX ON ledger (tenant_id, id);
  ALTER TABLE ledger ENABLE ROW LEVEL SECURITY; ALTER TABLE ledger FORCE ROW LEVEL SECURITY;
  ${plant({ table: 'ledger', using: `tenant_id = ${tenant}::${type}` })}
  GRANT SELECT ON ledger TO doctor_app`

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'an integer column and a numeric setting',
      sql: ledger('numeric'),
      object: '"tenant_isolation" on "public"."ledger"',
      plan: {
        prepare: 'INSERT INTO ledger SELECT n, n % 1000 FROM generate_series(1, 20000) n; ANALYZE ledger',
        tenant: '7',
        sql: 'SELECT id FROM ledger',
        slow: (text) => text.includes('Seq Scan'),
      },
    },
  ],
  nearMisses: [{ name: 'an integer column and a bigint setting, which one index serves', sql: ledger('bigint') }],
}
