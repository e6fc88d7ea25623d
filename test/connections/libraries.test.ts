// Proves with the real libraries that what is refused loses none of their connections: a transaction that is opened
// without a tenant, and a stream. Each sends BEGIN in its own way and listens to its streams in its own way.
import { once } from 'node:events'
import { sql as drizzleSql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import knexOf from 'knex'
import { Kysely, sql as kyselySql, PostgresDialect } from 'kysely'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { DataSource } from 'typeorm'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { TenantPool, withoutTenant, withTenant } from '../../src/index.js'
import { type HostileWorld, newHostileWorld } from '../isolation/hostile-world.js'
import { expectWhole, OWN, takingUncaught, within } from './whole.js'

let world: HostileWorld
let pool: pg.Pool
beforeAll(async () => {
  world = await newHostileWorld()
})
beforeEach(() => {
  pool = new TenantPool({ connectionString: world.db.appUrl, max: 1 }) as pg.Pool
})
afterEach(() => (pool.ending ? undefined : pool.end()))
afterAll(() => world.drop())

const inA = <T>(fn: () => T | PromiseLike<T>) => withTenant(world.a.tenantId, fn)
const NAMES = 'SELECT name FROM projects'

interface Library {
  /** Reads the tenants that a transaction sees, as the library's documentation writes it. */
  transaction(): Promise<unknown[]>
  /** Reads a stream to its end. */
  stream?(): Promise<unknown>
}

const libraries: Record<string, () => Promise<Library>> = {
  drizzle: async () => {
    const db = drizzle(pool)
    return { transaction: () => db.transaction(async (tx) => (await tx.execute(drizzleSql.raw(OWN))).rows) }
  },
  'drizzle with a configuration': async () => {
    const db = drizzle(pool)
    const config = { isolationLevel: 'serializable', accessMode: 'read only' } as const
    return { transaction: () => db.transaction(async (tx) => (await tx.execute(drizzleSql.raw(OWN))).rows, config) }
  },
  kysely: async () => {
    const db = new Kysely<{ projects: { name: string } }>({
      dialect: new PostgresDialect({ pool, cursor: Cursor as never }),
    })
    return {
      transaction: () => db.transaction().execute(async (tx) => (await kyselySql.raw(OWN).execute(tx)).rows),
      async stream() {
        for await (const row of db.selectFrom('projects').select('name').stream(1)) expect(row).toBeDefined()
      },
    }
  },
  'kysely, transactions by hand': async () => {
    const db = new Kysely({ dialect: new PostgresDialect({ pool }) })
    return {
      async transaction() {
        const tx = await db.startTransaction().setIsolationLevel('repeatable read').execute()
        try {
          const { rows } = await kyselySql.raw(OWN).execute(tx)
          await tx.commit().execute()
          return rows
        } catch (error) {
          await tx.rollback().execute()
          throw error
        }
      },
    }
  },
  knex: async () => {
    const knex = knexOn()
    return {
      transaction: () => knex.transaction(async (tx) => (await tx.raw(OWN)).rows),
      async stream() {
        for await (const row of knex('projects').select('name').stream()) expect(row).toBeDefined()
      },
    }
  },
  'knex with a configuration': async () => {
    const knex = knexOn()
    return {
      transaction: () =>
        knex.transaction(async (tx) => (await tx.raw(OWN)).rows, { isolationLevel: 'serializable', readOnly: true }),
    }
  },
  typeorm: async () => {
    const source = await typeormOn()
    return {
      transaction: () => source.transaction((manager) => manager.query(OWN)),
      async stream() {
        const stream = await source.createQueryBuilder().select('name').from('projects', 'p').stream()
        stream.resume()
        const [error] = await once(stream, 'error')
        throw error
      },
    }
  },
  'typeorm, transactions by hand': async () => {
    const source = await typeormOn()
    return {
      async transaction() {
        const runner = source.createQueryRunner()
        await runner.connect()
        await runner.startTransaction('SERIALIZABLE')
        try {
          const rows = await runner.query(OWN)
          await runner.commitTransaction()
          return rows
        } catch (error) {
          await runner.rollbackTransaction()
          throw error
        } finally {
          await runner.release()
        }
      },
      async stream() {
        const runner = source.createQueryRunner()
        const stream = await runner.stream(NAMES, [], undefined, () => runner.release())
        stream.resume()
        const [error] = await once(stream, 'error')
        throw error
      },
    }
  },
}

/** knex makes connections of its own; these two methods are how one gives it others. */
function knexOn() {
  const knex = knexOf({ client: 'pg' })
  const lent = new Set<pg.PoolClient>()
  Object.assign(knex.client, {
    async acquireConnection() {
      const client = await pool.connect()
      lent.add(client)
      return client
    },
    // knex gives some back twice, which its own pool puts up with.
    async releaseConnection(client: pg.PoolClient) {
      if (lent.delete(client)) client.release()
    },
  })
  return knex
}

async function typeormOn(): Promise<DataSource> {
  // It asks the server for its version, with no tenant.
  const driver = {
    ...pg,
    Pool: function Pool() {
      return pool
    },
  }
  return withoutTenant(() => new DataSource({ type: 'postgres', driver, installExtensions: false }).initialize())
}

describe.each(Object.entries(libraries))('%s', (_, open) => {
  test('runs a transaction for its tenant, and loses nothing where there is none', async () => {
    const { transaction } = await open()
    for (let time = 0; time < 3; time += 1) {
      const error = await within(
        transaction().then(
          () => expect.fail('refused'),
          (reason: Error) => reason,
        ),
        'the transaction',
      )
      expect(refusalIn(error)).toMatchObject({ name: 'NoTenantError', code: 'TENANT.REQUIRED' })
    }
    expect(await within(inA(transaction), 'the transaction')).toEqual([{ tenant: world.a.tenantId }])
    await expectWhole(pool, world)
  })

  test('hears that its stream is refused, and loses nothing', async () => {
    const { stream } = await open()
    if (stream === undefined) return
    const uncaught = await takingUncaught(async () => {
      for (let time = 0; time < 3; time += 1) {
        const error = await within(
          inA(stream).then(
            () => expect.fail('refused'),
            (reason: Error) => reason,
          ),
          'the stream',
        )
        expect(refusalIn(error)).toMatchObject({ code: 'QUERY.UNSUPPORTED', hint: expect.stringContaining('LIMIT') })
      }
      await expectWhole(pool, world)
    })
    expect(uncaught).toEqual([])
  })
})

/** The error itself, or what a library wrapped in its own. */
function refusalIn(error: Error & { driverError?: unknown }): unknown {
  return error.driverError ?? error.cause ?? error
}

/** What a query object's own way of failing is. */
const objects: Record<string, (client: pg.PoolClient) => Promise<unknown>> = {
  'a cursor': (client) =>
    client.query(new Cursor(NAMES) as never as pg.Submittable & { read(rows: number): Promise<unknown> }).read(1),
  'a row stream': async (client) => {
    for await (const row of client.query(new QueryStream(NAMES))) expect(row).toBeDefined()
  },
  'COPY FROM': (client) => once(client.query(copyFrom('COPY projects FROM STDIN')), 'finish'),
  'COPY TO': (client) => once(client.query(copyTo('COPY projects TO STDOUT')), 'end'),
  'a Query with a callback': (client) =>
    new Promise((_, reject) => client.query(new pg.Query(NAMES, [], reject) as never)),
  'a Query whose callback is given beside it': (client) =>
    new Promise((_, reject) => client.query(new pg.Query(NAMES) as never, reject)),
  'a Query that is listened to': (client) => once(client.query(new pg.Query(NAMES)), 'end'),
  'an object that takes no error': async (client) => client.query({ submit() {} } as never),
}
test.each(Object.entries(objects))('%s fails with the refusal, and is handed back', async (_, query) => {
  const client = await pool.connect()
  for (const scope of [inA, <T>(fn: () => T) => fn()])
    await expect(within(Promise.resolve(scope(() => query(client))), 'the object')).rejects.toMatchObject({
      code: 'QUERY.UNSUPPORTED',
    })
  expect((await inA(() => client.query(OWN))).rows).toEqual([{ tenant: world.a.tenantId }])
  client.release()
  await expect(within(Promise.resolve(inA(() => query(client))), 'the object')).rejects.toMatchObject({
    code: 'QUERY.UNSUPPORTED',
  })
  await expectWhole(pool, world)
})
