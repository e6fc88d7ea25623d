// Proves, on a table of many rows and tenants of very different sizes, that a sealed policy keeps the index and the
// planner's estimate of this tenant's rows; and that it never ends in a scan of everybody's.
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addSealKey } from '../../src/seal-keys.js'
import { enableRowLevelSecurity, sealTenants, tenantIndexes, tenantPolicy, unsealTenants } from '../../src/sql/index.js'
import { startPostgres } from '../support/postgres.js'
import { scaled } from '../support/scale.js'
import { KEYS, sealOf } from './sealed-database.js'

const ROWS = scaled(1_000_000)
const types = {
  uuid: { sql: 'uuid', of: (n: string) => `md5('tenant ' || ${n})::uuid` },
  int: { sql: 'integer', of: (n: string) => `(${n})::integer` },
  bigint: { sql: 'bigint', of: (n: string) => `5000000000 + ${n}` },
  text: { sql: 'text', of: (n: string) => `'tenant.' || ${n}` },
} as const

interface PlanNode {
  readonly 'Node Type': string
  readonly 'Plan Rows': number
  readonly 'Actual Rows': number
  readonly 'Index Name'?: string
  readonly 'Index Cond'?: string
  readonly Plans?: readonly PlanNode[]
}

describe.each([15, 18] as const)('on PostgreSQL %i', (major) => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  let database: Awaited<ReturnType<typeof server.createDatabase>>
  let admin: pg.Client
  let app: pg.Client
  let role: string
  beforeAll(async () => {
    server = await startPostgres({ major })
    database = await server.createDatabase()
    role = `${database.name}_app`
    admin = new pg.Client({ connectionString: database.adminUrl })
    await admin.connect()
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'app'`)
    app = new pg.Client({ connectionString: database.urlFor(role, 'app') })
    await app.connect()
  }, 120_000)
  afterAll(async () => {
    await app?.end()
    await admin?.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
    await admin?.end()
    await database?.drop()
    await server?.stop()
  })

  test.each(Object.entries(types))(
    `a tenant of type %s among ${ROWS} rows`,
    async (name, { sql, of }) => {
      const type = name as keyof typeof types
      // Tenant 0 has a fifth of all rows, and a thousand others share the rest.
      await admin.query(`DROP TABLE IF EXISTS big; CREATE TABLE big (id bigint, tenant_id ${sql}, note text);
        INSERT INTO big SELECT i, ${of('CASE WHEN i % 5 = 0 THEN 0 ELSE i % 1000 END')}, 'row ' || i FROM generate_series(1, ${ROWS}) i;
        ${tenantIndexes('big')} GRANT SELECT ON big TO ${role}; ${sealTenants({ type })} ${enableRowLevelSecurity('big')}`)
      await admin.query('VACUUM ANALYZE big')
      await addSealKey(admin, KEYS.current)
      for (const n of ['0', '7']) {
        const { rows } = await admin.query(
          `SELECT (${of(n)})::text AS tenant, count(*)::int FROM big WHERE tenant_id = ${of(n)} GROUP BY 1`,
        )
        const { tenant, count } = rows[0]
        const plans: Record<string, PlanNode> = {}
        for (const sealed of [false, true]) {
          await admin.query(tenantPolicy('big', { type, sealed }))
          plans[String(sealed)] = await planFor(tenant, 'SELECT * FROM big')
        }
        const { true: sealed, false: plain } = plans as { true: PlanNode; false: PlanNode }
        expect(sealed['Actual Rows']).toBe(count)
        expect(sealed['Plan Rows']).toBe(plain['Plan Rows'])
        // The tenant's own statistics, not an average over all tenants.
        expect(sealed['Plan Rows']).toBeGreaterThan(count * 0.6)
        expect(sealed['Plan Rows']).toBeLessThan(count * 1.5)
        // Where a plain policy may scan the whole table for a tenant with a fifth of it, this one would call its function
        // for every row; by the index it is called once.
        expect(shape(sealed).indexes).toEqual(['big_tenant_id_id_idx'])
        if (n === '7') expect(shape(plain).indexes).toEqual(['big_tenant_id_id_idx'])
        const one = await planFor(tenant, 'SELECT * FROM big WHERE id = 5')
        expect(shape(one).indexes).toEqual(['big_tenant_id_id_idx'])
        expect(JSON.stringify(one)).toContain('tenancy.tenant_id()')
      }
      await admin.query(`DROP TABLE big; ${unsealTenants()}`)
    },
    300_000,
  )

  async function planFor(tenant: string, sql: string): Promise<PlanNode> {
    await app.query('BEGIN')
    await app.query(
      "SELECT set_config('app.tenant_id', $1, true), set_config('app.tenant_seal', $2, true), set_config('max_parallel_workers_per_gather', '0', true)",
      [tenant, sealOf(tenant)],
    )
    const { rows } = await app.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`)
    await app.query('COMMIT')
    return rows[0]['QUERY PLAN'][0].Plan
  }
})

function shape(node: PlanNode): { nodes: string[]; indexes: string[] } {
  const below = (node.Plans ?? []).map(shape)
  return {
    nodes: [node['Node Type'], ...below.flatMap(({ nodes }) => nodes)],
    indexes: [node['Index Name'] ?? [], ...below.map(({ indexes }) => indexes)].flat(),
  }
}
