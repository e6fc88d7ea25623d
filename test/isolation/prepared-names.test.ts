// Proves that a statement which one connection prepared is run by no other, also where the server session behind both is
// the same; that a connection keeps no more of them than its limit; and that one which fails takes no other with it.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { withTenant } from '../../src/context.js'
import { TenantPool, type TenantPoolConfig } from '../../src/pool/tenant-pool.js'
import { type FlightProxy, startFlightProxy } from '../support/flight-proxy.js'
import { runSql, startPostgres } from '../support/postgres.js'
import { type SharedSessionProxy, startSharedSessionProxy } from '../support/shared-session-proxy.js'
import { type FaultScene, openScene } from './fault-scene.js'

let scene: FaultScene
beforeAll(async () => {
  scene = await openScene()
})
afterAll(() => scene.close())

const PREPARED = 'SELECT statement FROM pg_prepared_statements'

describe('connections that share a server session', () => {
  let proxy: SharedSessionProxy
  const pools: TenantPool[] = []
  beforeEach(async () => {
    proxy = await startSharedSessionProxy(await startPostgres())
    // The first client logs in; the session is there for all who come later.
    await scene.inA(() => ask(open()))
  })
  afterEach(async () => {
    await Promise.all(pools.splice(0).map((pool) => pool.end()))
    await proxy.stop()
  })
  const open = (config: TenantPoolConfig = {}): TenantPool => {
    const pool = new TenantPool({ connectionString: proxy.url(scene.db.appUrl), max: 1, ...config })
    pool.on('error', () => {})
    pools.push(pool)
    return pool
  }
  const ask = async (pool: TenantPool, text = 'SELECT id FROM projects', name?: string) =>
    (await pool.query(name === undefined ? { text } : { text, name })).rows

  test('are one backend to PostgreSQL', async () => {
    const pids = await scene.inA(() =>
      Promise.all([open(), open()].map((pool) => ask(pool, 'SELECT pg_backend_pid()'))),
    )
    expect(pids[0]).toEqual(pids[1])
  })

  test('each prepare a binding of their own', async () => {
    const many = open({ max: 3 })
    for (let time = 0; time < 3; time += 1) {
      const asked = [scene.a, scene.b, scene.a].map(({ tenantId }) => withTenant(tenantId, () => ask(many)))
      expect((await Promise.all(asked)).map((rows) => rows.length)).toEqual([3, 3, 3])
    }
  })

  test('never bind with the other’s settings', async () => {
    const userOf = "SELECT current_setting('app.user_id', true) AS user"
    const [first, second] = [open({ settings: ['app.user_id'] }), open({ settings: ['app.other'] })]
    const asFirst = () =>
      withTenant({ id: scene.a.tenantId, settings: { 'app.user_id': 'ann' } }, () => ask(first, userOf))
    const asSecond = () =>
      withTenant({ id: scene.b.tenantId, settings: { 'app.other': 'x' } }, () => ask(second).catch(() => undefined))
    for (let time = 0; time < 3; time += 1) {
      expect(await asFirst()).toEqual([{ user: 'ann' }])
      await asSecond()
    }
    expect(await asSecond()).toHaveLength(3)
  })

  test('never run the other’s statement of the same name', async () => {
    const [first, second] = [open(), open()]
    const own = () => scene.inA(() => ask(first, "SELECT 'own' AS statement", 's0'))
    const others = () => scene.inA(() => ask(second, "SELECT 'others' AS statement", 's0').catch(() => undefined))
    for (let time = 0; time < 3; time += 1) {
      expect(await own()).toEqual([{ statement: 'own' }])
      await others()
    }
    expect(await others()).toEqual([{ statement: 'others' }])
  })
})

describe('one connection', () => {
  let proxy: FlightProxy
  let pool: TenantPool
  beforeEach(async () => {
    proxy = await startFlightProxy(await startPostgres())
    pool = new TenantPool({
      connectionString: proxy.url(scene.db.appUrl),
      max: 1,
      allowNames: ['pg_prepared_statements'],
    })
    await scene.inA(() => pool.query('SELECT 1'))
  })
  afterEach(async () => {
    await pool.end()
    await proxy.stop()
  })
  const named = (name: string, text: string) => scene.inA(() => pool.query({ name, text }))
  const prepared = async () => (await scene.inA(() => pool.query(PREPARED))).rows.map(({ statement }) => statement)

  test('keeps 500 statements, those that were used last, and closes the others in no flight of their own', async () => {
    for (let i = 0; i < 600; i += 1) {
      await named(`n${i}`, `SELECT ${i} AS n`)
      if (i % 100 === 0) await named('often', "SELECT 'often' AS n")
    }
    proxy.reset()
    expect((await named('n0', 'SELECT 0 AS n')).rows).toEqual([{ n: 0 }])
    expect(proxy.flights()).toBe(1)
    const kept = await prepared()
    // The binding is one of them; the flight that asks has closed the last one.
    expect(kept).toHaveLength(500)
    expect(kept).toContain('SELECT 0 AS n')
    expect(kept).toContain("SELECT 'often' AS n")
    expect(kept).toContain('SELECT 599 AS n')
    expect(kept).not.toContain('SELECT 1 AS n')
  })

  test('keeps no more of names whose statements fail', async () => {
    for (let i = 0; i < 520; i += 1) await named(`n${i}`, `SELECT ${i} / 0`).catch(() => {})
    expect((await prepared()).length).toBeLessThanOrEqual(500)
  })

  test('prepares one statement again whose columns have changed, and no other, and answers at once', async () => {
    await runSql(
      scene.db.adminUrl,
      'CREATE TABLE changing (id int); INSERT INTO changing VALUES (7); GRANT SELECT ON changing TO PUBLIC',
    )
    await named('other', "SELECT 'other' AS n")
    await named('changing', 'SELECT * FROM changing')
    await runSql(scene.db.adminUrl, 'ALTER TABLE changing ADD COLUMN name text')
    const since =
      "SELECT statement FROM pg_prepared_statements WHERE prepare_time > now() - interval '1 hour' ORDER BY prepare_time DESC"
    expect((await named('changing', 'SELECT * FROM changing')).rows).toEqual([{ id: 7, name: null }])
    proxy.reset()
    await named('other', "SELECT 'other' AS n")
    const latest = (await scene.inA(() => pool.query(since))).rows.map(({ statement }) => statement)
    expect(latest[0]).toBe('SELECT * FROM changing')
    expect(latest).toContain("SELECT 'other' AS n")
  })
})
