// Proves that `write: true` writes on the role that `tenancy roles` makes, whose transactions are read-only by default, in
// every way in which a client sends statements; that nothing else does, whatever SQL says; and that a refused write says
// what is missing.
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isTenancyError } from '../../src/errors.js'
import { tenantRoles } from '../../src/sql/index.js'
import { rowsSeenBySuperuser, type TenantDatabase } from '../support/database.js'
import { startFlightProxy } from '../support/flight-proxy.js'
import { modes } from '../support/modes.js'
import { type PgBouncer, pgbouncerAvailable, startPgBouncer } from '../support/pgbouncer.js'
import { runSql, startPostgres } from '../support/postgres.js'
import { ROLES } from '../support/template.js'
import { createAuditedDatabase, openAcross } from './open-across.js'

let db: TenantDatabase
beforeAll(async () => {
  db = await createAuditedDatabase()
  await runSql(db.adminUrl, tenantRoles({ app: ROLES.app, bypass: ROLES.bypass, owner: ROLES.owner }))
  await runSql(db.adminUrl, `GRANT INSERT, UPDATE, DELETE ON plans TO ${ROLES.bypass}`)
})
afterAll(() => db?.drop())
beforeEach(async () => {
  await runSql(db.adminUrl, "DELETE FROM plans; INSERT INTO plans VALUES (1, 'old')")
})
const plans = () => rowsSeenBySuperuser<{ name: string }>(db, 'SELECT name FROM plans ORDER BY id')

test('the role’s own transactions are read-only', async () => {
  await expect(runSql(db.bypassUrl, 'DELETE FROM plans')).rejects.toMatchObject({ code: '25006' })
})

type Opened = ReturnType<typeof openAcross>
const update = ({ prisma }: Opened) => prisma.plan.update({ where: { id: 1 }, data: { name: 'new' } })
const ways: Record<string, (opened: Opened) => PromiseLike<unknown>> = {
  'a model': update,
  'raw SQL': ({ prisma }) => prisma.$executeRaw`UPDATE plans SET name = 'new'`,
  'raw SQL that answers': ({ prisma }) => prisma.$queryRaw`UPDATE plans SET name = 'new' RETURNING id`,
  '$transaction([…])': (opened) =>
    opened.prisma.$transaction([opened.prisma.plan.count(), opened.prisma.plan.updateMany({ data: { name: 'new' } })]),
  'a transaction': ({ prisma }) =>
    prisma.$transaction(async (tx) => {
      await tx.plan.count()
      await tx.plan.updateMany({ data: { name: 'new' } })
    }),
  'a serializable transaction': ({ prisma }) =>
    prisma.$transaction((tx) => tx.plan.updateMany({ data: { name: 'new' } }), { isolationLevel: 'Serializable' }),
  'a transaction within one': ({ prisma }) =>
    prisma.$transaction(async (tx) => {
      await tx.$executeRawUnsafe('SAVEPOINT a')
      await tx.plan.updateMany({ data: { name: 'undone' } })
      await tx.$executeRawUnsafe('ROLLBACK TO SAVEPOINT a')
      await tx.plan.updateMany({ data: { name: 'new' } })
    }),
}

async function onClient(pool: pg.Pool, attack: (execute: (text: string) => PromiseLike<unknown>) => Promise<unknown>) {
  const client = await pool.connect()
  await client.query('BEGIN READ WRITE')
  await expect(attack((text) => client.query(text))).rejects.toThrow()
  await client.query('COMMIT').catch(() => {})
  client.release()
}

describe.each(modes)('in %s mode', (mode) => {
  let opened: Opened
  beforeAll(() => {
    opened = openAcross(mode, db)
  })
  afterAll(() => opened?.close())
  const across = (fn: () => PromiseLike<unknown>, more: object) =>
    opened.prisma.$acrossTenants({ reason: 'x', ...more }, fn)

  test.each(Object.entries(ways))('%s writes with write: true, and not without', async (_, way) => {
    await expect(across(() => way(opened), {})).rejects.toThrow(/read-only transaction/)
    expect(await plans()).toEqual([{ name: 'old' }])
    await across(() => way(opened), { write: true })
    expect(await plans()).toEqual([{ name: 'new' }])
    // The same connections, right after.
    await expect(across(() => way(opened), {})).rejects.toThrow(/read-only transaction/)
  })

  test('uses that write and uses that read share the connections, and each keeps to its own', async () => {
    const both = Array.from({ length: 40 }, (_, i) =>
      across(() => opened.prisma.plan.create({ data: { id: 10 + i, name: 'new' } }), { write: i % 2 === 0 }),
    )
    const outcomes = await Promise.allSettled(both)
    expect(outcomes.map(({ status }) => status)).toEqual(both.map((_, i) => (i % 2 ? 'rejected' : 'fulfilled')))
    expect(await plans()).toHaveLength(21)
  })

  describe('a use that reads cannot be made to write by', () => {
    const statements = (first: string, ...more: string[]) => [first, ...more] as const
    test.each([
      statements('SET TRANSACTION READ WRITE'),
      statements('SELECT 1', 'SET TRANSACTION READ WRITE'),
      statements('SAVEPOINT a', 'SET TRANSACTION READ WRITE'),
      statements('SAVEPOINT a', 'SELECT 1/0', 'ROLLBACK TO SAVEPOINT a', 'SET TRANSACTION READ WRITE'),
      statements('SELECT 1/0', 'ROLLBACK', 'BEGIN READ WRITE'),
      statements('SELECT 1', 'COMMIT', 'BEGIN READ WRITE'),
      statements('SET LOCAL transaction_read_only = off'),
      statements('SET transaction_read_only = off'),
      statements('RESET transaction_read_only'),
      statements("SELECT set_config('transaction_read_only', 'off', true)"),
    ])('%s, %s …', async (...texts) => {
      const attack = async (execute: (text: string) => PromiseLike<unknown>) => {
        for (const text of texts) await execute(text).then(undefined, () => {})
        return execute("UPDATE plans SET name = 'taken'")
      }
      const inTransaction = () => opened.prisma.$transaction((tx) => attack((text) => tx.$executeRawUnsafe(text)))
      await expect(across(inTransaction, {})).rejects.toThrow()
      if (mode === 'pool') await across(() => onClient(opened.pool, attack), {})
      expect(await plans()).toEqual([{ name: 'old' }])
    })
  })

  test('a refused write says how to allow it', async () => {
    const errorOf = (run: () => PromiseLike<unknown>, more: object) =>
      across(run, more).then(
        () => expect.unreachable(),
        (error: Error) => error,
      )
    const readOnly = await errorOf(() => update(opened), {})
    expect(readOnly).toMatchObject({ code: 'ACROSS.WRITE_REFUSED', hint: expect.stringContaining('write: true') })
    const inTransaction = await errorOf(() => opened.prisma.$transaction((tx) => tx.plan.deleteMany()), {})
    expect(inTransaction).toMatchObject({ code: 'ACROSS.WRITE_REFUSED' })
    const noGrant = await errorOf(() => opened.prisma.project.deleteMany(), { write: true })
    expect(noGrant).toMatchObject({
      code: 'ACROSS.WRITE_REFUSED',
      message: expect.stringContaining('permission denied for table projects'),
      hint: expect.stringMatching(/^GRANT INSERT, UPDATE, DELETE ON …/),
    })
    expect([readOnly, inTransaction, noGrant].every(isTenancyError)).toBe(true)
    expect(readOnly.cause).toBeDefined()
  })
})

test('a transaction that its author made read-only stays it', async () => {
  const opened = openAcross('pool', db)
  for (const begin of [['BEGIN READ ONLY'], ['BEGIN', 'SET TRANSACTION READ ONLY']]) {
    await opened.prisma.$acrossTenants({ reason: 'x', write: true }, async () => {
      const client = await opened.pool.connect()
      for (const text of begin) await client.query(text)
      expect((await client.query('SELECT name FROM plans')).rows).toEqual([{ name: 'old' }])
      await expect(client.query('DELETE FROM plans')).rejects.toThrow(/read-only transaction/)
      await client.query('ROLLBACK')
      client.release()
    })
  }
  await opened.close()
})

test('leave to write costs no flight: one for a statement, one less than Prisma’s own for a transaction', async () => {
  const proxy = await startFlightProxy(await startPostgres())
  const opened = openAcross('pool', { appUrl: db.appUrl, bypassUrl: proxy.url(db.bypassUrl) }, {})
  const flightsOf = (run: () => PromiseLike<unknown>) =>
    opened.prisma.$acrossTenants({ reason: 'x', write: true }, async () => {
      await run()
      proxy.reset()
      await run()
      return proxy.flights()
    })
  expect(await flightsOf(() => opened.prisma.plan.updateMany({ data: { name: 'new' } }))).toBe(1)
  const two = (tx: Pick<Opened['prisma'], 'plan'>) =>
    tx.plan.count().then(() => tx.plan.updateMany({ data: { name: 'newer' } }))
  expect(await flightsOf(() => opened.prisma.$transaction(two))).toBe(3)
  expect(await plans()).toEqual([{ name: 'newer' }])
  await opened.close()
  await proxy.stop()
})

describe.skipIf(!pgbouncerAvailable())('through PgBouncer (skipped where it is not installed)', () => {
  let pooler: PgBouncer
  beforeAll(async () => {
    const users = [ROLES.app, ROLES.bypass].map((name) => ({ name, password: name }))
    pooler = await startPgBouncer({ server: await startPostgres(), database: db.name, users })
  })
  afterAll(() => pooler?.stop())

  test.each(modes)('a use writes, and the next on the same server connection cannot, in %s mode', async (mode) => {
    const opened = openAcross(mode, { appUrl: pooler.url(ROLES.app), bypassUrl: pooler.url(ROLES.bypass) })
    const across = (way: (opened: Opened) => PromiseLike<unknown>, write: boolean) =>
      opened.prisma.$acrossTenants({ reason: 'x', write }, () => way(opened))
    for (const way of Object.values(ways)) {
      await across(way, true)
      expect(await plans()).toEqual([{ name: 'new' }])
      await runSql(db.adminUrl, "UPDATE plans SET name = 'old'")
      await expect(across(way, false)).rejects.toThrow(/read-only transaction/)
      expect(await plans()).toEqual([{ name: 'old' }])
    }
    await opened.close()
  })
})
