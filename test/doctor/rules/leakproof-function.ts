import type { RuleFixture } from '../rule-fixture.js'

// It stands for any function that tells what it saw: this one writes it down where its caller reads it.
const peeks = `LANGUAGE plpgsql COST 0.0001 AS $$
  BEGIN
    PERFORM set_config('peek.seen', coalesce(current_setting('peek.seen', true), '') || $1 || ';', true);
    RETURN true;
  END $$`

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a function that is called leakproof and tells what it saw',
      sql: `CREATE FUNCTION "Peek"(text) RETURNS boolean LEAKPROOF ${peeks}`,
      object: '"public"."Peek"(text)',
      probe: {
        // On an index the policy would come first by chance.
        sql: `SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off;
          SELECT count(*) FROM projects WHERE "Peek"(name); SELECT current_setting('peek.seen') AS seen`,
        harm: (rows) => rows.some(({ seen }) => String(seen).includes('second')),
      },
    },
  ],
  nearMisses: [
    { name: 'the same, not called so', sql: `CREATE FUNCTION peek(text) RETURNS boolean ${peeks}` },
    {
      name: 'one that the app role may not call',
      sql: `CREATE FUNCTION peek(text) RETURNS boolean LEAKPROOF ${peeks}; REVOKE ALL ON FUNCTION peek(text) FROM PUBLIC`,
    },
    {
      name: 'one that only its name and its comment call so',
      sql: `CREATE FUNCTION leakproof(text) RETURNS boolean ${peeks}; COMMENT ON FUNCTION leakproof IS 'LEAKPROOF'`,
    },
  ],
}
