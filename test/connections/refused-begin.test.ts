// Proves that a BEGIN that is refused loses no connection in a library that sends it before its `try`: it is answered, the
// statement after it meets the very refusal, ROLLBACK and the release pass, and the server hears of none of it.
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { acrossTenants, TenantPool, withoutTenant, withTenant } from '../../src/index.js'
import { type HostileWorld, newHostileWorld } from '../isolation/hostile-world.js'
import { type FlightProxy, startFlightProxy } from '../support/flight-proxy.js'
import { startPostgres } from '../support/postgres.js'
import { expectWhole, OWN } from './whole.js'

let world: HostileWorld
let proxy: FlightProxy
let pool: pg.Pool
beforeAll(async () => {
  world = await newHostileWorld()
  proxy = await startFlightProxy(await startPostgres())
})
beforeEach(() => {
  const acrossTenants = { connectionString: world.db.bypassUrl, max: 1 }
  pool = new TenantPool({ connectionString: proxy.url(world.db.appUrl), max: 1, acrossTenants }) as pg.Pool
})
afterEach(() => expectWhole(pool, world))
afterAll(async () => {
  await proxy.stop()
  await world.drop()
})

const asA = <T>(fn: () => T | PromiseLike<T>) => withTenant(world.a.tenantId, fn)
const asB = <T>(fn: () => T | PromiseLike<T>) => withTenant(world.b.tenantId, fn)
const ADD = 'UPDATE projects SET budget = budget + 1'
const refusalOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => expect.fail('refused'),
    (error: Error) => error,
  )

/** As many a library does it: BEGIN comes before the `try`. */
async function transaction<T>(begin: string, body: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  await client.query(begin)
  try {
    const result = await body(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}

/** Whose scope cannot open a transaction, and what it is told. */
const refused: Record<string, readonly [scope: <T>(fn: () => Promise<T>) => Promise<T>, refusal: object]> = {
  'without a scope': [(fn) => fn(), { name: 'NoTenantError', code: 'TENANT.REQUIRED' }],
  'with a setting that is not declared': [
    (fn) => withTenant({ id: world.a.tenantId, settings: { 'app.none': 'x' } }, fn),
    { code: 'CONFIG.INVALID' },
  ],
  "on the app role's client inside acrossTenants": [
    (fn) => acrossTenants({ reason: 'the test' }, fn),
    { code: 'TENANT.MISMATCH' },
  ],
}
const begins = ['BEGIN', 'begin;', 'START TRANSACTION ISOLATION LEVEL SERIALIZABLE']

describe.each(Object.entries(refused))('%s', (_, [scope, refusal]) => {
  test.each(['BEGIN', 'START TRANSACTION READ ONLY'])(
    '%s is answered, and the next statement is refused',
    async (begin) => {
      const client = await pool.connect()
      await asA(() => client.query(OWN))
      proxy.reset()
      await scope(async () => {
        expect((await client.query(begin)).command).toBe('BEGIN')
        expect((await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ')).command).toBe('SET')
      })
      // Of whichever scope: it believes to be in that transaction.
      const first = await refusalOf(asA(() => client.query(ADD)))
      expect(first).toMatchObject({ ...refusal, hint: expect.stringMatching(/./) })
      for (const sql of [ADD, 'SAVEPOINT s', 'BEGIN', 'COMMIT', 'SELECT 1'])
        expect(await refusalOf(scope(() => client.query(sql)))).toBe(first)
      expect((await scope(() => client.query('ROLLBACK'))).command).toBe('ROLLBACK')
      expect(proxy.statements()).toEqual([])
      expect((await asB(() => client.query(OWN))).rows).toEqual([{ tenant: world.b.tenantId }])
      client.release()
    },
  )
})

test.each(begins)('%j loses no connection in a library that sends it before its try', async (begin) => {
  for (const [scope] of Object.values(refused)) {
    const lease = pool.connect.bind(pool)
    // The client is of the app role, the transaction is opened elsewhere.
    const client = await lease()
    pool.connect = (async () => client) as never
    await scope(() => transaction(begin, (tx) => tx.query(ADD))).then(
      () => expect.fail('refused'),
      (error) => expect(error).toMatchObject({ code: expect.stringMatching(/[.]/) }),
    )
    pool.connect = lease
  }
})

test.each(['BEGIN; SELECT 1', 'BEGIN; UPDATE projects SET budget = 0; COMMIT', 'BEGIN ATOMIC'])(
  '%j is more than a BEGIN, and refused at once: nothing may follow that could be refused in its place',
  async (text) => {
    const client = await pool.connect()
    for (const scope of [asA, <T>(fn: () => T) => fn()])
      expect(await refusalOf(scope(() => client.query(text) as Promise<unknown>) as Promise<unknown>)).toMatchObject({
        code: expect.stringMatching(/^(?:QUERY.UNSUPPORTED|TENANT.REQUIRED)$/),
      })
    expect((await asB(() => client.query(OWN))).rows).toEqual([{ tenant: world.b.tenantId }])
    client.release()
  },
)

test('one whose BEGIN is refused and who asks nothing hears of it at COMMIT', async () => {
  await expect(transaction('BEGIN', async () => 'done')).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
})

test('statements that overlap BEGIN meet its refusal too, and a callback', async () => {
  const client = await pool.connect()
  const [begin, add, end] = await Promise.allSettled([
    client.query('BEGIN'),
    asA(() => client.query(ADD)),
    client.query('ROLLBACK'),
  ])
  expect([begin.status, add.status, end.status]).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  await client.query('BEGIN')
  expect(await new Promise((resolve) => client.query(ADD, resolve))).toMatchObject({ code: 'TENANT.REQUIRED' })
  client.release()
})

test('a BEGIN inside a transaction is refused at once, and the transaction lives on', async () => {
  const client = await pool.connect()
  await asA(() => client.query('BEGIN'))
  await expect(client.query('BEGIN')).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
  await expect(asB(() => client.query('BEGIN'))).rejects.toMatchObject({ code: 'TENANT.MISMATCH' })
  expect((await asA(() => client.query(OWN))).rows).toEqual([{ tenant: world.a.tenantId }])
  await asA(() => client.query('COMMIT'))
  client.release()
})

test('ROLLBACK needs no scope, in or out of a transaction; nothing else goes without one', async () => {
  const client = await pool.connect()
  await asA(() => client.query('BEGIN'))
  await asA(() => client.query(ADD))
  for (const sql of ['COMMIT', 'SAVEPOINT s', 'ROLLBACK TO s', 'SET TRANSACTION READ ONLY'])
    await expect(client.query(sql)).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
  expect((await client.query('ROLLBACK')).command).toBe('ROLLBACK')
  expect((await client.query('ROLLBACK')).command).toBe('ROLLBACK')
  expect((await withoutTenant(() => client.query('SELECT 1 AS one'))).rows).toEqual([{ one: 1 }])
  client.release()
})
