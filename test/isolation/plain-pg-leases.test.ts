// Proves that a lease of a TenantPool, with plain pg, never runs a statement for the wrong tenant: not between its
// transactions, not after one failed, not after its release, not under a prepared statement's name.
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { withoutTenant, withTenant } from '../../src/context.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { rowsSeenBySuperuser } from '../support/database.js'
import { leftOnIdleConnections } from '../support/modes.js'
import { type HostileWorld, newHostileWorld } from './hostile-world.js'

let world: HostileWorld
let pool: pg.Pool
const settings = ['app.user_id']
beforeAll(async () => {
  world = await newHostileWorld()
})
beforeEach(() => {
  pool = new TenantPool({ connectionString: world.db.appUrl, max: 1, settings }) as pg.Pool
})
afterEach(async () => {
  expect((await leftOnIdleConnections(pool, ['app.tenant_id', ...settings])).join('')).toBe('')
  expect((await asB(() => pool.query(OWN))).rows).toEqual([{ tenant: world.b.tenantId }])
  await pool.end()
})
afterAll(() => world.drop())

const asA = <T>(fn: () => T | PromiseLike<T>) => withTenant(world.a.tenantId, fn)
const asB = <T>(fn: () => T | PromiseLike<T>) => withTenant(world.b.tenantId, fn)
const OWN = 'SELECT DISTINCT tenant_id::text AS tenant FROM projects'
const pid = async () => (await asB(() => pool.query('SELECT pg_backend_pid() AS pid'))).rows[0].pid
const refusal = { code: 'QUERY.UNSUPPORTED', hint: expect.stringMatching(/./) }
const budgetOf = async (tenant: { tenantId: string }) =>
  (
    await rowsSeenBySuperuser(world.db, 'SELECT sum(budget)::int AS sum FROM projects WHERE tenant_id = $1', [
      tenant.tenantId,
    ])
  )[0]?.['sum'] as number
const ADD = 'UPDATE projects SET budget = budget + 1'

describe('transactions in a lease', () => {
  test('two of them with autocommit statements between, each its own tenant’s', async () => {
    const [a, b] = [await budgetOf(world.a), await budgetOf(world.b)]
    const client = await pool.connect()
    await asA(async () => {
      await client.query('BEGIN')
      expect((await client.query(ADD)).rowCount).toBe(3)
      await client.query('ROLLBACK')
      expect((await client.query(ADD)).rowCount).toBe(3)
    })
    await asB(async () => {
      await client.query('BEGIN ISOLATION LEVEL SERIALIZABLE')
      expect((await client.query('SHOW transaction_isolation')).rows).toEqual([
        { transaction_isolation: 'serializable' },
      ])
      expect((await client.query(ADD)).rowCount).toBe(3)
      expect((await client.query('COMMIT')).command).toBe('COMMIT')
      expect((await client.query(OWN)).rows).toEqual([{ tenant: world.b.tenantId }])
    })
    client.release()
    expect([await budgetOf(world.a), await budgetOf(world.b)]).toEqual([a + 3, b + 3])
  })

  test('outside a transaction two tenants who alternate, or overlap, each see their own', async () => {
    const client = await pool.connect()
    for (const [tenant, as] of [
      [world.a, asA],
      [world.b, asB],
      [world.a, asA],
    ] as const)
      expect((await as(() => client.query(OWN))).rows).toEqual([{ tenant: tenant.tenantId }])
    const answers = await Promise.all([asA, asB, asA, withoutTenant, asB].map((as) => as(() => client.query(OWN))))
    expect(answers.map(({ rows }) => rows[0]?.tenant)).toEqual([
      world.a.tenantId,
      world.b.tenantId,
      world.a.tenantId,
      undefined,
      world.b.tenantId,
    ])
    client.release()
  })

  test('an open one takes no statement of another scope, and lives on', async () => {
    const client = await pool.connect()
    await asA(() => client.query('BEGIN'))
    const mismatch = { code: 'TENANT.MISMATCH', hint: expect.stringContaining('withTenant') }
    for (const held of [true, false]) {
      for (const sql of [OWN, 'COMMIT', 'SAVEPOINT s', 'SET LOCAL statement_timeout = 1', 'BEGIN'])
        await expect(asB(() => client.query(sql))).rejects.toMatchObject(mismatch)
      await expect(withoutTenant(() => client.query(OWN))).rejects.toMatchObject(mismatch)
      const asUser = { id: world.a.tenantId, settings: { 'app.user_id': 'x' } }
      await expect(withTenant(asUser, () => client.query(OWN))).rejects.toMatchObject(mismatch)
      await expect(client.query(OWN)).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
      if (held) expect((await asA(() => client.query(OWN))).rows).toEqual([{ tenant: world.a.tenantId }])
    }
    await asA(() => client.query('COMMIT'))
    client.release()
  })

  test('a first unit that fails leaves an aborted transaction, and nothing autocommits', async () => {
    const before = await budgetOf(world.a)
    const client = await pool.connect()
    await asA(async () => {
      await client.query('BEGIN')
      await expect(client.query('SELECT nothing')).rejects.toMatchObject({ code: '42703' })
      await expect(client.query(ADD)).rejects.toMatchObject({ code: '25P02' })
      expect((await client.query('COMMIT')).command).toBe('ROLLBACK')
    })
    client.release()
    expect(await budgetOf(world.a)).toBe(before)
  })

  test('a BEGIN that fails itself leaves a dead lease, and nothing autocommits', async () => {
    const before = await budgetOf(world.a)
    const old = await pid()
    const client = await pool.connect()
    await asA(async () => {
      await client.query('BEGIN READ WRITE,')
      await expect(client.query(ADD)).rejects.toMatchObject({
        code: '42601',
      })
      for (const sql of [ADD, 'BEGIN', 'COMMIT', OWN]) await expect(client.query(sql)).rejects.toMatchObject(refusal)
      expect((await client.query('ROLLBACK')).command).toBe('ROLLBACK')
      await expect(client.query(ADD)).rejects.toMatchObject(refusal)
    })
    client.release()
    expect(await budgetOf(world.a)).toBe(before)
    expect(await pid()).not.toBe(old)
  })

  test('one that is left open dies with its connection; one that never began costs nothing', async () => {
    const before = await budgetOf(world.a)
    const old = await pid()
    const idle = await pool.connect()
    await asA(() => idle.query('BEGIN'))
    idle.release()
    expect(await pid()).toBe(old)
    const client = await pool.connect()
    await asA(() => client.query('BEGIN'))
    await asA(() => client.query(ADD))
    client.release()
    expect(await pid()).not.toBe(old)
    expect(await budgetOf(world.a)).toBe(before)
  })

  test('SET TRANSACTION, savepoints and SET LOCAL stand where PostgreSQL wants them', async () => {
    const client = await pool.connect()
    await asA(async () => {
      await client.query('BEGIN')
      await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ')
      await client.query('SAVEPOINT s')
      await client.query("SET LOCAL statement_timeout = '7s'")
      await expect(client.query('SELECT nothing')).rejects.toMatchObject({ code: '42703' })
      await client.query('ROLLBACK TO s')
      expect((await client.query('SHOW transaction_isolation')).rows[0]).toEqual({
        transaction_isolation: 'repeatable read',
      })
      expect((await client.query(OWN)).rows).toEqual([{ tenant: world.a.tenantId }])
      await client.query('COMMIT')
      await expect(client.query('SET LOCAL statement_timeout = 1')).rejects.toMatchObject(refusal)
    })
    client.release()
  })

  test.each(['BEGIN', 'COMMIT', 'SAVEPOINT s', 'SET TRANSACTION READ ONLY'])(
    'pool.query(%j) is refused',
    async (sql) => {
      await expect(asA(() => pool.query(sql))).rejects.toMatchObject({
        code: 'QUERY.UNSUPPORTED',
        hint: expect.stringContaining('pool.connect()'),
      })
    },
  )
})

describe('a released client', () => {
  test('takes no statement, in promises or callbacks, and is released once', async () => {
    const client = await pool.connect()
    client.release()
    await expect(asA(() => client.query(OWN))).rejects.toMatchObject(refusal)
    const error = await asA(() => new Promise((resolve) => client.query(OWN, resolve)))
    expect(error).toMatchObject(refusal)
    expect(() => client.release()).toThrow('Release called on client which has already been released to the pool.')
    expect(() => client.escapeLiteral('x')).toThrow(expect.objectContaining(refusal))
  })

  test('does not finish what was queued on it, and its connection is destroyed', async () => {
    const old = await pid()
    const before = await budgetOf(world.a)
    const client = await pool.connect()
    const queued = asA(() =>
      Promise.allSettled([client.query('SELECT pg_sleep(0.1)'), client.query(ADD), client.query('COMMIT')]),
    )
    await new Promise((resolve) => setImmediate(resolve))
    client.release()
    const [, ...rest] = await queued
    for (const { status } of rest) expect(status).toBe('rejected')
    expect(await pid()).not.toBe(old)
    expect(await budgetOf(world.a)).toBe(before)
  })
})

describe('prepared statements', () => {
  test('are bound each time, and keep their connection', async () => {
    const old = await pid()
    for (const [tenant, as] of [
      [world.a, asA],
      [world.b, asB],
      [world.a, asA],
    ] as const)
      expect((await as(() => pool.query({ name: 'own', text: OWN }))).rows).toEqual([{ tenant: tenant.tenantId }])
    expect(await pid()).toBe(old)
  })

  test('a name whose first Parse failed is usable later', async () => {
    await expect(asA(() => pool.query({ name: 'later', text: 'SELECT * FROM later' }))).rejects.toThrow(
      'does not exist',
    )
    for (let time = 0; time < 2; time++)
      expect((await asA(() => pool.query({ name: 'later', text: OWN }))).rows).toEqual([{ tenant: world.a.tenantId }])
  })

  test('a name stands for one text', async () => {
    await asA(() => pool.query({ name: 'own', text: OWN }))
    await expect(asA(() => pool.query({ name: 'own', text: 'SELECT 1' }))).rejects.toMatchObject(refusal)
    expect((await asB(() => pool.query({ name: 'own', text: OWN }))).rows).toEqual([{ tenant: world.b.tenantId }])
  })

  // What goes unbound and alone, such as ROLLBACK TO, must not be run in the place of everybody's binding or BEGIN.
  test.each(['tenancy_bind', 'tenancy_begin', 'tenancy_0'])(
    'the name %s is like any other, also for what goes unbound',
    async (name) => {
      const client = await pool.connect()
      await asA(async () => {
        await client.query('BEGIN READ WRITE')
        await client.query({ name, text: 'SAVEPOINT  s' })
        await expect(client.query({ name, text: OWN })).rejects.toMatchObject(refusal)
        await client.query('ROLLBACK')
      })
      await asB(async () => {
        await client.query('BEGIN')
        expect((await client.query({ name: 'own', text: OWN })).rows).toEqual([{ tenant: world.b.tenantId }])
        await client.query('COMMIT')
      })
      client.release()
    },
  )

  test('they work again after a hidden DEALLOCATE ALL, and in a transaction from the next one on', async () => {
    const own = { name: 'own', text: OWN }
    await asA(() => pool.query(own))
    await asA(() => pool.query('SELECT run($1)', ['DEALLOCATE ALL']))
    const client = await pool.connect()
    await asA(async () => {
      await client.query('BEGIN')
      await expect(client.query(own)).rejects.toMatchObject({ code: '26000' })
      await client.query('ROLLBACK')
      await client.query('BEGIN')
      expect((await client.query(own)).rows).toEqual([{ tenant: world.a.tenantId }])
      await client.query('COMMIT')
    })
    client.release()
  })
})

describe('extra settings', () => {
  const read = "SELECT current_setting('app.user_id', true) AS id"
  test.each(['named', ''])('of one scope never reach another, in and out of transactions (%j)', async (name) => {
    const query = { name, text: read }
    const user = { id: world.a.tenantId, settings: { 'app.user_id': 'user of A' } }
    const client = await pool.connect()
    for (let time = 0; time < 2; time++) {
      expect((await withTenant(user, () => client.query(query))).rows).toEqual([{ id: 'user of A' }])
      expect((await asA(() => client.query(query))).rows).toEqual([{ id: '' }])
      await asB(() => client.query('BEGIN'))
      expect((await asB(() => client.query(query))).rows).toEqual([{ id: '' }])
      await asB(() => client.query('COMMIT'))
      await asA(() => client.query('SELECT run($1)', ["SET app.user_id = 'left behind'"]))
      expect((await withoutTenant(() => client.query(query))).rows).toEqual([{ id: '' }])
    }
    await asA(() => client.query('SELECT run($1)', ['RESET app.user_id']))
    client.release()
  })
})
