// Proves that the statistics, which count rows before a policy hides them, tell a value of another tenant where everybody may
// read them, as PostgreSQL has it, and nothing where a superuser ran tenantRoles: not through a view of the user's own either.
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { withTenant } from '../../src/context.js'
import { enableRowLevelSecurity, parentPolicy, protectTable, tenantRoles } from '../../src/sql/index.js'
import { createTestDatabase, type TenantDatabase } from '../support/database.js'
import { modes, openMode } from '../support/modes.js'
import { runSql, startPostgres } from '../support/postgres.js'
import { createTemplate, ROLES, TEMPLATE } from '../support/template.js'

const SECRET = 654_321
const [a, b] = [randomUUID(), randomUUID()]
// Refused by name, the statistics are asked for by another name.
const staff = `
  CREATE TABLE staff (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, salary integer NOT NULL);
  ${protectTable('staff', { indexes: [['id']] })}
  CREATE INDEX ON staff (salary);
  CREATE VIEW fetched AS SELECT idx_tup_fetch::int AS count FROM pg_stat_xact_user_tables WHERE relname = 'staff';
  GRANT SELECT ON staff, fetched TO ${ROLES.app};
  INSERT INTO staff (tenant_id, salary) SELECT CASE n % 2 WHEN 0 THEN '${a}'::uuid ELSE '${b}' END, n * 37 % 9000 FROM generate_series(1, 200) n;
  INSERT INTO staff (tenant_id, salary) VALUES ('${a}', ${SECRET});
  CREATE TABLE bonuses (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), staff_id uuid NOT NULL REFERENCES staff, amount integer NOT NULL);
  ${parentPolicy('bonuses', { parents: [{ keys: [['staff_id', 'id']], required: true, table: 'staff', column: 'tenant_id' }] })}
  ${enableRowLevelSecurity('bonuses')}
  CREATE INDEX ON bonuses (amount);
  GRANT SELECT ON bonuses TO ${ROLES.app};
  INSERT INTO bonuses (staff_id, amount) SELECT id, salary FROM staff;
  ANALYZE staff, bonuses`
const roles = { app: ROLES.app, owner: ROLES.owner }

describe.each(modes)('in %s mode', (mode) => {
  let db: TenantDatabase
  beforeAll(async () => {
    db = await createTestDatabase()
    await runSql(db.adminUrl, staff)
  })
  afterAll(() => db.drop())

  /** The largest salary of all, by halving what is left, asking as `b` how many rows were read. */
  async function search(): Promise<number> {
    const { prisma, close } = await openMode(mode, db.appUrl, { max: 1 })
    try {
      expect(
        await withTenant(b, () => prisma.$queryRaw`SELECT max(salary) < 9000 AS ok FROM staff`), // what b may see
      ).toEqual([{ ok: true }])
      let [low, high] = [9000, 2 ** 20]
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2)
        const others = await withTenant(b, () =>
          prisma.$transaction(async (tx) => {
            const count = async () =>
              (await tx.$queryRaw<{ count: number }[]>`SELECT count FROM fetched`)[0]?.count ?? 0
            const select = `SELECT id FROM staff WHERE salary > ${middle}`
            // Planning reads the ends of an index, and counts them too: once with the plan alone, once with the rows.
            await tx.$queryRawUnsafe('SET LOCAL enable_seqscan = off')
            const start = await count()
            await tx.$queryRawUnsafe(`EXPLAIN ${select}`)
            const planned = (await count()) - start
            await tx.$queryRawUnsafe(select)
            return (await count()) - start - 2 * planned
          }),
        )
        if (others > 0) low = middle
        else high = middle
      }
      return high
    } finally {
      await close()
    }
  }

  test('the largest salary of another tenant is found out, until tenantRoles takes the statistics away', async () => {
    await runSql(db.adminUrl, tenantRoles({ ...roles, publicStatistics: true }))
    expect(await search()).toBe(SECRET)
    await runSql(db.adminUrl, tenantRoles(roles))
    await expect(search()).rejects.toThrow('permission denied for function pg_stat_get_xact_')
  })
})

describe.each([15, 16, 17, 18] as const)('on PostgreSQL %i', (major) => {
  test('no statistics that the app role may read tell whether a row of another tenant was met', async () => {
    const server = await startPostgres({ major })
    onTestFinished(() => server.stop())
    // The shared server has the template already.
    const found = await runSql(server.adminUrl, 'SELECT FROM pg_database WHERE datname = $1', [TEMPLATE])
    if (found.length === 0) await createTemplate(server.adminUrl)
    const db = await createTestDatabase(server)
    await runSql(db.adminUrl, staff)
    // Of the tables alone: what else is done in the database or on the server hides the difference in its counts at times.
    expect(await telling(db)).toEqual(
      expect.arrayContaining([
        'pg_stat_get_blocks_hit',
        'pg_stat_get_numscans', // of the parent's index, which the policy asks once a row
        'pg_stat_get_tuples_fetched',
      ]),
    )
    await runSql(db.adminUrl, tenantRoles(roles))
    expect(await telling(db)).toEqual([])
    await db.drop()
  })
})

/**
 * The functions behind the statistics that grow otherwise when a statement meets another tenant's row than when it meets
 * none, three times out of three. Asked of each relation of the table and of the database.
 */
async function telling(db: TenantDatabase): Promise<string[]> {
  const app = new Client({ connectionString: db.appUrl })
  await app.connect()
  const { rows: calls } = await app.query<{ name: string; call: string }>(`
    SELECT proname AS name, format('(SELECT jsonb_agg(to_jsonb(s)) FROM %s(%s) s)', proname, argument) AS call FROM pg_proc,
      LATERAL (SELECT '' AS argument WHERE pronargs = 0
        UNION ALL SELECT pg_backend_pid()::text WHERE proargtypes::oid[] = '[0:0]={23}'
        UNION ALL SELECT oid::text FROM pg_class WHERE proargtypes::oid[] = '[0:0]={26}' AND relname ~ '^(staff|bonuses)'
        UNION ALL SELECT oid::text FROM pg_database WHERE proargtypes::oid[] = '[0:0]={26}' AND datname = current_database()) each
    WHERE pronamespace = 'pg_catalog'::regnamespace AND proname LIKE 'pg\\_stat\\_get\\_%' AND has_function_privilege(oid, 'EXECUTE')`)
  const read = async (): Promise<string[]> =>
    Object.values((await app.query(`SELECT ${calls.map(({ call }, n) => `${call}::text AS c${n}`)}`)).rows[0])
  const growth = async (above: number): Promise<string[]> => {
    const before = await read()
    for (const query of ['staff WHERE salary', 'bonuses WHERE amount']) {
      expect((await app.query(`SELECT FROM ${query} > ${above}`)).rowCount).toBe(0)
    }
    await app.query('SELECT pg_stat_force_next_flush()')
    const after = await read()
    return after.map((text, n) => JSON.stringify([diff(before[n], text)]))
  }
  await app.query(`SET enable_seqscan = off; SET enable_bitmapscan = off; SET app.tenant_id = '${b}'`)
  const [met, none]: [string[][], string[][]] = [[], []]
  await growth(SECRET)
  for (let n = 0; n < 3; n++) {
    none.push(await growth(SECRET))
    met.push(await growth(SECRET - 1))
  }
  await app.end()
  const same = (runs: string[][], n: number) => new Set(runs.map((run) => run[n])).size === 1
  const names = calls.filter((_, n) => same(met, n) && same(none, n) && met[0]?.[n] !== none[0]?.[n])
  return [...new Set(names.map(({ name }) => name))].sort()
}

/** By how much each number in a JSON text grew; other values as they are. */
function diff(before: string | null | undefined, after: string | null): unknown {
  const numbers = (text: string | null | undefined) => (text ?? '').match(/-?\d+(\.\d+)?/g) ?? []
  const [from, to] = [numbers(before), numbers(after)]
  return to.map((value, n) => Number(value) - Number(from[n] ?? 0))
}
