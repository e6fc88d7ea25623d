// Proves the same as hostile-sql.test.ts where destroying a connection helps nobody: behind PgBouncer in transaction mode
// with one server connection, which goes on to the next client whatever this one left in it.
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { withTenant } from '../../src/context.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { leftOnIdleConnections, modes, openMode } from '../support/modes.js'
import { type PgBouncer, pgbouncerAvailable, startPgBouncer } from '../support/pgbouncer.js'
import { startPostgres } from '../support/postgres.js'
import { ROLES } from '../support/template.js'
import { ATTACKS, REFUSED } from './hostile-statements.js'
import { afterRefusalInTransaction, poolWays, prismaWays } from './hostile-ways.js'
import {
  cleanSession,
  type HostileWorld,
  harmSeenBy,
  lookAround,
  newHostileWorld,
  tenantsSeenBy,
  unharmed,
} from './hostile-world.js'

const statements = ATTACKS.flatMap(({ leaves, sql }) => sql.map((text) => ({ leaves, text })))
const refusal = { code: 'QUERY.UNSUPPORTED' }

describe.skipIf(!pgbouncerAvailable())('through PgBouncer (skipped where it is not installed)', () => {
  let world: HostileWorld
  let pooler: PgBouncer
  let clean: unknown
  let url: string
  beforeAll(async () => {
    world = await newHostileWorld()
    const users = [{ name: ROLES.app, password: ROLES.app }]
    pooler = await startPgBouncer({ server: await startPostgres(), database: world.db.name, users })
    url = pooler.url(ROLES.app)
    clean = await cleanSession(url)
  })
  afterAll(async () => {
    await pooler?.stop()
    await world.drop()
  })

  describe('a plain pg.Pool', () => {
    afterEach(async () => {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      await client.query('DISCARD ALL')
      await client.end()
      expect(await cleanSession(url)).toEqual(clean)
    })

    test.each(statements)('leaves $leaves to other clients: $text', async ({ text }) => {
      const pool = new pg.Pool({ connectionString: url, max: 1 })
      await pool.query(world.fill(text)).catch(() => {})
      await pool.end()
      const next = new pg.Pool({ connectionString: url, max: 1 })
      expect(await harmSeenBy((sql) => next.query(sql))).not.toEqual(clean)
      await next.end()
    })

    test.each(['COMMIT', 'ROLLBACK', 'COMMIT AND CHAIN'])('runs what follows %j as somebody else', async (end) => {
      const pool = new pg.Pool({ connectionString: url, max: 1 })
      await pool.query("SELECT set_config('app.tenant_id', $1, false)", [world.b.tenantId])
      const client = await pool.connect()
      await client.query('BEGIN')
      await client.query("SELECT set_config('app.tenant_id', $1, true)", [world.a.tenantId])
      await client.query(end)
      expect(await tenantsSeenBy((sql) => client.query(sql))).toEqual([world.b.tenantId])
      client.release(true)
      await pool.end()
    })
  })

  describe.each(modes)('in %s mode', (mode) => {
    let opened: Awaited<ReturnType<typeof openMode>>
    beforeAll(async () => {
      opened = await openMode(mode, url, { max: 1, binding: { settings: ['app.user_id'] } })
    })
    afterAll(() => opened.close())
    afterEach(async () => {
      expect((await leftOnIdleConnections(opened.pool, ['app.tenant_id', 'app.user_id'])).join('')).toBe('')
      const raw = async (sql: string) => ({ rows: await opened.prisma.$queryRawUnsafe<Record<string, unknown>[]>(sql) })
      expect(await lookAround(world, raw)).toEqual(unharmed(world, clean))
      expect(await cleanSession(url)).toEqual(clean)
    })

    test.each([...statements.map(({ text }) => text), ...REFUSED])('nothing of %j arrives', async (text) => {
      for (const way of Object.values(prismaWays(opened.prisma)))
        await expect(withTenant(world.a.tenantId, () => way(world.fill(text)))).rejects.toMatchObject(refusal)
      const seen = await withTenant(world.a.tenantId, () => afterRefusalInTransaction(opened.prisma, world.fill(text)))
      expect(seen).toEqual([world.a.tenantId])
    })

    test.each(['COMMIT', 'ROLLBACK', 'END', 'ABORT'])('nothing runs after %j in a transaction', async (end) => {
      const later: unknown[] = []
      const transaction = withTenant(world.a.tenantId, () =>
        opened.prisma.$transaction(async (tx) => {
          await tx.project.count()
          await tx.$executeRawUnsafe(end)
          later.push(await tx.$queryRawUnsafe('SELECT * FROM projects').catch((error: unknown) => error))
          later.push(await tx.project.findMany().catch((error: unknown) => error))
        }),
      )
      await expect(transaction).rejects.toMatchObject(refusal)
      expect(later).toMatchObject([refusal, refusal])
    })
  })

  describe('plain pg on a TenantPool', () => {
    let pool: pg.Pool
    beforeAll(() => {
      pool = new TenantPool({ connectionString: url, max: 1, settings: ['app.user_id'] }) as pg.Pool
    })
    afterAll(() => pool.end())
    afterEach(async () => {
      expect((await leftOnIdleConnections(pool, ['app.tenant_id', 'app.user_id'])).join('')).toBe('')
      expect(await lookAround(world, (sql) => pool.query(sql))).toEqual(unharmed(world, clean))
      expect(await cleanSession(url)).toEqual(clean)
    })

    test.each([...statements.map(({ text }) => text), ...REFUSED])('nothing of %j arrives', async (text) => {
      for (const way of Object.values(poolWays(pool)))
        await expect(withTenant(world.a.tenantId, () => way(world.fill(text)))).rejects.toMatchObject(refusal)
    })

    test('a transaction that is left open ends with its lease', async () => {
      await withTenant(world.a.tenantId, async () => {
        const client = await pool.connect()
        await client.query('BEGIN')
        await client.query("UPDATE projects SET name = 'left open ' || id")
        client.release()
      })
      await withTenant(world.a.tenantId, async () => {
        const { rows } = await pool.query("SELECT count(*)::int FROM projects WHERE name LIKE 'left open%'")
        expect(rows).toEqual([{ count: 0 }])
      })
    })
  })
})
