// Proves that the proxy counts flights as a network would: one for what is written together, one for each wait.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'

import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'

import { createTestDatabase, type TenantDatabase } from './database.js'
import { type FlightProxy, startFlightProxy } from './flight-proxy.js'
import { startPostgres } from './postgres.js'

let db: TenantDatabase
let proxy: FlightProxy
let client: pg.Client

beforeAll(async () => {
  db = await createTestDatabase()
  const { host, port } = await startPostgres()
  proxy = await startFlightProxy({ host, port })
})
afterAll(async () => {
  await proxy.stop()
  await db.drop()
})
beforeEach(async () => {
  client = await connected(proxy)
  proxy.reset()
})
afterEach(() => client.end())

async function connected(through: FlightProxy, options: { pipeline?: boolean } = {}): Promise<pg.Client> {
  const opened = new pg.Client({ connectionString: through.url(db.appUrl), ...options })
  await opened.connect()
  return opened
}

test('start-up, authentication and the end of a connection are no flights', async () => {
  const other = await connected(proxy)
  await other.end()
  expect(proxy.flights()).toBe(0)
  expect(proxy.transactionStatuses()).toEqual([])
})

test('a client that asks for encryption is told that there is none', async () => {
  const other = new pg.Client({ connectionString: proxy.url(db.appUrl), ssl: true })
  await expect(other.connect()).rejects.toThrow('The server does not support SSL connections')
})

test('a simple query is one flight', async () => {
  await client.query('SELECT 1')
  expect(proxy.flights()).toBe(1)
  expect(proxy.statements()).toEqual(['SELECT 1'])
})

test('an extended query is one flight, and its text is recorded each time it is executed', async () => {
  const named = { name: 'answer', text: 'SELECT $1::int AS answer', values: [42] }
  await client.query(named)
  expect(proxy.flights()).toBe(1)
  await client.query(named)
  expect(proxy.flights()).toBe(2)
  await client.query('SELECT $1::text', ['unnamed'])
  expect(proxy.statements()).toEqual([named.text, named.text, 'SELECT $1::text'])
})

test('a failed query is one flight too', async () => {
  await expect(client.query('SELECT $1::int', ['x'])).rejects.toMatchObject({ code: '22P02' })
  await client.query('SELECT 1')
  expect(proxy.flights()).toBe(2)
})

test('a transaction of one statement is three flights where each answer is waited for', async () => {
  for (const sql of ['BEGIN', 'SELECT 1', 'COMMIT']) await client.query(sql)
  expect(proxy.flights()).toBe(3)
  expect(proxy.transactionStatuses()).toEqual(['T', 'T', 'I'])
})

test('several units written together are one flight, however many answers they get', async () => {
  await pipelined(proxy, ['SELECT 1', 'SELECT 2', 'SELECT 3'])
  expect(proxy.flights()).toBe(1)
  expect(proxy.statements()).toEqual(['SELECT 1', 'SELECT 2', 'SELECT 3'])
  expect(proxy.transactionStatuses()).toEqual(['I', 'I', 'I'])
})

test('a write that TCP cuts into many chunks is one flight', async () => {
  const units = Array.from({ length: 40 }, (_, index) => `SELECT ${index} -- ${randomBytes(50_000).toString('hex')}`)
  await pipelined(proxy, units)
  expect(proxy.flights()).toBe(1)
  expect(proxy.statements()).toHaveLength(40)
})

test('connections are counted each for itself', async () => {
  const other = await connected(proxy)
  await Promise.all([client.query('SELECT pg_sleep(0.05)'), other.query('SELECT pg_sleep(0.05)')])
  await other.end()
  expect(proxy.flights()).toBe(2)
})

test('the delay is added in each direction, and counts stay the same', async () => {
  const { host, port } = await startPostgres()
  const slow = await startFlightProxy({ host, port, delayMs: 20 })
  const other = await connected(slow)
  slow.reset()
  const start = performance.now()
  await other.query('SELECT 1')
  expect(performance.now() - start).toBeGreaterThanOrEqual(38)
  expect(slow.flights()).toBe(1)
  await other.end()
  await pipelined(slow, ['SELECT 2', 'SELECT 3'])
  expect(slow.flights()).toBe(1)
  await slow.stop()
})

test('a cut line fails what is under way, and new connections come through', async () => {
  // How TCP tells depends on what was still unread when the line went.
  const lost = /Connection terminated unexpectedly|ECONNRESET/
  const idle = once(client, 'error')
  const other = await connected(proxy)
  other.on('error', () => {})
  const underWay = expect(other.query('SELECT pg_sleep(10)')).rejects.toThrow(lost)
  await expect.poll(() => proxy.statements()).toContain('SELECT pg_sleep(10)')
  proxy.cut()
  await underWay
  expect(String(await idle)).toMatch(lost)
  client = await connected(proxy)
  expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
})

/** Queries sent without waiting for each other's answers, each with a Sync of its own. */
async function pipelined(through: FlightProxy, texts: readonly string[]): Promise<void> {
  const client = await connected(through, { pipeline: true })
  through.reset()
  await Promise.all(texts.map((text) => client.query({ text, values: [] })))
  await client.end()
}
