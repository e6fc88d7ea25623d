// Proves that callbacks of a TenantPool run as whoever gave them, whoever opened the connection, with one connection for
// two tenants; that its events run as nobody; and what a pg.Pool of the user's own does instead.

import { AsyncResource } from 'node:async_hooks'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { tryCurrentTenant } from '../../src/context.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { runSql } from '../support/postgres.js'
import { atOnce, inEachMode, later, type Side } from './two-sides.js'

const ROWS = 'SELECT tenant_id::text AS "tenantId" FROM projects'
type Row = { tenantId: string }

inEachMode((scene) => {
  describe('of a TenantPool with one connection', () => {
    let pool: pg.Pool
    beforeAll(async () => {
      pool = new TenantPool({ connectionString: scene.db.appUrl, max: 1 }) as pg.Pool
      await runSql(
        scene.db.adminUrl,
        "CREATE FUNCTION tell() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'told'; END $$",
      )
    })
    // Either tenant opens the connection in turn; both then wait for it in every round.
    let turn = 0
    beforeEach(async () => {
      const [a, b] = scene.sides
      await (turn++ % 2 === 0 ? a : b).run(() => pool.query('SELECT 1'))
    })
    afterAll(() => pool.end())

    test('a callback of pool.query gets the rows of its caller, and runs as its caller', async () => {
      const play = (own: Side) =>
        own.run(
          () =>
            new Promise((resolve, reject) =>
              pool.query<Row>(ROWS, [], (error, result) =>
                error ? reject(error) : void own.sees().then((seen) => resolve([own.owns(result.rows), seen])),
              ),
            ),
        )
      expect(await atOnce(scene, play)).toEqual([['own', 'own']])
    })

    test('a callback of pool.connect, and those of its client, run as their caller', async () => {
      const play = (own: Side) =>
        own.run(
          () =>
            new Promise((resolve, reject) =>
              pool.connect((_, client, done) => {
                const connected = own.sees()
                client?.query<Row>(ROWS, (error, result) => {
                  done()
                  if (error) return reject(error)
                  void Promise.all([connected, own.owns(result.rows), own.sees()]).then(resolve, reject)
                })
              }),
            ),
        )
      expect(await atOnce(scene, play)).toEqual([['own', 'own', 'own']])
    })

    test('a callback given outside every scope gets NoTenantError, and runs as nobody', async () => {
      const play = (own: Side) =>
        new Promise((resolve) =>
          pool.query(
            ROWS,
            (error) => void own.sees().then((seen) => resolve([(error as Error & { code?: string }).code, seen])),
          ),
        )
      expect(await atOnce(scene, play)).toEqual([['TENANT.REQUIRED', 'NoTenantError']])
    })

    test('listeners on the pool run as nobody, whoever registered them and whoever uses the pool', async () => {
      const [a, b] = scene.sides
      const seen = new Map<string, Promise<string>[]>()
      const listen = (event: string) => () => void seen.set(event, [...(seen.get(event) ?? []), a.sees()])
      const events = ['connect', 'acquire', 'release', 'remove'] as const
      const listeners = events.map((event) => [event, listen(event)] as const)
      await a.run(() => {
        for (const [event, listener] of listeners) pool.on(event as 'connect', listener)
      })
      await b.run(async () => (await pool.connect()).release(true))
      await b.run(() => pool.query('SELECT 1'))
      const [{ pid } = {}] = (await b.run(() => pool.query('SELECT pg_backend_pid() AS pid'))).rows
      const failed = new Promise<string>((resolve) =>
        a.run(() => pool.once('error', () => void a.sees().then(resolve))),
      )
      await runSql(scene.db.adminUrl, 'SELECT pg_terminate_backend($1)', [pid])
      expect(await failed).toBe('NoTenantError')
      for (const [event, listener] of listeners) pool.removeListener(event, listener)
      for (const event of events)
        expect(new Set(await Promise.all(seen.get(event) ?? []))).toEqual(new Set(['NoTenantError']))
    })

    test('notices and notifications of a client are heard as nobody', async () => {
      const listening = new TenantPool({
        connectionString: scene.db.appUrl,
        max: 1,
        onConnect: async (client) => void (await client.query('LISTEN news')),
      }) as pg.Pool
      const [a, b] = scene.sides
      const client = await a.run(() => listening.connect())
      const heard = (event: 'notice' | 'notification') =>
        new Promise((resolve) => a.run(() => void client.on(event as 'notice', () => void a.sees().then(resolve))))
      const [notice, notification] = [heard('notice'), heard('notification')]
      await a.run(() => client.query('SELECT tell()'))
      await b.run(() => client.query("NOTIFY news, 'x'"))
      expect([await notice, await notification]).toEqual(['NoTenantError', 'NoTenantError'])
      client.release()
      await listening.end()
    })
  })

  describe('of a pg.Pool of your own', () => {
    let plain: pg.Pool
    const openedBy = async (opener: Side) => {
      plain = new pg.Pool({ connectionString: scene.db.appUrl, max: 1 })
      await opener.run(() => plain.query('SELECT 1'))
    }

    test('a callback runs as whoever opened the connection', async () => {
      const [a, b] = scene.sides
      await openedBy(a)
      const { look, seen } = later()
      await b.run(() => plain.query('SELECT 1', [], () => look(b)))
      expect(await seen).toBe('other')
      await plain.end()
    })

    test('a promise, and a callback that was bound, stay with their caller', async () => {
      const [a] = scene.sides
      await openedBy(a)
      const play = (own: Side) =>
        own.run(async () => {
          const { look, seen } = later()
          plain.query(
            'SELECT 1',
            [],
            AsyncResource.bind(() => look(own)),
          )
          await plain.query('SELECT 1')
          return [await own.sees(), await seen]
        })
      expect(await atOnce(scene, play)).toEqual([['own', 'own']])
      await plain.end()
    })

    test('a connection opened outside every scope calls back as nobody', async () => {
      plain = new pg.Pool({ connectionString: scene.db.appUrl, max: 1 })
      await plain.query('SELECT 1')
      const play = async (own: Side) => {
        const { look, seen } = later()
        await own.run(() => plain.query('SELECT 1', [], () => look(own)))
        return seen
      }
      expect(tryCurrentTenant()).toBeUndefined()
      expect(await atOnce(scene, play)).toEqual(['NoTenantError'])
      await plain.end()
    })
  })
})
