import { protectTable } from '../../../src/sql/index.js'
import { restoreStatistics } from '../../../src/sql/statistics.js'
import type { RuleFixture } from '../rule-fixture.js'
import { a, b, roles } from '../world.js'

const staff = (
  index: string,
  columns = 'id uuid PRIMARY KEY DEFAULT gen_random_uuid()',
): string => `SET ROLE ${roles.owner};
CREATE TABLE staff (${columns}, tenant_id uuid NOT NULL, salary integer NOT NULL, email text NOT NULL, hired date);
${protectTable('staff', { indexes: [['id']] })}
${index}
GRANT SELECT ON staff TO ${roles.app};
RESET ROLE;
INSERT INTO staff (tenant_id, salary, email) VALUES ('${a}', 987654, 'ada@example.com'), ('${a}', 4000, 'alan@example.com'), ('${b}', 5000, 'bea@example.com');
ANALYZE staff;`

/** Halves what is left until the largest salary of all tenants stands there, asking a count of rows above `middle`. */
const search = (count: string): string => `SET LOCAL enable_seqscan = off;
  DO $$ DECLARE low integer := 0; high integer := 1048576; middle integer; plan json; before bigint; others bigint; BEGIN
    WHILE high - low > 1 LOOP
      middle := (low + high) / 2;
      ${count}
      IF coalesce(others, 0) > 0 THEN low := middle; ELSE high := middle; END IF;
    END LOOP;
    PERFORM set_config('attack.found', high::text, true);
  END $$;
  SELECT current_setting('attack.found') AS found`
const explain =
  search(`EXECUTE format('EXPLAIN (ANALYZE, FORMAT json) SELECT id FROM staff WHERE salary > %s', middle) INTO plan;
      others := plan -> 0 -> 'Plan' ->> 'Rows Removed by Filter';`)
const fetched = `(SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'staff')`
// Planning reads the ends of an index, and counts them too: once with the plan alone, once with the rows.
const statistics = search(`before := coalesce(${fetched}, 0);
      EXECUTE format('EXPLAIN SELECT id FROM staff WHERE salary > %s', middle);
      others := coalesce(${fetched}, 0) - before;
      EXECUTE format('SELECT id FROM staff WHERE salary > %s', middle);
      others := coalesce(${fetched}, 0) - before - 2 * others;`)

const found = (rows: readonly Record<string, unknown>[]): boolean => rows.some((row) => row['found'] === '987654')
const withTenant = 'DROP INDEX staff_salary; CREATE INDEX ON staff (tenant_id, salary);'

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'an index by salary, and EXPLAIN ANALYZE',
      sql: staff('CREATE INDEX staff_salary ON staff (salary);'),
      object: 'DATABASE "{database}"',
      fixIs: 'person',
      decided: withTenant,
      probe: { sql: explain, harm: found },
    },
    {
      name: 'the same, and the statistics of the transaction, which everybody may read, as PostgreSQL has it',
      sql: staff('CREATE INDEX staff_salary ON staff (salary);') + restoreStatistics(),
      object: 'DATABASE "{database}"',
      fixIs: 'person',
      decided: withTenant,
      probe: { sql: statistics, harm: found },
    },
    {
      name: 'two columns, of which a later one is searched by',
      sql: staff('CREATE INDEX staff_salary ON staff (hired, salary);'),
      object: 'DATABASE "{database}"',
      fixIs: 'person',
      decided: withTenant,
      notShown: 'Of three rows the planner finds it cheaper to read the index of the tenant.',
    },
  ],
  nearMisses: [
    { name: 'indexes that begin with the tenant', sql: staff('CREATE INDEX ON staff (tenant_id, salary);') },
    {
      name: 'a generated id',
      sql: staff('', 'id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY'),
      also: ['unique-without-tenant'],
    },
    {
      name: 'a table without row-level security',
      sql: 'CREATE TABLE countries (code text PRIMARY KEY, population integer); CREATE INDEX ON countries (population)',
    },
  ],
}
