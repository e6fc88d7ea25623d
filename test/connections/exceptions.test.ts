// Proves that no exception of the caller's own code loses a connection: what a query brings along may throw wherever it is
// called, and the pool is whole afterwards. One row for each source, in each way of asking.
import { constants } from 'node:buffer'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withTenant } from '../../src/context.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { type HostileWorld, newHostileWorld } from '../isolation/hostile-world.js'
import { expectWhole, takingUncaught, within } from './whole.js'

let world: HostileWorld
beforeAll(async () => {
  world = await newHostileWorld()
})
afterAll(() => world.drop())

const thrown = new Error('thrown by the caller')
const throwing = (): never => {
  throw thrown
}
const VALUE = 'SELECT $1::text AS value'
const value = (given: unknown) => () => ({ text: VALUE, values: [given] })
const types = (getTypeParser: () => unknown) => () => ({ text: 'SELECT 1 AS one', types: { getTypeParser } })

/** What is asked, and the error that it ends with. */
const sources: Record<string, readonly [query: () => unknown, error: unknown]> = {
  'toPostgres throws': [value({ toPostgres: throwing }), thrown],
  'toPostgres answers with a function that is no text': [
    value({ toPostgres: () => Object.assign(() => {}, { toString: () => ({}) }) }),
    expect.objectContaining({ message: expect.stringContaining('neither text nor bytes') }),
  ],
  'toJSON throws': [value({ toJSON: throwing }), thrown],
  'an object that is a Buffer by its prototype only': [
    value(Object.create(Buffer.prototype)),
    expect.objectContaining({ name: 'TypeError' }),
  ],
  'a Buffer that throws when it is copied': [value(Object.assign(Buffer.from('x'), { copy: throwing })), thrown],
  'a Buffer near 4 GiB': [
    () => value(Buffer.alloc(Math.min(constants.MAX_LENGTH, 2 ** 32) - 1))(),
    expect.objectContaining({ code: 'QUERY.UNSUPPORTED', message: expect.stringContaining('at most 1 GiB') }),
  ],
  'values of more than 1 GiB together': [
    () => ({ text: `${VALUE}, $2::text`, values: [Buffer.alloc(6e8), Buffer.alloc(6e8)] }),
    expect.objectContaining({ code: 'QUERY.UNSUPPORTED', hint: 'Send them in parts.' }),
  ],
  'a getter among the values throws': [
    () => ({ text: VALUE, values: Object.defineProperty(['x'], 0, { get: throwing }) }),
    thrown,
  ],
  'a getter of the text throws': [() => Object.defineProperty({}, 'text', { get: throwing }), thrown],
  'a getter of the values throws': [() => Object.defineProperty({ text: VALUE }, 'values', { get: throwing }), thrown],
  'a getter of the callback throws': [
    () => Object.defineProperty({ text: 'SELECT pg_sleep(0.01)' }, 'callback', { get: throwing }),
    thrown,
  ],
  'a getter of submit throws': [() => Object.defineProperty({ text: VALUE }, 'submit', { get: throwing }), thrown],
  'a Proxy throws at everything': [() => new Proxy({}, { get: throwing }), thrown],
  'getTypeParser throws': [types(throwing), thrown],
  'getTypeParser is missing': [
    () => ({ text: 'SELECT 1 AS one', types: {} }),
    expect.objectContaining({ name: 'TypeError' }),
  ],
  'getTypeParser answers with no function': [types(() => 'none'), expect.objectContaining({ name: 'TypeError' })],
  'a type parser throws': [types(() => throwing), thrown],
  'a type parser throws undefined': [
    types(() => () => {
      throw undefined
    }),
    expect.objectContaining({ message: 'undefined was thrown.' }),
  ],
  'query_timeout is a Symbol': [
    () => ({ text: 'SELECT 1', query_timeout: Symbol('soon') }),
    expect.objectContaining({ name: 'TypeError' }),
  ],
  'the name is a Symbol': [
    () => ({ text: 'SELECT 1', name: Symbol('name') }),
    expect.objectContaining({ code: 'QUERY.UNSUPPORTED' }),
  ],
}

type Ask = (query: unknown) => Promise<unknown>
/** Runs `use` with a way of asking, and gives back what it took, as any library would. */
const ways: Record<string, (pool: pg.Pool, use: (ask: Ask) => Promise<void>) => Promise<void>> = {
  'by pool.query': (pool, use) => use(async (query) => pool.query(query as pg.QueryConfig)),
  'by pool.query with a callback': (pool, use) =>
    use((query) => new Promise((_, reject) => pool.query(query as pg.QueryConfig, reject))),
  'in a lease': (pool, use) => leased(pool, (client) => use(async (query) => client.query(query as pg.QueryConfig))),
  'first in a transaction': (pool, use) =>
    leased(pool, async (client) => {
      await client.query('BEGIN')
      await use(async (query) => client.query(query as pg.QueryConfig))
      await client.query('ROLLBACK')
    }),
  'later in a transaction': (pool, use) =>
    leased(pool, async (client) => {
      await client.query('BEGIN')
      await client.query('SELECT 1')
      await use(async (query) => client.query(query as pg.QueryConfig))
      await client.query('ROLLBACK')
    }),
}

async function leased(pool: pg.Pool, use: (client: pg.PoolClient) => Promise<void>): Promise<void> {
  const client = await pool.connect()
  try {
    await use(client)
  } finally {
    client.release()
  }
}

describe.each(Object.entries(ways))('%s', (_, way) => {
  test.each(Object.entries(sources))('%s: the query fails, and the pool is whole', async (_, [query, error]) => {
    const pool = new TenantPool({ connectionString: world.db.appUrl, max: 1 }) as pg.Pool
    const uncaught = await takingUncaught(async () => {
      for (let time = 0; time < 2; time += 1) {
        const asking = withTenant(world.a.tenantId, () =>
          way(pool, async (ask) => {
            const end = await within(
              ask(query()).catch((reason: unknown) => [reason]),
              'the query',
            )
            expect(end).toEqual([error])
          }),
        )
        // A transaction on a connection that had to go ends with it.
        await asking.catch((reason: Error) => expect(reason.message).toContain('thrown by the caller'))
      }
      await expectWhole(pool, world)
    })
    expect(uncaught).toEqual([])
  })
})
