// Proves that raw transaction control, a changed setting or DEALLOCATE inside one tenant's work neither loses the next
// tenant's writes nor lets later statements run as nobody or as somebody else. Each is first shown on a plain pg.Pool.
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { withTenant } from '../../src/context.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { rowsSeenBySuperuser } from '../support/database.js'
import { leftOnIdleConnections, modes, openMode } from '../support/modes.js'
import {
  cleanSession,
  type HostileWorld,
  lookAround,
  newHostileWorld,
  tenantsSeenBy,
  unharmed,
} from './hostile-world.js'

let world: HostileWorld
let clean: unknown
beforeAll(async () => {
  world = await newHostileWorld()
  clean = await cleanSession(world.db.appUrl)
})
afterAll(() => world.drop())

const begins = ['BEGIN', '/* x */ bEgIn wOrK', 'START TRANSACTION READ WRITE', 'begin isolation level serializable;']
const ends = ['COMMIT', 'commit work', 'END', '-- x\nEND TRANSACTION', 'ROLLBACK', 'ABORT', 'COMMIT AND NO CHAIN']
const chains = ['COMMIT AND CHAIN', 'ROLLBACK AND CHAIN', 'END TRANSACTION AND CHAIN', "PREPARE TRANSACTION 'x'"]
const BIND = "SELECT set_config('app.tenant_id', $1, true)"
const INSERT = 'INSERT INTO plans VALUES ($1, $2)'
const refusal = { code: 'QUERY.UNSUPPORTED', hint: expect.stringMatching(/./) }

let lastPlan = 1000
async function planIsThere(id: number): Promise<boolean> {
  return (await rowsSeenBySuperuser(world.db, 'SELECT 1 FROM plans WHERE id = $1', [id])).length === 1
}

describe('a plain pg.Pool', () => {
  let pool: pg.Pool
  afterEach(() => pool.end())

  test.each(begins)('loses the next user’s committed write after %j', async (begin) => {
    pool = new pg.Pool({ connectionString: world.db.appUrl, max: 1 })
    await pool.query(begin)
    const id = ++lastPlan
    await pool.query(INSERT, [id, 'of B'])
    await pool.end()
    expect(await planIsThere(id)).toBe(false)
    pool = new pg.Pool()
  })

  test.each([...ends, ...chains])('runs what follows %j as somebody else, or as nobody', async (end) => {
    pool = new pg.Pool({ connectionString: world.db.appUrl, max: 1 })
    await pool.query("SELECT set_config('app.tenant_id', $1, false)", [world.b.tenantId])
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query(BIND, [world.a.tenantId])
    expect(await tenantsSeenBy((sql) => client.query(sql))).toEqual([world.a.tenantId])
    await client.query(end).catch(() => client.query('ROLLBACK'))
    expect(await tenantsSeenBy((sql) => client.query(sql))).toEqual([world.b.tenantId])
    client.release()
  })

  test('lets a transaction read another tenant once a statement of it set the tenant', async () => {
    pool = new pg.Pool({ connectionString: world.db.appUrl, max: 1 })
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query(BIND, [world.a.tenantId])
    await client.query(BIND, [world.b.tenantId])
    expect(await tenantsSeenBy((sql) => client.query(sql))).toEqual([world.b.tenantId])
    await client.query('COMMIT')
    client.release()
  })

  test('fails a prepared statement for ever after DEALLOCATE ALL, as long as the client lives', async () => {
    pool = new pg.Pool({ connectionString: world.db.appUrl, max: 1 })
    const client = await pool.connect()
    const named = { name: 'plans', text: 'SELECT count(*) FROM plans' }
    await client.query(named)
    await client.query('DEALLOCATE ALL')
    for (let time = 0; time < 3; time++) await expect(client.query(named)).rejects.toMatchObject({ code: '26000' })
    client.release()
  })

  test('hands the next tenant the extra setting that one left behind', async () => {
    pool = new pg.Pool({ connectionString: world.db.appUrl, max: 1 })
    await pool.query("SELECT set_config('app.user_id', 'user of A', false)")
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query(BIND, [world.b.tenantId])
    const { rows } = await client.query("SELECT current_setting('app.user_id', true) AS id")
    expect(rows).toEqual([{ id: 'user of A' }])
    await client.query('COMMIT')
    client.release()
  })
})

describe.each(modes)('in %s mode', (mode) => {
  let opened: Awaited<ReturnType<typeof openMode>>
  beforeAll(async () => {
    opened = await openMode(mode, world.db.appUrl, { max: 1, binding: { settings: ['app.user_id'] } })
  })
  afterAll(() => opened.close())
  afterEach(async () => {
    const raw = async (sql: string) => ({ rows: await opened.prisma.$queryRawUnsafe<Record<string, unknown>[]>(sql) })
    expect((await leftOnIdleConnections(opened.pool)).join('')).toBe('')
    expect(await lookAround(world, raw)).toEqual(unharmed(world, clean))
  })
  const asA = <T>(fn: () => Promise<T>) => withTenant(world.a.tenantId, fn)
  const asB = <T>(fn: () => Promise<T>) => withTenant(world.b.tenantId, fn)

  test.each(begins)('%j is refused, and the next tenant’s write stays', async (begin) => {
    await expect(asA(() => opened.prisma.$executeRawUnsafe(begin))).rejects.toMatchObject(refusal)
    await expect(asA(() => opened.prisma.$transaction((tx) => tx.$executeRawUnsafe(begin)))).rejects.toMatchObject(
      refusal,
    )
    const id = ++lastPlan
    await asB(() => opened.prisma.plan.create({ data: { id, name: 'of B' } }))
    expect(await planIsThere(id)).toBe(true)
  })

  test.each(ends)('nothing runs after %j in an interactive transaction', async (end) => {
    const name = randomUUID()
    const later: unknown[] = []
    const transaction = asA(() =>
      opened.prisma.$transaction(async (tx) => {
        await tx.project.create({ data: { name: `${name} before` } })
        await tx.$executeRawUnsafe(end)
        for (const statement of [
          () => tx.project.create({ data: { name: `${name} after` } }),
          () => tx.$queryRawUnsafe('SELECT * FROM projects'),
          () => tx.$executeRawUnsafe('BEGIN'),
          () => tx.$executeRawUnsafe('SELECT 1'),
        ])
          later.push(await statement().catch((error: unknown) => error))
      }),
    )
    await expect(transaction).rejects.toMatchObject(refusal)
    expect(later).toHaveLength(4)
    for (const error of later) expect(error).toMatchObject(refusal)
    const written = await rowsSeenBySuperuser(world.db, 'SELECT name FROM projects WHERE starts_with(name, $1)', [name])
    expect(written).toEqual(/ROLLBACK|ABORT/.test(end) ? [] : [{ name: `${name} before` }])
  })

  test.each(chains)('%j is refused, and the transaction goes on as it was', async (chain) => {
    await asA(() =>
      opened.prisma.$transaction(async (tx) => {
        await tx.project.count()
        await expect(tx.$executeRawUnsafe(chain)).rejects.toMatchObject(refusal)
        expect(await tenantsSeenBy(async (sql) => ({ rows: await tx.$queryRawUnsafe(sql) }))).toEqual([
          world.a.tenantId,
        ])
      }),
    )
  })

  test('an extra setting that a function left behind is overwritten for every other scope', async () => {
    await asA(() => opened.prisma.$queryRawUnsafe('SELECT run($1)', "SET app.user_id = 'user of A'"))
    const read = "SELECT current_setting('app.user_id', true) AS id"
    expect(await asB(() => opened.prisma.$queryRawUnsafe(read))).toEqual([{ id: '' }])
    const b = { id: world.b.tenantId, settings: { 'app.user_id': 'user of B' } }
    expect(await withTenant(b, () => opened.prisma.$queryRawUnsafe(read))).toEqual([{ id: 'user of B' }])
    await asB(() => opened.prisma.$queryRawUnsafe('SELECT run($1)', 'RESET app.user_id'))
  })
})

describe('in pool mode, where a function of the user’s own does what raw SQL may not', () => {
  let pool: pg.Pool
  beforeAll(() => {
    pool = new TenantPool({ connectionString: world.db.appUrl, max: 1 }) as pg.Pool
  })
  afterAll(() => pool.end())
  const asA = <T>(fn: () => Promise<T>) => withTenant(world.a.tenantId, fn)

  test.each([true, false])('later statements are bound again (is_local: %s)', async (local) => {
    const change = `SELECT set_config('app.tenant_id', '${world.b.tenantId}', ${local})`
    await asA(async () => {
      const client = await pool.connect()
      await client.query('SELECT run($1)', [change])
      expect(await tenantsSeenBy((sql) => client.query(sql))).toEqual([world.a.tenantId])
      await client.query('BEGIN')
      await client.query('SELECT run($1)', [change])
      expect(await tenantsSeenBy((sql) => client.query(sql))).toEqual([world.a.tenantId])
      await client.query('SAVEPOINT s')
      await client.query('SELECT run($1)', [change])
      await client.query('ROLLBACK TO s')
      expect(await tenantsSeenBy((sql) => client.query(sql))).toEqual([world.a.tenantId])
      await client.query('COMMIT')
      client.release()
    })
    const look = (sql: string) => pool.query(sql)
    expect(await lookAround(world, look)).toMatchObject({ b: [world.b.tenantId], nobody: [], a: [world.a.tenantId] })
    await asA(() => pool.query('SELECT run($1)', ["SET app.tenant_id = ''"]))
  })

  test('a prepared statement works again after DEALLOCATE ALL', async () => {
    const named = { name: 'own', text: 'SELECT DISTINCT tenant_id::text AS tenant FROM projects' }
    for (let time = 0; time < 3; time++) {
      expect((await asA(() => pool.query(named))).rows).toEqual([{ tenant: world.a.tenantId }])
      await asA(() => pool.query('SELECT run($1)', ['DEALLOCATE ALL']))
    }
  })
})
