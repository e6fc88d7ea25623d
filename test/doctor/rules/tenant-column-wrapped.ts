import { decoys, ownRows, plant, tenant } from '../planted-policies.js'
import type { RuleFixture } from '../rule-fixture.js'

const object = '"tenant_isolation" on "public"."projects"'
const plan = {
  prepare: `INSERT INTO projects (tenant_id, name)
    SELECT 'aaaaaaaa-0000-4000-8000-00000000000a', 'many ' || n FROM generate_series(1, 20000) n; ANALYZE projects`,
  sql: 'SELECT id FROM projects',
  slow: (text: string) => text.includes('Seq Scan'),
}

export const fixture: RuleFixture = {
  faults: [
    { name: 'the column as text', sql: plant({ using: `tenant_id::text = ${tenant}` }), object, plan },
    {
      name: 'with another condition, which stays',
      sql: plant({ using: `NOT archived AND tenant_id::text = ${tenant}` }),
      object,
      plan,
    },
  ],
  nearMisses: [
    ...decoys(ownRows, (using) => plant({ using })),
    {
      name: 'a cast beside a bare comparison, which the index serves',
      sql: plant({ using: `${ownRows} AND tenant_id::text <> ''` }),
    },
    {
      name: 'a cast that changes no byte',
      sql: `CREATE TABLE ledger (id int PRIMARY KEY, tenant_id varchar(36) NOT NULL);
        CREATE INDEX ON ledger (tenant_id, id);
        ALTER TABLE ledger ENABLE ROW LEVEL SECURITY; ALTER TABLE ledger FORCE ROW LEVEL SECURITY;
        ${plant({ table: 'ledger', using: `tenant_id = ${tenant}` })}`,
    },
  ],
}
