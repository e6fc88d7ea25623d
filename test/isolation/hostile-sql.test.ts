// Proves that no raw statement of tenant A's reaches whoever uses the connection next, nor A's own later statements. Each
// statement is first run on a plain pg.Pool of one connection, where it does reach the next user.
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { withTenant } from '../../src/context.js'
import { TenantPool, type TenantPoolConfig } from '../../src/pool/tenant-pool.js'
import { leftOnIdleConnections, modes, openMode } from '../support/modes.js'
import { runSql } from '../support/postgres.js'
import { ATTACKS, REFUSED } from './hostile-statements.js'
import { afterRefusalInTransaction, poolWays, prismaWays } from './hostile-ways.js'
import { cleanSession, type HostileWorld, harmSeenBy, lookAround, newHostileWorld, unharmed } from './hostile-world.js'

let world: HostileWorld
let clean: unknown
beforeAll(async () => {
  world = await newHostileWorld()
  clean = await cleanSession(world.db.appUrl)
})
afterAll(() => world.drop())

const statements = ATTACKS.flatMap(({ leaves, sql }) => sql.map((text) => ({ leaves, text })))
const refusal = { code: 'QUERY.UNSUPPORTED', hint: expect.stringMatching(/./) }
const settings = ['app.user_id']

describe('a plain pg.Pool', () => {
  // A server process ends a moment after its connection does, and only then gives its locks back.
  afterEach(async () => {
    const locks =
      "SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    await expect.poll(() => runSql(world.db.adminUrl, locks)).toHaveLength(0)
  })

  test.each(statements)('leaves $leaves: $text', async ({ text }) => {
    const pool = new pg.Pool({ connectionString: world.db.appUrl, max: 1 })
    try {
      await pool.query(world.fill(text)).catch(() => {})
      expect(await harmSeenBy((sql) => pool.query(sql))).not.toEqual(clean)
    } finally {
      await pool.end()
    }
  })
})

describe.each(modes)('in %s mode', (mode) => {
  let opened: Awaited<ReturnType<typeof openMode>>
  beforeAll(async () => {
    opened = await openMode(mode, world.db.appUrl, { max: 1, binding: { settings } })
  })
  afterAll(() => opened.close())
  afterEach(async () => {
    expect((await leftOnIdleConnections(opened.pool, ['app.tenant_id', ...settings])).join('')).toBe('')
  })
  const raw = async (sql: string) => ({ rows: await opened.prisma.$queryRawUnsafe<Record<string, unknown>[]>(sql) })

  test.each(statements)('Prisma refuses what leaves $leaves: $text', async ({ text }) => {
    for (const way of Object.values(prismaWays(opened.prisma)))
      await expect(withTenant(world.a.tenantId, () => way(world.fill(text)))).rejects.toMatchObject(refusal)
    expect(await lookAround(world, raw)).toEqual(unharmed(world, clean))
  })

  test.each(statements)('a transaction that caught the refusal goes on as its own tenant: $text', async ({ text }) => {
    const seen = await withTenant(world.a.tenantId, () => afterRefusalInTransaction(opened.prisma, world.fill(text)))
    expect(seen).toEqual([world.a.tenantId])
    expect(await lookAround(world, raw)).toEqual(unharmed(world, clean))
  })

  test.each(REFUSED)('Prisma refuses %j', async (text) => {
    for (const way of Object.values(prismaWays(opened.prisma)))
      await expect(withTenant(world.a.tenantId, () => way(world.fill(text)))).rejects.toMatchObject(refusal)
    expect(await lookAround(world, raw)).toEqual(unharmed(world, clean))
  })
})

describe('plain pg on a TenantPool', () => {
  let pool: pg.Pool
  beforeAll(() => {
    pool = openPool()
  })
  afterAll(() => pool.end())
  afterEach(async () => {
    expect((await leftOnIdleConnections(pool, ['app.tenant_id', ...settings])).join('')).toBe('')
  })

  test.each([...statements.map(({ text }) => text), ...REFUSED])('refuses %j', async (text) => {
    for (const way of Object.values(poolWays(pool)))
      await expect(withTenant(world.a.tenantId, () => way(world.fill(text)))).rejects.toMatchObject(refusal)
    expect(await lookAround(world, (sql) => pool.query(sql))).toEqual(unharmed(world, clean))
  })
})

describe('a TenantPool with directConnections', () => {
  let pool: pg.Pool
  beforeAll(() => {
    pool = openPool({ directConnections: true })
  })
  afterAll(() => pool.end())
  afterEach(async () => {
    expect((await leftOnIdleConnections(pool, ['app.tenant_id', ...settings])).join('')).toBe('')
  })
  const pid = (): Promise<unknown> =>
    withTenant(world.b.tenantId, async () => (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0]?.pid)

  // Not sent by any pool: several statements, COPY, chains, what the gate cannot read.
  const sent = statements.filter(({ text }) => !/U&"|;(?! END)/i.test(text))
  test.each(sent)('destroys the connection that carried $text', async ({ text }) => {
    for (const way of Object.values(poolWays(pool))) {
      const before = await pid()
      await withTenant(world.a.tenantId, () => way(world.fill(text))).catch(() => {})
      expect(await lookAround(world, (sql) => pool.query(sql))).toEqual(unharmed(world, clean))
      expect(await pid()).not.toBe(before)
    }
  })

  test('sends them, and the lease that sent them has their effect', async () => {
    await withTenant(world.a.tenantId, async () => {
      const client = await pool.connect()
      await client.query("CREATE TEMP TABLE projects AS SELECT 'of this lease' AS name")
      expect((await client.query('SELECT name FROM projects')).rows).toEqual([{ name: 'of this lease' }])
      client.release()
    })
  })

  test('a transaction that changed its own tenant is bound to the right one again', async () => {
    await withTenant(world.a.tenantId, async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
      await client.query("SELECT set_config('app.tenant_id', $1, true)", [world.b.tenantId])
      const { rows } = await client.query('SELECT DISTINCT tenant_id FROM projects')
      expect(rows).toEqual([{ tenant_id: world.a.tenantId }])
      await client.query('COMMIT')
      client.release()
    })
  })

  test.each(['SELECT 1; SELECT 2', 'COMMIT AND CHAIN', 'COPY projects TO STDOUT', 'SELECT U&"a"', 'SELECT 1\0'])(
    'sends no %j either',
    async (text) => {
      const before = await pid()
      await expect(withTenant(world.a.tenantId, () => pool.query(text))).rejects.toMatchObject(refusal)
      expect(await pid()).toBe(before)
    },
  )
})

function openPool(options: TenantPoolConfig = {}): pg.Pool {
  return new TenantPool({ connectionString: world.db.appUrl, max: 1, settings, ...options }) as pg.Pool
}
