// Proves that pool.end() answers everybody: once or again, by promise or callback, those who wait for a connection, those
// who come later, and with the pool of acrossTenants behind it.
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { acrossTenants, TenantPool, withTenant } from '../../src/index.js'
import { type HostileWorld, newHostileWorld } from '../isolation/hostile-world.js'
import { runSql } from '../support/postgres.js'
import { OWN, takingUncaught, within } from './whole.js'

let world: HostileWorld
let pool: pg.Pool
beforeAll(async () => {
  world = await newHostileWorld()
})
beforeEach(() => {
  pool = new TenantPool({
    connectionString: world.db.appUrl,
    max: 1,
    acrossTenants: { connectionString: world.db.bypassUrl, max: 1 },
  }) as pg.Pool
})
afterEach(() => (pool.ending ? undefined : pool.end()))
afterAll(() => world.drop())

const inA = <T>(fn: () => T | PromiseLike<T>) => withTenant(world.a.tenantId, fn)
const own = () => inA(async () => (await pool.query(OWN)).rows)
const mine = () => [{ tenant: world.a.tenantId }]
const afterEnd = 'Cannot use a pool after calling end on the pool'
const twice = 'Called end on pool more than once'
const endedBy = () =>
  within(new Promise<unknown[]>((resolve) => pool.end((...given: unknown[]) => resolve(given))), 'the callback')

test('a callback is called, with nothing the first time and with the error the second', async () => {
  expect(await own()).toEqual(mine())
  expect((await endedBy()).filter((given) => given !== undefined)).toEqual([])
  expect(await endedBy()).toEqual([expect.objectContaining({ message: twice })])
  await expect(within(pool.end(), 'pool.end()')).rejects.toThrow(twice)
})

test('a callback that throws throws uncaught', async () => {
  const thrown = new Error('thrown by the caller')
  const uncaught = await takingUncaught(async () => {
    pool.end(() => {
      throw thrown
    })
    await new Promise((resolve) => setTimeout(resolve))
  })
  expect(uncaught).toEqual([thrown])
})

test('what comes after the end is refused, by promise and by callback', async () => {
  await pool.end()
  await expect(within(own(), 'a query')).rejects.toThrow(afterEnd)
  await expect(within(pool.connect(), 'connect')).rejects.toThrow(afterEnd)
  const calls = [
    new Promise((resolve) => inA(() => pool.query(OWN, resolve))),
    new Promise((resolve) => inA(() => pool.query(OWN, [], resolve))),
    new Promise((resolve) => pool.connect(resolve)),
  ]
  for (const call of calls) expect(await within(call, 'a callback')).toMatchObject({ message: afterEnd })
})

test('those who wait for a connection are refused at the end, and who has one is served', async () => {
  const client = await pool.connect()
  const waiting = [own(), pool.connect(), inA(() => new Promise((_, reject) => pool.query(OWN, reject)))]
  const settled = Promise.allSettled(waiting)
  await expect.poll(() => pool.waitingCount, { interval: 5 }).toBe(3)
  const ended = pool.end()
  for (const end of await within(settled, 'who waits'))
    expect(end).toMatchObject({ status: 'rejected', reason: { message: afterEnd } })
  expect((await inA(() => client.query(OWN))).rows).toEqual(mine())
  client.release()
  await within(ended, 'pool.end()')
})

test('who asks in the same tick gets an answer, whether a connection is idle or not there yet', async () => {
  const fresh = own()
  const ended = pool.end()
  expect(await within(fresh, 'a query')).toEqual(mine())
  await within(ended, 'pool.end()')
  const warm = new TenantPool({ connectionString: world.db.appUrl, max: 1 })
  await inA(() => warm.query(OWN))
  const asked = inA(() => warm.query(OWN))
  const warmEnded = warm.end()
  await expect(within(asked, 'a query')).rejects.toThrow(afterEnd)
  await within(warmEnded, 'pool.end()')
})

test('a pool of acrossTenants that lost its connections, or never had any, does not keep the end waiting', async () => {
  expect(await acrossTenants({ reason: 'the test' }, async () => (await pool.query('SELECT 1 AS one')).rows)).toEqual([
    { one: 1 },
  ])
  pool.on('error', () => {})
  await runSql(
    world.db.adminUrl,
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'bypass_user'",
  )
  await within(pool.end(), 'pool.end()')
  const unreachable = new TenantPool({
    connectionString: world.db.appUrl,
    acrossTenants: { connectionString: 'postgres://nobody@127.0.0.1:1/none' },
  })
  await expect(acrossTenants({ reason: 'the test' }, () => unreachable.query('SELECT 1'))).rejects.toThrow(
    'ECONNREFUSED',
  )
  await within(unreachable.end(), 'pool.end()')
})
