// Proves that no listener, hook or option of a pool loses a connection by throwing: what a listener throws is uncaught, as
// everywhere in Node, what a set-up throws is the error of who waits for the connection, and the pool is whole afterwards.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withTenant } from '../../src/context.js'
import { channels } from '../../src/diagnostics.js'
import { TenantPool, type TenantPoolConfig } from '../../src/pool/tenant-pool.js'
import { type HostileWorld, newHostileWorld } from '../isolation/hostile-world.js'
import { startManglingProxy } from '../support/mangling-proxy.js'
import { runSql, startPostgres } from '../support/postgres.js'
import { expectWhole, OWN, takingUncaught, within } from './whole.js'

let world: HostileWorld
beforeAll(async () => {
  world = await newHostileWorld()
  await runSql(
    world.db.adminUrl,
    "CREATE FUNCTION remark() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'hear'; RETURN 1; END $$",
  )
})
afterAll(() => world.drop())

const thrown = new Error('thrown by the caller')
const throwing = (): never => {
  throw thrown
}
const open = (config: TenantPoolConfig = {}) =>
  new TenantPool({ connectionString: world.db.appUrl, max: 1, ...config }) as pg.Pool
const inA = <T>(fn: () => T | PromiseLike<T>) => within(withTenant(world.a.tenantId, fn), 'the work')

/** Queries, a lease, a transaction, a notice and a connection that is destroyed: everything that makes a pool emit. */
const work = async (pool: pg.Pool, onClient: (client: pg.PoolClient) => void = () => {}) => {
  await inA(async () => {
    expect((await pool.query(OWN)).rows).toEqual([{ tenant: world.a.tenantId }])
    for (const destroy of [false, true]) {
      const client = await pool.connect()
      onClient(client)
      await client.query('BEGIN')
      expect((await client.query('SELECT remark() AS one, tenant_id FROM projects')).rows).toHaveLength(3)
      await client.query('COMMIT')
      client.release(destroy)
    }
    expect((await pool.query('SELECT remark() AS one')).rows).toEqual([{ one: 1 }])
  })
}

const listeners: Record<string, () => [config: TenantPoolConfig, onPool?: (pool: pg.Pool) => void]> = {
  "of the pool's 'connect'": () => [{}, (pool) => pool.on('connect', throwing)],
  "of the pool's 'acquire'": () => [{}, (pool) => pool.on('acquire', throwing)],
  "of the pool's 'release'": () => [{}, (pool) => pool.on('release', throwing)],
  "of the pool's 'remove'": () => [{}, (pool) => pool.on('remove', throwing)],
  'of notices, set in onConnect': () => [{ onConnect: (client) => void client.on('notice', throwing) }],
  'of the end of queries, set in onConnect': () => [{ onConnect: (client) => void client.on('drain', throwing) }],
  'that the option log names': () => [{ log: throwing }],
}
test.each(Object.entries(listeners))('a listener %s may throw', async (_, set) => {
  const [config, onPool] = set()
  const pool = open(config)
  onPool?.(pool)
  const uncaught = await takingUncaught(async () => {
    await work(pool)
    await expectWhole(pool, world)
    await new Promise((resolve) => setImmediate(resolve))
  })
  expect(new Set(uncaught)).toEqual(new Set([thrown]))
})

test.each(['notice', 'drain', 'end'])("a lease's listener of %j may throw", async (event) => {
  const pool = open()
  const uncaught = await takingUncaught(async () => {
    await work(pool, (client) => client.on(event as 'notice', throwing))
    await expectWhole(pool, world)
  })
  // The lease of a connection that ends hears no end.
  expect(new Set(uncaught)).toEqual(new Set(event === 'end' ? [] : [thrown]))
})

test('callbacks of queries may throw', async () => {
  const pool = open()
  const uncaught = await takingUncaught(async () => {
    const client = await inA(() => pool.connect())
    await inA(() => client.query('SELECT 1', throwing))
    await inA(() => client.query('SELECT 1'))
    client.release()
    await inA(() => pool.query('SELECT 1', throwing))
    await inA(() => pool.query('SELECT 1'))
    await expectWhole(pool, world)
  })
  expect(uncaught).toEqual([thrown, thrown])
})

test('a subscriber of the binding channel may throw', async () => {
  const pool = open()
  subscribe(channels.binding, throwing)
  const uncaught = await takingUncaught(async () => {
    await work(pool)
    await expectWhole(pool, world)
  })
  unsubscribe(channels.binding, throwing)
  expect(new Set(uncaught)).toEqual(new Set([thrown]))
})

describe('a set-up that fails fails the query that waits, and the next one is tried anew', () => {
  let bad = true
  const failing: Record<string, () => TenantPoolConfig> = {
    'onConnect throws': () => ({ onConnect: () => (bad ? throwing() : undefined) }),
    'onConnect rejects': () => ({ onConnect: async () => (bad ? throwing() : undefined) }),
    'the socket cannot be made': () => ({ stream: (() => (bad ? throwing() : undefined)) as never as () => Socket }),
    'a type parser fails at the role': () => ({
      types: {
        getTypeParser: () => (text: string) => (bad ? throwing() : text === 't' ? true : text === 'f' ? false : text),
      } as never,
    }),
  }
  test.each(Object.entries(failing))('%s', async (_, config) => {
    bad = true
    const made = config()
    const pool = open(made)
    const uncaught = await takingUncaught(async () => {
      // Two: the second waits behind the first.
      const two = await inA(() => Promise.allSettled([pool.query(OWN), pool.query(OWN)]))
      for (const end of two) expect(end).toMatchObject({ status: 'rejected', reason: thrown })
      expect(pool.totalCount).toBe(0)
      bad = false
      if (!('stream' in made) && !('types' in made)) await expectWhole(pool, world)
      else await within(pool.end(), 'pool.end()')
    })
    expect(uncaught).toEqual([])
  })
})

test('an answer that the protocol does not allow is the error of its query alone', async () => {
  const proxy = await startManglingProxy(await startPostgres())
  const pool = open({ connectionString: proxy.url(world.db.appUrl) })
  const uncaught = await takingUncaught(async () => {
    await inA(() => pool.query(OWN))
    // A second row for the binding.
    proxy.mangle((answer) => answer.flatMap((message) => (message.type === 'D' ? [message, message] : [message])))
    await expect(inA(() => pool.query('SELECT 1'))).rejects.toMatchObject({ code: 'CONNECTION.BIND_FAILED' })
    proxy.mangle(undefined)
    await expectWhole(pool, world)
  })
  expect(uncaught).toEqual([])
  await proxy.stop()
})
