// Proves that acrossTenants reads every tenant and writes nothing, is told before and after, and opens nothing to anybody
// outside: in both modes, on a real PostgreSQL.
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { AcrossReport } from '../../src/across/access.js'
import { withTenant } from '../../src/context.js'
import type { TenancyError } from '../../src/errors.js'
import { acrossTenants, tryCurrentTenant } from '../../src/index.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { newWorld, type World } from '../isolation/world.js'
import type { TenantDatabase } from '../support/database.js'
import { modes, openMode } from '../support/modes.js'
import { runSql } from '../support/postgres.js'
import { ROLES } from '../support/template.js'
import { auditOf, createAuditedDatabase, openAcross } from './open-across.js'

let db: TenantDatabase
beforeAll(async () => {
  db = await createAuditedDatabase()
})
afterAll(() => db?.drop())

describe.each(modes)('in %s mode', (mode) => {
  let opened: ReturnType<typeof openAcross>
  let world: World
  const reports: AcrossReport[] = []
  beforeAll(async () => {
    opened = openAcross(mode, db, { audit: true, onAcrossTenants: (report) => void reports.push(report) })
    world = await newWorld(db, opened.prisma)
  })
  afterAll(() => opened?.close())
  const reason = () => `reason ${randomUUID()}`
  const across = <T>(fn: () => T | PromiseLike<T>, more: object = {}) =>
    opened.prisma.$acrossTenants({ reason: reason(), ...more }, fn)
  const own = () => [world.a.tenantId, world.b.tenantId]
  const tenantsSeen = async () => {
    const rows = await opened.prisma.project.findMany({ select: { tenantId: true } })
    return own().filter((tenant) => rows.some(({ tenantId }) => tenantId === tenant))
  }

  test('every tenant is read inside, by models, raw SQL and transactions', async () => {
    const { prisma } = opened
    expect(await across(tenantsSeen)).toEqual(own())
    expect(await across(() => prisma.$queryRaw`SELECT count(DISTINCT tenant_id)::int AS n FROM projects`)).toEqual([
      { n: expect.any(Number) },
    ])
    const inTransaction = await across(() =>
      prisma.$transaction(async (tx) => [await tx.project.count(), await tx.task.count()]),
    )
    expect(inTransaction).toEqual([6, 12].map((n) => expect.toSatisfy((count: number) => count >= n)))
    const inArray = await across(() => prisma.$transaction([prisma.project.count(), prisma.task.count()]))
    expect(inArray).toEqual(inTransaction)
    const { id } = await across(() => prisma.project.findFirstOrThrow({ where: { tenantId: world.a.tenantId } }))
    const together = await across(() =>
      Promise.all(
        [...world.a.projectIds, ...world.b.projectIds].map((id) => prisma.project.findUnique({ where: { id } })),
      ),
    )
    expect(together.map((row) => row?.tenantId)).toContain(world.b.tenantId)
    expect(id).toBeTypeOf('string')
  })

  test('a query that is returned unawaited still runs inside', async () => {
    expect(await across(() => opened.prisma.project.count())).toBeGreaterThanOrEqual(6)
  })

  test('no tenant is in scope inside, and a tenant’s scope inside narrows again', async () => {
    await across(async () => {
      expect(tryCurrentTenant()).toBeUndefined()
      expect(await world.asB(tenantsSeen)).toEqual([world.b.tenantId])
      expect(await tenantsSeen()).toEqual(own())
    })
    expect(await world.asA(tenantsSeen)).toEqual([world.a.tenantId])
  })

  test('tenants that ask in the same tick, for the same id, get their own and no more', async () => {
    const { prisma } = opened
    const [id = ''] = world.a.projectIds
    const ask = () => prisma.project.findUnique({ where: { id } })
    for (let round = 0; round < 50; round++) {
      const [a, b, all] = await Promise.all([world.asA(ask), world.asB(ask), across(ask)])
      expect([a?.id, b, all?.id]).toEqual([id, null, id])
    }
  })

  describe('writes are refused by the server:', () => {
    const rowsNow = () =>
      runSql(db.adminUrl, 'SELECT (SELECT count(*) FROM projects)::int AS p, (SELECT count(*) FROM plans)::int AS q')
    test.each([
      ['a model', () => opened.prisma.plan.create({ data: { id: 900, name: 'x' } })],
      ['deleteMany', () => opened.prisma.project.deleteMany()],
      ['raw SQL', () => opened.prisma.$executeRaw`UPDATE projects SET name = 'taken'`],
      [
        'a CTE',
        () => opened.prisma.$queryRaw`WITH gone AS (DELETE FROM projects RETURNING 1) SELECT count(*) FROM gone`,
      ],
      ['a transaction', () => opened.prisma.$transaction(async (tx) => tx.project.deleteMany())],
      [
        'a transaction that asks to write',
        () =>
          opened.prisma.$transaction(async (tx) => {
            await tx.project.count()
            await tx.$executeRawUnsafe('SET TRANSACTION READ WRITE')
            return tx.project.deleteMany()
          }),
      ],
      [
        'a setting that asks to write',
        () =>
          opened.prisma.$transaction(async (tx) => {
            await tx.$queryRawUnsafe(`SELECT pg_catalog.set_config('transaction_read_only', 'off', true)`)
            return tx.project.deleteMany()
          }),
      ],
      [
        'a reset',
        () =>
          opened.prisma.$transaction(async (tx) => {
            await tx.$executeRawUnsafe('RESET transaction_read_only')
            return tx.project.deleteMany()
          }),
      ],
    ])('%s', async (_, write) => {
      // As a role that could: the refusal is not the lack of a grant.
      await runSql(db.adminUrl, `GRANT ALL ON plans, projects, tasks TO ${ROLES.bypass}`)
      const rows = await rowsNow()
      await expect(across(write)).rejects.toThrow()
      expect(await rowsNow()).toEqual(rows)
      await runSql(db.adminUrl, `REVOKE INSERT, UPDATE, DELETE ON plans, projects, tasks FROM ${ROLES.bypass}`)
    })

    test('and done with write: true, where the role may', async () => {
      await runSql(
        db.adminUrl,
        `GRANT UPDATE ON plans TO ${ROLES.bypass}; INSERT INTO plans VALUES (${mode === 'pool' ? 1 : 2}, 'old')`,
      )
      const id = mode === 'pool' ? 1 : 2
      await expect(across(() => opened.prisma.plan.update({ where: { id }, data: { name: 'new' } }))).rejects.toThrow(
        /read-only transaction/,
      )
      await across(() => opened.prisma.plan.update({ where: { id }, data: { name: 'new' } }), { write: true })
      expect(await runSql(db.adminUrl, `SELECT name FROM plans WHERE id = ${id}`)).toEqual([{ name: 'new' }])
      await expect(across(() => opened.prisma.project.deleteMany(), { write: true })).rejects.toThrow(
        /permission denied/,
      )
    })
  })

  test('a statement that takes too long is ended', async () => {
    const quick = openAcross(mode, db, { statementTimeout: 200 })
    await expect(
      quick.prisma.$acrossTenants({ reason: 'slow' }, () => quick.prisma.$queryRaw`SELECT 1 FROM pg_sleep(5)`),
    ).rejects.toThrow(/statement timeout/)
    expect(await quick.prisma.$acrossTenants({ reason: 'quick' }, () => quick.prisma.project.count())).toBeTypeOf(
      'number',
    )
    await quick.close()
  })

  test('inside a transaction it is refused', async () => {
    const before = reports.length
    await expect(world.asA(() => opened.prisma.$transaction(async () => across(tenantsSeen)))).rejects.toMatchObject({
      code: 'QUERY.UNSUPPORTED',
      message: expect.stringContaining('inside a transaction'),
    })
    expect(reports.length).toBe(before)
  })

  test('a transaction of a tenant’s takes no statement from inside, and one of its own none from outside', async () => {
    const { prisma } = opened
    let tx: { project: { count(): PromiseLike<number> } } | undefined
    let leave = () => {}
    const stays = new Promise<void>((resolve) => {
      leave = resolve
    })
    const open = world.asA(() =>
      prisma.$transaction(async (client) => {
        tx = client
        await stays
      }),
    )
    await expect.poll(() => tx).toBeDefined()
    await expect(across(() => tx?.project.count())).rejects.toMatchObject({ code: 'TENANT.MISMATCH' })
    leave()
    await open
    await across(() =>
      prisma.$transaction(async (client) => {
        await expect(world.asB(async () => client.project.count())).rejects.toMatchObject({ code: 'TENANT.MISMATCH' })
        expect(await client.project.count()).toBeGreaterThanOrEqual(6)
      }),
    )
  })

  test('what was left running is refused once the function has returned', async () => {
    let later: (() => PromiseLike<number>) | undefined
    const made = await across(async () => {
      later = () => opened.prisma.project.count()
      return [opened.prisma.project.count()]
    })
    await expect(made[0]).rejects.toMatchObject({
      code: 'QUERY.UNSUPPORTED',
      message: expect.stringContaining('after its function had returned'),
    })
    expect(later).toBeDefined()
    await expect((later as () => PromiseLike<number>)()).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
  })

  describe('each use is audited and reported, once:', () => {
    const run = async (fn: () => unknown, more: object = {}) => {
      const why = reason()
      const error = await opened.prisma.$acrossTenants({ reason: why, ...more }, fn).then(
        () => undefined,
        (thrown: TenancyError) => thrown,
      )
      return { error, rows: await auditOf(db, why), report: reports.filter(({ reason }) => reason === why) }
    }

    test('one that returns', async () => {
      const { rows, report } = await run(async () => {
        await opened.prisma.project.count()
        await opened.prisma.$transaction(async (tx) => [await tx.project.count(), await tx.task.count()])
      })
      expect(rows).toMatchObject([{ outcome: 'returned', finished: true, statements: 3, may_write: false }])
      expect(rows[0]?.caller).toMatch(/across\.test\.ts:\d+:\d+/)
      expect(report).toMatchObject([{ id: rows[0]?.id, outcome: 'returned', statements: 3, write: false }])
    })

    test('two in one tick, each with its own statement', async () => {
      const [id = ''] = world.a.projectIds
      let inside = 0
      let go = () => {}
      const together = new Promise<void>((resolve) => {
        go = resolve
      })
      const ask = async () => {
        inside += 1
        if (inside === 2) go()
        await together
        return opened.prisma.project.findUnique({ where: { id } })
      }
      const both = await Promise.all([run(ask), run(ask)])
      expect(both.map(({ rows }) => rows.map(({ statements }) => statements))).toEqual([[1], [1]])
    })

    test('one that throws', async () => {
      const { error, rows, report } = await run(() => {
        throw new Error('of the user')
      })
      expect(error?.message).toBe('of the user')
      expect(rows).toMatchObject([{ outcome: 'threw', finished: true, statements: 0 }])
      expect(report).toMatchObject([{ outcome: 'threw' }])
    })

    test('the row is there, and committed, before the function starts', async () => {
      const why = reason()
      await opened.prisma.$acrossTenants({ reason: why }, async () => {
        expect(await auditOf(db, why)).toMatchObject([{ outcome: null, finished: false, statements: null }])
      })
      expect(await auditOf(db, why)).toHaveLength(1)
    })

    test('no row, no run', async () => {
      await runSql(db.adminUrl, `REVOKE INSERT (reason) ON tenancy.across_tenants FROM ${ROLES.app}`)
      let ran = false
      const { error, rows } = await run(() => {
        ran = true
      })
      await runSql(db.adminUrl, `GRANT INSERT (reason) ON tenancy.across_tenants TO ${ROLES.app}`)
      expect(error).toMatchObject({ code: 'ACROSS.NOT_AUDITED' })
      expect([ran, rows]).toEqual([false, []])
    })

    test('an outcome that cannot be written is an error, and an error of the user’s comes first', async () => {
      await runSql(db.adminUrl, `REVOKE UPDATE (outcome) ON tenancy.across_tenants FROM ${ROLES.app}`)
      const returned = await run(() => 1)
      const threw = await run(() => {
        throw new Error('of the user')
      })
      await runSql(db.adminUrl, `GRANT UPDATE (outcome) ON tenancy.across_tenants TO ${ROLES.app}`)
      expect(returned.error).toMatchObject({ code: 'ACROSS.NOT_AUDITED' })
      expect(returned.rows).toMatchObject([{ outcome: null }])
      expect(returned.report).toHaveLength(1)
      expect(threw.error?.message).toBe('of the user')
    })
  })

  test('the app role sees no more than before, and cannot change the audit', async () => {
    await across(() => opened.prisma.project.count())
    for (const statement of [
      "UPDATE tenancy.across_tenants SET reason = 'none'",
      'DELETE FROM tenancy.across_tenants',
      'SELECT reason FROM tenancy.across_tenants',
    ]) {
      await expect(runSql(db.appUrl, statement)).rejects.toMatchObject({ code: '42501' })
    }
    expect(await world.asB(tenantsSeen)).toEqual([world.b.tenantId])
    expect(await runSql(db.appUrl, 'SELECT count(*)::int AS n FROM projects')).toEqual([{ n: 0 }])
  })

  test('it is refused where it is not configured', async () => {
    const plain = await openMode(mode, db.appUrl)
    await expect(plain.prisma.$acrossTenants({ reason: 'x' }, () => 1)).rejects.toMatchObject({
      code: 'CONFIG.INVALID',
    })
    await expect(across(() => plain.prisma.project.count())).rejects.toMatchObject({ code: 'CONFIG.INVALID' })
    await plain.close()
  })

  test.each([
    ['the app role', 'appUrl', /has no BYPASSRLS/],
    ['a superuser', 'adminUrl', /is a superuser/],
  ] as const)('a login of %s is refused', async (_, url, message) => {
    const wrong = openAcross(mode, { appUrl: db.appUrl, bypassUrl: db[url] })
    await expect(
      wrong.prisma.$acrossTenants({ reason: 'x' }, () => wrong.prisma.project.count()),
    ).rejects.toMatchObject({ code: 'CONFIG.INVALID', message: expect.stringMatching(message) })
    await wrong.close()
  })

  test.each([
    ['no reason', {}],
    ['an empty reason', { reason: ' ' }],
    ['a reason that is no text', { reason: ['x'] }],
    ['a long reason', { reason: 'x'.repeat(1001) }],
    ['NUL in the reason', { reason: 'a\0b' }],
    ['an unknown option', { reason: 'x', writes: true }],
    ['write that is a text', { reason: 'x', write: 'false' }],
    ['no options', undefined],
  ])('%s is refused', async (_, options) => {
    let ran = false
    const call = opened.prisma.$acrossTenants(options as never, () => {
      ran = true
    })
    await expect(call).rejects.toMatchObject({ code: 'CONFIG.INVALID' })
    expect(ran).toBe(false)
  })
})

describe('plain pg', () => {
  afterEach(() => pool?.end())
  let pool: TenantPool | undefined

  test('a client that was lent outside answers nothing inside, and the other way round', async () => {
    pool = new TenantPool({ connectionString: db.appUrl, acrossTenants: { connectionString: db.bypassUrl } })
    const count = 'SELECT count(*)::int AS n FROM projects'
    const lent = await pool.connect()
    const outside = await acrossTenants({ reason: 'x' }, async () => {
      await expect(lent.query(count)).rejects.toMatchObject({ code: 'TENANT.MISMATCH' })
      const inside = await (pool as TenantPool).connect()
      expect((await inside.query(count)).rows[0].n).toBeGreaterThan(0)
      return inside
    })
    await withTenant(randomUUID(), () =>
      expect(outside.query(count)).rejects.toMatchObject({ code: 'TENANT.MISMATCH' }),
    )
    expect(await withTenant(randomUUID(), async () => (await lent.query(count)).rows)).toEqual([{ n: 0 }])
    lent.release()
    outside.release()
  })
})

test('acrossTenants finds the one client that is configured, and asks which where there are two', async () => {
  const count = 'SELECT count(*)::int AS n FROM projects'
  await withPools(1, async ([pool]) => {
    const answer = await acrossTenants({ reason: 'x' }, () => pool?.query(count))
    expect(answer?.rows[0]?.n).toBeGreaterThan(0)
  })
  await withPools(2, async () => {
    await expect(acrossTenants({ reason: 'x' }, () => 1)).rejects.toMatchObject({
      code: 'CONFIG.INVALID',
      hint: expect.stringContaining('$acrossTenants'),
    })
  })

  async function withPools(n: number, run: (pools: TenantPool[]) => Promise<void>) {
    const make = () =>
      new TenantPool({ connectionString: db.appUrl, acrossTenants: { connectionString: db.bypassUrl } })
    const pools = Array.from({ length: n }, make)
    await run(pools).finally(() => Promise.all(pools.map((pool) => pool.end())))
  }
})
