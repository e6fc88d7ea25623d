// Proves what is left open where an index does not begin with the tenant, and what closes it: the counts of EXPLAIN ANALYZE,
// the plan of EXPLAIN and the statistics tell a value of another tenant, which no policy hides.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withTenant } from '../../src/context.js'
import { protectTable } from '../../src/sql/index.js'
import { createTestDatabase, type TenantDatabase } from '../support/database.js'
import { modes, openMode } from '../support/modes.js'
import { runSql } from '../support/postgres.js'

const SECRET = 654_321
const [a, b] = [randomUUID(), randomUUID()]
let db: TenantDatabase
beforeAll(async () => {
  db = await createTestDatabase()
  await runSql(
    db.adminUrl,
    `CREATE TABLE staff (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, salary integer NOT NULL);
     ${protectTable('staff', { indexes: [['id']] })}
     CREATE INDEX ON staff (salary);
     GRANT SELECT ON staff TO app_user;
     INSERT INTO staff (tenant_id, salary) SELECT CASE n % 2 WHEN 0 THEN '${a}'::uuid ELSE '${b}' END, n * 37 % 9000 FROM generate_series(1, 200) n;
     INSERT INTO staff (tenant_id, salary) VALUES ('${a}', ${SECRET});
     ANALYZE staff`,
  )
})
afterAll(() => db.drop())

type Rows = Record<string, unknown>[]

/** The largest salary of all, by halving what is left: is somebody else's row above this? */
async function search(isAbove: (salary: number) => Promise<boolean>): Promise<number> {
  let [low, high] = [9000, 2 ** 20]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (await isAbove(middle)) low = middle
    else high = middle
  }
  return high
}

describe.each(modes)('in %s mode', (mode) => {
  test.each(['EXPLAIN (ANALYZE, FORMAT json)', 'EXPLAIN (FORMAT json)'])(
    '%s tells the largest salary of another tenant, unless it is refused',
    async (explain) => {
      const open = await openMode(mode, db.appUrl, { max: 1 })
      const closed = await openMode(mode, db.appUrl, { max: 1, binding: { refuseExplain: true } })
      const text = (salary: number) => `${explain} SELECT id FROM staff WHERE salary > ${salary}`
      try {
        expect(
          await withTenant(b, () => open.prisma.$queryRaw<Rows>`SELECT max(salary) < 9000 AS ok FROM staff`),
        ).toEqual([{ ok: true }])
        const found = await withTenant(b, () =>
          search(async (salary) => {
            type Explained = [{ 'QUERY PLAN': [{ Plan: Record<string, unknown> }] }]
            const [row] = await open.prisma.$queryRawUnsafe<Explained>(text(salary))
            const [{ Plan }] = row['QUERY PLAN']
            // Run, the others' rows are counted; planned, the end of the index is looked up.
            if (explain.includes('ANALYZE')) return Number(Plan['Rows Removed by Filter'] ?? 0) > 0
            return Plan['Node Type'] !== 'Index Scan'
          }),
        )
        expect(found).toBe(SECRET)
        await expect(withTenant(b, () => closed.prisma.$queryRawUnsafe(text(1)))).rejects.toMatchObject({
          code: 'QUERY.UNSUPPORTED',
          message: expect.stringContaining('The statement was not sent: EXPLAIN tells of rows of other tenants.'),
        })
      } finally {
        await open.close()
        await closed.close()
      }
    },
  )

  test('the statistics that would tell it too are refused by name', async () => {
    const { prisma, close } = await openMode(mode, db.appUrl, { max: 1 })
    try {
      for (const text of [
        "SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'staff'",
        "SELECT pg_stat_get_xact_tuples_fetched('staff'::regclass)",
      ]) {
        await expect(withTenant(b, () => prisma.$queryRawUnsafe(text))).rejects.toMatchObject({
          code: 'QUERY.UNSUPPORTED',
        })
      }
    } finally {
      await close()
    }
  })
})

test('refuseExplain is true or false', async () => {
  const options = { binding: { refuseExplain: 'yes' as unknown as boolean } }
  for (const mode of modes)
    await expect(openMode(mode, db.appUrl, options)).rejects.toMatchObject({ code: 'CONFIG.INVALID' })
})
