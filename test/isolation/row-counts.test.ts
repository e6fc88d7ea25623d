// Proves that the number in a tag is that of the rows which were sent, wherever PostgreSQL describes rows and however many
// rows were affected: so what the pool compares is never wrong about an honest server. Runs on every supported PostgreSQL.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { runSql } from '../support/postgres.js'
import { type FaultScene, openScene } from './fault-scene.js'

let scene: FaultScene
let pool: TenantPool
let major: number
beforeAll(async () => {
  scene = await openScene()
  await runSql(scene.db.adminUrl, SCHEMA)
  const [row] = await runSql<{ version: number }>(
    scene.db.adminUrl,
    "SELECT current_setting('server_version_num')::int / 10000 AS version",
  )
  major = row?.version ?? 0
  pool = new TenantPool({ connectionString: scene.db.appUrl, max: 1 })
})
afterAll(async () => {
  await pool.end()
  await scene.close()
})

const SCHEMA = `
  CREATE TABLE thing (id int PRIMARY KEY, part int NOT NULL DEFAULT 1);
  INSERT INTO thing SELECT generate_series(1, 4);
  CREATE FUNCTION skip_even() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF NEW.id % 2 = 0 THEN RETURN NULL; END IF; RETURN NEW; END $$;
  CREATE TRIGGER skip_even BEFORE INSERT OR UPDATE ON thing FOR EACH ROW EXECUTE FUNCTION skip_even();
  CREATE TABLE parted (id int, part int) PARTITION BY LIST (part);
  CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
  CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
  INSERT INTO parted VALUES (1, 1), (2, 1);
  CREATE TABLE beneath (id int);
  CREATE VIEW above AS SELECT id FROM beneath;
  CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
  CREATE TRIGGER nothing INSTEAD OF UPDATE ON above FOR EACH ROW EXECUTE FUNCTION nothing();
  INSERT INTO beneath VALUES (1), (2);
  CREATE TABLE ruled (id int);
  CREATE RULE twice AS ON INSERT TO ruled DO INSTEAD
    INSERT INTO beneath SELECT NEW.id FROM generate_series(1, 2) RETURNING id;
  CREATE TABLE watched (id int);
  CREATE RULE also AS ON INSERT TO watched DO ALSO INSERT INTO beneath SELECT generate_series(10, 15);
  CREATE TABLE answered (id int);
  CREATE RULE shown AS ON INSERT TO answered DO INSTEAD SELECT 1 AS id UNION SELECT 2;
  GRANT ALL ON thing, parted, beneath, above, ruled, watched, answered TO PUBLIC;`

test.each<[text: string, rows: number, from?: number]>([
  ['SELECT id FROM thing', 4],
  ['SELECT FROM thing', 4],
  ['TABLE thing', 4],
  ['VALUES (1), (2)', 2],
  ['WITH gone AS (DELETE FROM thing WHERE false RETURNING id) SELECT 1 FROM thing', 4],
  ['WITH made AS (INSERT INTO beneath VALUES (1), (2) RETURNING id) SELECT id FROM made LIMIT 1', 1],
  // A trigger skips the even ones, in the way of two rows of four.
  ['INSERT INTO thing VALUES (11), (12), (13), (14) RETURNING id', 2],
  ['INSERT INTO thing VALUES (1), (3), (15) ON CONFLICT DO NOTHING RETURNING id', 1],
  ['INSERT INTO thing VALUES (1), (17) ON CONFLICT (id) DO UPDATE SET part = 2 WHERE false RETURNING id', 1],
  ['UPDATE thing SET part = 2 RETURNING id', 6],
  // Every row moves: a DELETE and an INSERT beneath.
  ['UPDATE parted SET part = 2 RETURNING id', 2],
  // INSTEAD OF, whose trigger skips every row.
  ['UPDATE above SET id = 3 RETURNING id', 0],
  // A rule that writes two rows for each, and one that writes six beside.
  ['INSERT INTO ruled VALUES (1), (2) RETURNING id', 4],
  ['INSERT INTO watched VALUES (1) RETURNING id', 1],
  ['DELETE FROM thing WHERE id > 10 RETURNING id', 4],
  [
    'MERGE INTO beneath USING (VALUES (1)) v (id) ON false WHEN NOT MATCHED THEN INSERT VALUES (v.id) RETURNING merge_action()',
    1,
    17,
  ],
  [
    'MERGE INTO thing USING (VALUES (1), (2)) v (id) ON thing.id = v.id WHEN MATCHED THEN DO NOTHING RETURNING v.id',
    0,
    17,
  ],
  ['EXPLAIN SELECT 1', 1],
  ['EXPLAIN ANALYZE INSERT INTO beneath VALUES (1), (2) RETURNING id', Number.NaN],
  ['SHOW server_version', 1],
  // Rows that are affected and not returned have no description, and nothing to compare.
  ['INSERT INTO beneath VALUES (1), (2)', 0],
  ['MERGE INTO beneath USING (VALUES (1)) v (id) ON false WHEN NOT MATCHED THEN INSERT VALUES (v.id)', 0],
  ['INSERT INTO answered VALUES (1)', 0],
])('%s', async (text, rows, from = 15) => {
  if (major < from) return void expect(major).toBeLessThan(from)
  const { rows: answer } = await scene.inA(() => pool.query(text))
  if (Number.isNaN(rows)) expect(answer.length).toBeGreaterThan(1)
  else expect(answer).toHaveLength(rows)
})
