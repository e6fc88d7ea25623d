// Proves that plain pg users meet pg on a TenantPool: promises and callbacks, leases, prepared statements, results and
// errors are pg's, each bound to the scope of its caller; what cannot be bound is refused, and the pool stays usable.
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { currentTenant, tryCurrentTenant, withoutTenant, withTenant } from '../../src/context.js'
import { TenantPool, type TenantPoolConfig } from '../../src/pool/tenant-pool.js'
import { leftOnIdleConnections } from '../support/modes.js'
import { runSql } from '../support/postgres.js'
import { type HostileWorld, newHostileWorld, tenantsSeenBy } from './hostile-world.js'

let world: HostileWorld
let pool: pg.Pool
const open = (config: TenantPoolConfig = {}) =>
  new TenantPool({ connectionString: world.db.appUrl, max: 1, ...config }) as pg.Pool
beforeAll(async () => {
  world = await newHostileWorld()
  await runSql(world.db.adminUrl, "INSERT INTO plans VALUES (1, 'free'), (2, 'paid')")
})
beforeEach(() => {
  pool = open()
})
afterEach(async () => {
  expect((await leftOnIdleConnections(pool)).join('')).toBe('')
  await pool.end()
})
afterAll(() => world.drop())

const asA = <T>(fn: () => T | PromiseLike<T>) => withTenant(world.a.tenantId, fn)
const asB = <T>(fn: () => T | PromiseLike<T>) => withTenant(world.b.tenantId, fn)
const OWN = 'SELECT DISTINCT tenant_id::text AS tenant FROM projects'
const pid = async () => (await asB(() => pool.query('SELECT pg_backend_pid() AS pid'))).rows[0].pid
const refusal = { code: 'QUERY.UNSUPPORTED', hint: expect.stringMatching(/./) }
const needsTenant = { code: 'TENANT.REQUIRED' }

describe('callbacks', () => {
  test('of pool.query run in the scope of their caller, whoever opened the connection', async () => {
    await asB(() => pool.query('SELECT 1'))
    const seen = await asA(
      () =>
        new Promise((resolve) => pool.query(OWN, (error, result) => resolve([error, result.rows, currentTenant()]))),
    )
    expect(seen).toEqual([undefined, [{ tenant: world.a.tenantId }], world.a.tenantId])
  })

  test('take values, and errors, and a configuration', async () => {
    const calls = await asA(async () => [
      await new Promise((resolve) => pool.query('SELECT $1::int AS x', [1], (_, { rows }) => resolve(rows))),
      await new Promise((resolve) =>
        pool.query('SELECT nothing', (error) => resolve((error as { code?: string }).code)),
      ),
      await new Promise((resolve) => pool.query({ text: 'SELECT 2 AS x' }, (_, { rows }) => resolve(rows))),
    ])
    expect(calls).toEqual([[{ x: 1 }], '42703', [{ x: 2 }]])
    expect(await new Promise((resolve) => pool.query('SELECT 1', resolve))).toMatchObject(needsTenant)
  })

  test('of pool.connect and of the client run in the scope of their caller', async () => {
    await asB(() => pool.query('SELECT 1'))
    const seen: unknown[] = []
    await asA(
      () =>
        new Promise<void>((resolve) =>
          pool.connect((error, client, done) => {
            seen.push(error, currentTenant())
            client?.query(OWN, [], (_, result) => {
              seen.push(result.rows, currentTenant())
              done()
              resolve()
            })
          }),
        ),
    )
    expect(seen).toEqual([undefined, world.a.tenantId, [{ tenant: world.a.tenantId }], world.a.tenantId])
    expect(pool.idleCount).toBe(1)
  })

  test('that come from a lease’s client run in the scope of the query, not of the lease', async () => {
    const client = await asB(() => pool.connect())
    const tenant = await asA(() => new Promise((resolve) => client.query(OWN, () => resolve(currentTenant()))))
    expect(tenant).toBe(world.a.tenantId)
    client.release()
  })
})

describe('query objects', () => {
  test.each([
    ['a cursor', () => new Cursor(OWN)],
    ['a row stream', () => new QueryStream(OWN)],
    ['COPY FROM', () => copyFrom('COPY projects FROM STDIN')],
    ['COPY TO', () => copyTo('COPY projects TO STDOUT')],
  ])('%s is refused at once by the pool and by the object itself on a client, which stays usable', async (_, query) => {
    const before = await pid()
    await asA(async () => {
      expect(() => pool.query(query() as never)).toThrow(expect.objectContaining(refusal))
      const client = await pool.connect()
      const object = query() as { handleError?: (error: unknown) => void }
      const failed = new Promise((resolve) => {
        object.handleError = resolve
      })
      expect(client.query(object as never)).toBe(object)
      expect(await failed).toMatchObject(refusal)
      expect((await client.query(OWN)).rows).toEqual([{ tenant: world.a.tenantId }])
      client.release()
    })
    expect(await pid()).toBe(before)
  })
})

describe('set-up and events', () => {
  test('onConnect gets pg’s own client, outside any scope, and its session stays', async () => {
    const scopes: unknown[] = []
    await pool.end()
    pool = open({
      onConnect: async (client) => {
        scopes.push(tryCurrentTenant())
        await client.query("SET TIME ZONE 'Asia/Tokyo'")
        scopes.push(await tenantsSeenBy((sql) => client.query(sql)))
      },
    })
    expect((await asA(() => pool.query('SHOW timezone'))).rows).toEqual([{ TimeZone: 'Asia/Tokyo' }])
    expect((await asB(() => pool.query(OWN))).rows).toEqual([{ tenant: world.b.tenantId }])
    expect(scopes).toEqual([undefined, []])
  })

  test.each([
    ['fails', (client: pg.Client) => client.query('SELECT nothing').then(() => {}), { code: '42703' }],
    [
      'leaves a transaction open',
      (client: pg.Client) => client.query('BEGIN').then(() => {}),
      { code: 'CONFIG.INVALID' },
    ],
    [
      'turns standard_conforming_strings off',
      (client: pg.Client) => client.query('SET standard_conforming_strings = off').then(() => {}),
      { code: 'CONFIG.INVALID' },
    ],
    // In SJIS and GBK a backslash can be the second byte of a character: a string ends elsewhere than the gate believes.
    [
      'changes client_encoding',
      (client: pg.Client) => client.query("SET client_encoding = 'SJIS'").then(() => {}),
      { code: 'CONFIG.INVALID', hint: expect.stringContaining('UTF8') },
    ],
  ])('an onConnect that %s costs the connection, and the next one is tried anew', async (_, setUp, error) => {
    let bad = true
    await pool.end()
    pool = open({ onConnect: (client) => (bad ? setUp(client) : undefined) })
    await expect(asA(() => pool.query(OWN))).rejects.toMatchObject(error)
    expect(pool.totalCount).toBe(0)
    bad = false
    expect((await asA(() => pool.query(OWN))).rows).toEqual([{ tenant: world.a.tenantId }])
  })

  test('handlers run outside any scope, and their client takes no statement', async () => {
    const seen: unknown[] = []
    const handler = (event: string) => (client: pg.PoolClient) =>
      seen.push([event, tryCurrentTenant(), Promise.resolve(client.query('SELECT 1')).catch((error) => error.code)])
    for (const event of ['connect', 'acquire', 'remove'] as const) pool.on(event, handler(event))
    pool.on('release', (_, client) => handler('release')(client))
    await asA(() => pool.query('SELECT 1'))
    const client = await asA(() => pool.connect())
    asB(() => client.release(true))
    await wait(50)
    const names = new Set<unknown>()
    for (const [event, tenant, code] of seen as [string, unknown, Promise<unknown>][]) {
      names.add(event)
      expect([tenant, await code]).toEqual([undefined, 'QUERY.UNSUPPORTED'])
    }
    expect(names).toEqual(new Set(['connect', 'acquire', 'release', 'remove']))
  })

  test('the error of an idle connection carries no client that takes statements', async () => {
    const backend = await pid()
    const failed = once(pool, 'error')
    await runSql(world.db.adminUrl, 'SELECT pg_terminate_backend($1)', [backend])
    const [error, client] = (await failed) as [Error & { client: pg.PoolClient }, pg.PoolClient]
    for (const handle of [client, error.client])
      await expect(asA(() => handle.query('SELECT 1'))).rejects.toMatchObject(refusal)
    expect((await asA(() => pool.query(OWN))).rows).toEqual([{ tenant: world.a.tenantId }])
  })

  test('a notification reaches the lease that is out, outside its scope', async () => {
    await pool.end()
    pool = open({ onConnect: async (client) => void (await client.query('LISTEN news')) })
    const client = await asA(() => pool.connect())
    const heard = new Promise((resolve) => {
      client.on('notification', ({ payload }) => resolve([payload, tryCurrentTenant()]))
    })
    await asB(() => client.query("NOTIFY news, 'x'"))
    expect(await heard).toEqual(['x', undefined])
    client.release()
  })
})

describe('results and errors', () => {
  test.each<pg.QueryConfig & { rowMode?: 'array' }>([
    { text: 'SELECT id, name FROM plans ORDER BY id' },
    { text: 'SELECT id, name FROM plans ORDER BY id', rowMode: 'array' } as never,
    { text: 'SELECT now() IS NOT NULL AS b, 1.5::numeric AS n, ARRAY[1,2] AS a, \'{"x":1}\'::jsonb AS j, NULL AS z' },
    { text: 'SELECT $1::date AS d, $2::text[] AS t, $3::jsonb AS j', values: [new Date(0), ['a,"', null], { x: [1] }] },
    { text: 'SELECT 1 AS x, 2 AS x' },
    { text: 'SELECT 7 AS x', types: { getTypeParser: () => (text: string) => `parsed ${text}` } as never },
    { text: 'UPDATE plans SET name = name WHERE id < 3' },
    { text: 'SELECT name FROM plans WHERE false' },
    { text: 'SELECT id FROM plans ORDER BY id', name: 'named' },
    { text: 'VALUES (1)' },
    { text: '' },
  ])('%j answers as plain pg does', async (query) => {
    const plain = new pg.Client({ connectionString: world.db.appUrl })
    await plain.connect()
    const expected = await plain.query(query)
    await plain.end()
    const actual = await asA(() => pool.query(query))
    const facts = ({ rows, rowCount, command, fields, oid }: pg.QueryResult) => ({
      rows,
      rowCount,
      command,
      oid,
      fields: fields.map(({ name, dataTypeID, format, columnID }) => ({ name, dataTypeID, format, columnID })),
    })
    expect(facts(actual)).toEqual(facts(expected))
  })

  test('errors carry pg’s code, position and severity', async () => {
    const error = await asA(() => pool.query('SELECT nothing')).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: '42703', position: '8', severity: 'ERROR' })
    expect(error).toBeInstanceOf(pg.DatabaseError)
  })

  test('query_timeout ends the wait and costs the connection', async () => {
    const before = await pid()
    const slow = { text: 'SELECT pg_sleep(2)', query_timeout: 100 }
    await expect(asA(() => pool.query(slow as pg.QueryConfig))).rejects.toThrow('Query read timeout')
    expect((await asB(() => pool.query(OWN))).rows).toEqual([{ tenant: world.b.tenantId }])
    expect(await pid()).not.toBe(before)
  })

  test('withoutTenant sees no tenant rows, and the shared ones', async () => {
    const seen = await withoutTenant(async () => [
      (await pool.query(OWN)).rows,
      (await pool.query('SELECT name FROM plans ORDER BY id LIMIT 1')).rows,
    ])
    expect(seen).toEqual([[], [{ name: 'free' }]])
    expect((await asA(() => pool.query(OWN))).rows).toHaveLength(1)
  })
})
