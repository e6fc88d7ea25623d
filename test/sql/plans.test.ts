// Proves from the plans that the planner chooses, as the app role, that the generated policies use the indexes: a million
// rows of a thousand tenants with TENANCY_SCALE=full, a hundredth of the rows otherwise.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { enableRowLevelSecurity, parentPolicy, protectTable, type TenantColumnType } from '../../src/sql/index.js'
import { scaled } from '../support/scale.js'
import { type LiveDatabase, openLiveDatabase } from './live-database.js'

const rows = scaled(1_000_000)
const tenants = 1000
/** Of every row before it: tenant 0 has a tenth of all rows, the others share the rest. */
const tenantNumber = `CASE WHEN n % 10 = 0 THEN 0 ELSE 1 + n % ${tenants - 1} END`

const types: Record<TenantColumnType, { sqlType: string; id: (n: string) => string }> = {
  uuid: { sqlType: 'uuid', id: (n) => `md5((${n})::text)::uuid` },
  int: { sqlType: 'integer', id: (n) => `(${n})::integer` },
  bigint: { sqlType: 'bigint', id: (n) => `9007199254740993 + (${n})` },
  text: { sqlType: 'text', id: (n) => `'tenant-' || (${n})` },
}

interface Node {
  'Node Type': string
  'Index Name'?: string
  'Index Cond'?: string
  'Relation Name'?: string
  'Plan Rows': number
  Plans?: Node[]
}

let db: LiveDatabase

beforeAll(async () => {
  db = await openLiveDatabase('SELECT')
}, 60_000)

afterAll(() => db?.close())

/** The plan's nodes, outermost first. */
async function plan(tenant: string, query: string): Promise<Node[]> {
  const { rows } = await db.asApp(tenant, `EXPLAIN (FORMAT JSON) ${query}`)
  const nodes = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(nodes)]
  return nodes(rows[0]['QUERY PLAN'][0].Plan)
}

const scans = (nodes: Node[]) =>
  nodes.flatMap((node) =>
    node['Index Name']
      ? [node['Index Name']]
      : node['Relation Name'] && node['Node Type'] === 'Seq Scan'
        ? ['Seq Scan']
        : [],
  )

describe.each(Object.entries(types))(`${rows} rows of ${tenants} tenants of type %s`, (type, { sqlType, id }) => {
  const table = `rows_${type}`
  const index = (column: string) => `${table}_tenant_id_${column}_idx`
  let tenant = ''
  let large = ''

  beforeAll(async () => {
    await db.owner.query(`
      CREATE TABLE ${table} (id int PRIMARY KEY, tenant_id ${sqlType} NOT NULL, created_at timestamptz NOT NULL, name text NOT NULL);
      INSERT INTO ${table} SELECT n, ${id(tenantNumber)}, now() - n * interval '1 second', 'row ' || n
      FROM generate_series(1, ${rows}) AS n;
      ${protectTable(table, { type: type as TenantColumnType, indexes: [['id'], ['created_at']] })}
    `)
    // VACUUM too, as autovacuum would: without it, no index-only scan.
    await db.owner.query(`VACUUM ANALYZE ${table}`)
    const named = await db.admin.query(`SELECT ${id('7')} AS tenant, ${id('0')} AS large`)
    tenant = String(named.rows[0].tenant)
    large = String(named.rows[0].large)
  }, 300_000)

  test('the app role is no owner and skips no policy, and the tenant has rows', async () => {
    const { rows: roles } = await db.asApp(tenant, 'SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = user')
    expect(roles).toEqual([{ rolsuper: false, rolbypassrls: false }])
    const seen = (await db.asApp(tenant, `SELECT count(*)::int AS n FROM ${table}`)).rows[0].n
    expect(seen).toBeGreaterThan(0)
    expect(seen).toBeLessThan((rows / tenants) * 2)
  })

  test.each([
    ['all rows', `SELECT * FROM ${table}`],
    ['a count', `SELECT count(*) FROM ${table}`],
    ['some rows by another column', `SELECT * FROM ${table} WHERE name > 'row 5'`],
    ['a page by id', `SELECT * FROM ${table} WHERE id > ${rows / 2} ORDER BY id LIMIT 20`],
    ['an UPDATE', `UPDATE ${table} SET name = 'x'`],
    ['a DELETE', `DELETE FROM ${table}`],
  ])('%s: an index that begins with the tenant', async (_, query) => {
    const nodes = await plan(tenant, query)
    expect(scans(nodes)).toEqual([expect.stringMatching(`^${table}_tenant_id_(id|created_at)_idx$`)])
    const condition = nodes.map((node) => node['Index Cond']).find((cond) => cond !== undefined)
    expect(condition).toContain('(tenant_id = ')
    expect(condition).toContain("current_setting('app.tenant_id'")
  })

  test('the newest rows of a large tenant: the index gives their order, nothing is sorted', async () => {
    const nodes = await plan(large, `SELECT * FROM ${table} ORDER BY created_at DESC LIMIT 20`)
    expect(nodes.map((node) => node['Node Type'])).toEqual(['Limit', 'Index Scan'])
    expect(scans(nodes)).toEqual([index('created_at')])
  })

  test("the planner knows each tenant's share: its estimate is near the truth, for a large one and for a small one", async () => {
    for (const [who, share] of [
      [tenant, (rows * 0.9) / (tenants - 1)],
      [large, rows / 10],
    ] as const) {
      const [root] = await plan(who, `SELECT * FROM ${table}`)
      expect(root?.['Plan Rows']).toBeGreaterThan(share * 0.5)
      expect(root?.['Plan Rows']).toBeLessThan(share * 2)
    }
  })
})

describe(`${rows} rows that belong to tenants through their parents`, () => {
  const tenant = '7'
  beforeAll(async () => {
    await db.owner.query(`
      CREATE TABLE parents (id int PRIMARY KEY, tenant_id int NOT NULL);
      INSERT INTO parents SELECT n, ${tenantNumber} FROM generate_series(1, ${rows / 10}) AS n;
      CREATE TABLE children (id int PRIMARY KEY, parent_id int NOT NULL REFERENCES parents);
      INSERT INTO children SELECT n, 1 + n % ${rows / 10} FROM generate_series(1, ${rows}) AS n;
      CREATE INDEX children_parent_id_idx ON children (parent_id);
      CREATE TABLE grandchildren (id int PRIMARY KEY, child_id int NOT NULL REFERENCES children);
      INSERT INTO grandchildren SELECT n, n FROM generate_series(1, ${rows}) AS n;
      CREATE INDEX grandchildren_child_id_idx ON grandchildren (child_id);
      ${protectTable('parents', { type: 'int' })}
      ${parentPolicy('children', { type: 'int', parents: [parent] })}${enableRowLevelSecurity('children')}
      ${parentPolicy('grandchildren', { type: 'int', parents: [child] })}${enableRowLevelSecurity('grandchildren')}
    `)
    for (const table of ['parents', 'children', 'grandchildren']) await db.owner.query(`VACUUM ANALYZE ${table}`)
  }, 300_000)

  const parent = { keys: [['parent_id', 'id']], required: true, table: 'parents', column: 'tenant_id' } as const
  const child = { keys: [['child_id', 'id']], required: true, table: 'children', parents: [parent] } as const

  const byIndex = (nodes: Node[]) => expect(nodes.map((node) => node['Node Type'])).not.toContain('Seq Scan')

  test.each([
    ['a child by id', 'SELECT * FROM children WHERE id = 5'],
    ['the children of a parent', 'SELECT * FROM children WHERE parent_id = 5'],
    ['a grandchild by id', 'SELECT * FROM grandchildren WHERE id = 5'],
    ['the grandchildren of a child', 'SELECT * FROM grandchildren WHERE child_id = 5'],
    ['an UPDATE of a child', 'UPDATE children SET parent_id = 5 WHERE id = 5'],
    ['a DELETE of a grandchild', 'DELETE FROM grandchildren WHERE child_id = 5'],
    [
      'children joined to their parents',
      'SELECT * FROM parents JOIN children ON parent_id = parents.id WHERE parents.id = 5',
    ],
  ])('%s: every table on the way is read by an index', async (_, query) => {
    byIndex(await plan(tenant, query))
  })

  test('all children: the table itself is read whole, its parents by an index', async () => {
    const nodes = await plan(tenant, 'SELECT * FROM children')
    const [own, ...others] = scans(nodes)
    expect(own).toBe('Seq Scan')
    expect(others.length).toBeGreaterThan(0)
    expect(others).not.toContain('Seq Scan')
  })
})
