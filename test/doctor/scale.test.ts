// Proves that the doctor asks as much of a large database as of a small one: what it costs grows with what it is told, not
// with the number of its questions.
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { doctor } from '../../src/doctor/index.js'
import { runSql, startPostgres, type TestServer } from '../support/postgres.js'
import { createWorldTemplate, type World, type WorldTemplate, worldOptions } from './world.js'

const TABLES = 1000

let server: TestServer
let template: WorldTemplate
let world: World
beforeAll(async () => {
  server = await startPostgres()
  template = await createWorldTemplate(server)
  world = await template.copy()
  // A hundred tables a transaction: each holds locks on what it makes.
  for (let from = 0; from < TABLES; from += 100) {
    await runSql(
      world.adminUrl,
      `DO $do$ BEGIN FOR n IN ${from + 1}..${from + 100} LOOP
        EXECUTE format($$
          CREATE TABLE many_%1$s (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, name text, done boolean);
          CREATE INDEX ON many_%1$s (tenant_id, id);
          CREATE INDEX ON many_%1$s (tenant_id, name);
          CREATE POLICY tenant_isolation ON many_%1$s USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
          ALTER TABLE many_%1$s ENABLE ROW LEVEL SECURITY;
          ALTER TABLE many_%1$s FORCE ROW LEVEL SECURITY;
          GRANT SELECT, INSERT, UPDATE, DELETE ON many_%1$s TO doctor_app;
        $$, n);
      END LOOP; END $do$`,
    )
  }
  await runSql(world.adminUrl, 'ANALYZE')
}, 240_000)
afterAll(async () => {
  await world?.drop()
  await template?.drop()
  await server?.stop()
})

test('a thousand tables with three indexes and a policy each take under ten queries, and about a second', async () => {
  const client = new pg.Client({ connectionString: world.adminUrl })
  await client.connect()
  try {
    const { rows } = await client.query(`SELECT (SELECT count(*)::int FROM pg_policy) AS policies,
      (SELECT count(*)::int FROM pg_index JOIN pg_class ON pg_class.oid = indrelid WHERE relname LIKE 'many%') AS indexes`)
    expect(rows).toEqual([{ policies: TABLES + 2, indexes: 3 * TABLES }])
    const texts: string[] = []
    const counting = {
      query: (text: string) => {
        texts.push(text)
        return client.query(text)
      },
    }
    const start = performance.now()
    const { findings, checked } = await doctor(counting, worldOptions)
    const milliseconds = Math.round(performance.now() - start)
    const statements = texts.flatMap((text) => text.split(/;\n(?=SELECT|WITH|DO|SET)/))
    const catalogQueries = statements.filter((statement) => /\bpg_[a-z]+ /.test(statement))
    console.info(
      `${TABLES} tables: ${milliseconds} ms, ${texts.length} round trips, ${catalogQueries.length} catalog queries`,
    )
    // Which release the tests run on is no fault of the tables'.
    expect(findings.filter(({ rule }) => rule !== 'server-outdated')).toEqual([])
    expect(checked.tables).toHaveLength(TABLES + 2)
    expect(texts.length).toBeLessThan(10)
    expect(catalogQueries.length).toBeLessThan(10)
    // Twenty times what it takes on an idle machine: a query for each table would take longer still.
    expect(milliseconds).toBeLessThan(20_000)
  } finally {
    await client.end()
  }
})
