// Proves that the second net holds by itself. The gate is replaced by one that lets everything through; what a statement
// does to its connection is then known only from the server's answer: its status, its tag, whether it described rows.
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { withTenant } from '../../src/context.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { ATTACKS } from './hostile-statements.js'
import { poolWays } from './hostile-ways.js'
import { cleanSession, type HostileWorld, lookAround, newHostileWorld, unharmed } from './hostile-world.js'

vi.mock('../../src/gate/statement.js', async (original) => ({
  ...(await original<typeof import('../../src/gate/statement.js')>()),
  // Every text is a query, except the transaction control of the tests' own leases.
  readStatement: (sql: string) => ({ kind: own[sql] ?? 'query' }),
}))
const own: Record<string, string> = vi.hoisted(() => ({ BEGIN: 'begin', COMMIT: 'commit', ROLLBACK: 'rollback' }))

let world: HostileWorld
let clean: unknown
let pool: pg.Pool
beforeAll(async () => {
  world = await newHostileWorld()
  clean = await cleanSession(world.db.appUrl)
  pool = new TenantPool({ connectionString: world.db.appUrl, max: 1, settings: ['app.user_id'] }) as pg.Pool
})
afterAll(async () => {
  await pool.end()
  await world.drop()
})

// A SELECT that describes its rows, an UPDATE and an EXPLAIN ANALYZE of CREATE TABLE look like any other.
const LOOKS_ORDINARY = /set_config|advisory|UPDATE pg_settings|UPDATE pg_catalog|become|EXPLAIN.*TEMP|query_to_xml/s
const all = ATTACKS.flatMap(({ sql }) => sql).filter((sql) => !/;(?! END)/.test(sql))

describe('without a gate', () => {
  test.each(all.filter((sql) => !LOOKS_ORDINARY.test(sql)))('the next tenant is not reached by %j', async (text) => {
    for (const way of Object.values(poolWays(pool))) {
      await withTenant(world.a.tenantId, () => way(world.fill(text))).catch(() => {})
      expect(await lookAround(world, (sql) => pool.query(sql))).toEqual(unharmed(world, clean))
    }
  })

  test.each(all.filter((sql) => /app\.tenant_id/.test(sql)))('B’s rows are not reached by %j', async (text) => {
    for (const way of Object.values(poolWays(pool))) {
      await withTenant(world.a.tenantId, () => way(world.fill(text))).catch(() => {})
      const { session: _, ...rows } = (await lookAround(world, (sql) => pool.query(sql))) as { session: unknown }
      expect(rows).toEqual({ a: [world.a.tenantId], b: [world.b.tenantId], nobody: [] })
    }
  })

  test.each(['BEGIN ', 'START TRANSACTION', 'COMMIT AND CHAIN', 'ROLLBACK AND CHAIN', 'COMMIT ', 'END'])(
    'a status or tag that was not expected ends the connection: %j',
    async (text) => {
      for (const way of Object.values(poolWays(pool))) {
        const pid = async () =>
          withTenant(world.b.tenantId, async () => (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid)
        const before = await pid()
        const error = await withTenant(world.a.tenantId, () => way(text)).catch((reason: unknown) => reason)
        // Outside a transaction the server refuses to chain, and nothing has happened.
        if ((error as { code?: string } | undefined)?.code !== '25P01') expect(await pid()).not.toBe(before)
        expect(await lookAround(world, (sql) => pool.query(sql))).toEqual(unharmed(world, clean))
      }
    },
  )

  test.each(['COPY plans FROM STDIN', 'COPY plans TO STDOUT'])('%s is broken off', async (text) => {
    const failed = { code: 'CONNECTION.BIND_FAILED' }
    await expect(withTenant(world.a.tenantId, () => pool.query(text))).rejects.toMatchObject(failed)
    expect(await lookAround(world, (sql) => pool.query(sql))).toEqual(unharmed(world, clean))
  })
})
