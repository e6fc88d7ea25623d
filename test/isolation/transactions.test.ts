// Proves that the user's transactions stay theirs: atomicity, nesting, overlap, isolation level, time limits and result
// types; and that a transaction belongs to the tenant it was opened for.
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { withoutTenant } from '../../src/context.js'
import { letDatabaseAnswer } from '../../src/database-answers.js'
import { createTestDatabase, rowsSeenBySuperuser, type TenantDatabase } from '../support/database.js'
import { leftOnIdleConnections, modes, type TenantPrisma } from '../support/modes.js'
import { ENDS_WAITS, NESTS } from '../support/prisma-version.js'
import { newWorld, openMode, rowsOf, type World } from './world.js'

let db: TenantDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())

describe.each(modes)('in %s mode', (mode) => {
  let opened: Awaited<ReturnType<typeof openMode>>
  let world: World
  let prisma: TenantPrisma
  beforeAll(async () => {
    opened = await openMode(mode, db.appUrl)
    prisma = opened.prisma
  })
  beforeEach(async () => {
    world = await newWorld(db, prisma)
  })
  afterEach(async () => {
    expect((await leftOnIdleConnections(opened.pool)).filter((left) => left !== '')).toEqual([])
  })
  afterAll(() => opened.close())

  const projectsOf = (tenantId: string) =>
    rowsSeenBySuperuser<{ name: string }>(db, 'SELECT name FROM projects WHERE tenant_id = $1 ORDER BY name', [
      tenantId,
    ]).then((rows) => rows.map(({ name }) => name))

  describe('atomicity', () => {
    test('an interactive transaction that throws leaves nothing', async () => {
      const before = await rowsOf(db, world.a)
      const failed = world.asA(() =>
        prisma.$transaction(async (tx) => {
          await tx.project.create({ data: { name: 'gone', tasks: { create: { title: 'gone' } } } })
          await tx.project.updateMany({ data: { budget: 9 } })
          await tx.$executeRaw`DELETE FROM tasks`
          throw new Error('on second thought')
        }),
      )
      await expect(failed).rejects.toThrow('on second thought')
      expect(await rowsOf(db, world.a)).toBe(before)
    })

    test('an interactive transaction that returns keeps everything', async () => {
      const sum = await world.asA(() =>
        prisma.$transaction(async (tx) => {
          await tx.project.create({ data: { name: 'kept' } })
          await tx.$executeRaw`UPDATE projects SET budget = 2`
          return (await tx.project.aggregate({ _sum: { budget: true } }))._sum.budget
        }),
      )
      expect(sum).toBe(8)
      expect(await projectsOf(world.a.tenantId)).toContain('kept')
    })

    test('an array transaction whose last member fails leaves nothing', async () => {
      const before = await rowsOf(db, world.a)
      const id = world.a.projectIds[0] as string
      const failed = world.asA(() =>
        prisma.$transaction([
          prisma.project.create({ data: { name: 'gone' } }),
          prisma.project.updateMany({ data: { budget: 9 } }),
          prisma.project.create({ data: { id, name: 'taken' } }),
        ]),
      )
      await expect(failed).rejects.toMatchObject({ code: 'P2002' })
      expect(await rowsOf(db, world.a)).toBe(before)
    })

    test('an array transaction of raw statements whose last member fails leaves nothing', async () => {
      const before = await rowsOf(db, world.a)
      const failed = world.asA(() =>
        prisma.$transaction([prisma.$executeRaw`DELETE FROM projects`, prisma.$queryRaw`SELECT 1 / 0`]),
      )
      await expect(failed).rejects.toMatchObject({ code: 'P2010' })
      expect(await rowsOf(db, world.a)).toBe(before)
    })

    test('a nested write whose inner part fails leaves nothing', async () => {
      const before = await rowsOf(db, world.a)
      const id = world.a.taskIds[0] as string
      const failed = world.asA(() =>
        prisma.project.create({
          data: { name: 'gone', tasks: { create: [{ title: 'gone' }, { id, title: 'taken' }] } },
        }),
      )
      await expect(failed).rejects.toMatchObject({ code: 'P2002' })
      expect(await rowsOf(db, world.a)).toBe(before)
    })

    test('an operation refused by a policy inside a transaction takes the transaction with it', async () => {
      const before = await rowsOf(db, world.a)
      const failed = letDatabaseAnswer(() =>
        world.asA(() =>
          prisma.$transaction([
            prisma.project.create({ data: { name: 'gone' } }),
            prisma.project.create({ data: { name: 'moved', tenantId: world.b.tenantId } }),
          ]),
        ),
      )
      await expect(failed).rejects.toMatchObject({ code: 'POLICY.VIOLATION', name: 'PolicyViolationError' })
      expect(await rowsOf(db, world.a)).toBe(before)
    })

    test('a statement that fails aborts the whole transaction, though it was caught', async () => {
      const failed = world.asA(() =>
        prisma.$transaction(async (tx) => {
          await tx.$queryRaw`SELECT 1 / 0`.catch(() => {})
          return tx.project.count()
        }),
      )
      await expect(failed).rejects.toThrow(/25P02|aborted/)
    })
  })

  describe.skipIf(!NESTS)('nesting (nested transactions came with Prisma 7.5)', () => {
    test('an inner transaction that fails and is caught is undone, and the outer goes on, bound', async () => {
      const seen = await world.asA(() =>
        prisma.$transaction(async (tx) => {
          await tx.project.create({ data: { name: 'outer 1' } })
          await tx
            .$transaction(async (inner) => {
              await inner.project.create({ data: { name: 'inner' } })
              await inner.project.create({ data: { name: 'outer 1' } })
            })
            .catch((error: { code: string }) => expect(error.code).toBe('P2002'))
          await tx.project.create({ data: { name: 'outer 2' } })
          return tx.project.findMany({ select: { tenantId: true } })
        }),
      )
      expect(new Set(seen.map(({ tenantId }) => tenantId))).toEqual(new Set([world.a.tenantId]))
      const names = await projectsOf(world.a.tenantId)
      expect(names).toEqual(expect.arrayContaining(['outer 1', 'outer 2']))
      expect(names).not.toContain('inner')
    })

    test('an inner transaction that succeeds is undone with its outer', async () => {
      const before = await rowsOf(db, world.a)
      const failed = world.asA(() =>
        prisma.$transaction(async (tx) => {
          await tx.$transaction((inner) => inner.project.create({ data: { name: 'inner' } }))
          throw new Error('outer')
        }),
      )
      await expect(failed).rejects.toThrow('outer')
      expect(await rowsOf(db, world.a)).toBe(before)
    })

    test('an inner transaction may come first, before any statement of the outer', async () => {
      await world.asA(() =>
        prisma.$transaction(async (tx) => {
          await tx.$transaction((inner) => inner.project.create({ data: { name: 'inner first' } }))
        }),
      )
      expect(await projectsOf(world.a.tenantId)).toContain('inner first')
    })
  })

  describe('ownership', () => {
    test("a transaction's client in another tenant's scope is refused, and the transaction is undone", async () => {
      const before = await rowsOf(db, world.b)
      const refused = {
        code: 'TENANT.MISMATCH',
        name: 'TenantMismatchError',
        hint: expect.stringContaining('withTenant(id'),
      }
      for (const use of [
        (tx: TenantPrisma) => tx.project.findMany(),
        (tx: TenantPrisma) => tx.project.create({ data: { name: 'x' } }),
        (tx: TenantPrisma) => tx.$queryRaw`SELECT 1`,
        ...(NESTS ? [(tx: TenantPrisma) => tx.$transaction((inner) => inner.project.count())] : []),
      ]) {
        const failed = world.asA(() => prisma.$transaction((tx) => world.asB(() => use(tx as unknown as TenantPrisma))))
        await expect(failed).rejects.toMatchObject(refused)
      }
      expect(await rowsOf(db, world.b)).toBe(before)
    })

    test("a transaction's client in no tenant's scope is refused", async () => {
      await expect(
        world.asA(() => prisma.$transaction((tx) => withoutTenant(() => tx.project.count()))),
      ).rejects.toMatchObject({ code: 'TENANT.MISMATCH' })
    })

    test("a promise of the transaction's client runs for no other tenant, wherever it was made or awaited", async () => {
      const madeInB = world.asA(() =>
        prisma.$transaction(async (tx) => {
          const { promise } = await world.asB(() => ({ promise: tx.project.findMany() }))
          return promise
        }),
      )
      await expect(madeInB).rejects.toMatchObject({ code: 'TENANT.MISMATCH' })
      const awaitedInB = world.asA(() =>
        prisma.$transaction(async (tx) => {
          const promise = tx.project.findMany()
          return world.asB(() => promise)
        }),
      )
      await expect(awaitedInB).rejects.toMatchObject({ code: 'TENANT.MISMATCH' })
    })

    test('the client itself inside the transaction of another tenant works beside it', async () => {
      const [inside, beside] = await world.asA(() =>
        prisma.$transaction(async (tx) => [
          await tx.project.findFirst(),
          await world.asB(() => prisma.project.findFirst()),
        ]),
      )
      expect([inside?.tenantId, beside?.tenantId]).toEqual([world.a.tenantId, world.b.tenantId])
    })

    test('an array transaction of promises from two scopes is refused before anything is sent', async () => {
      const before = [await rowsOf(db, world.a), await rowsOf(db, world.b)]
      const { ofA } = await world.asA(() => ({ ofA: prisma.project.create({ data: { name: 'a' } }) }))
      const { ofB } = await world.asB(() => ({ ofB: prisma.project.create({ data: { name: 'b' } }) }))
      for (const run of [world.asA, world.asB, withoutTenant]) {
        await expect(run(() => prisma.$transaction([ofA, ofB]))).rejects.toMatchObject({ code: 'TENANT.MISMATCH' })
      }
      expect([await rowsOf(db, world.a), await rowsOf(db, world.b)]).toEqual(before)
    })

    test('without a scope no transaction is opened', async () => {
      await expect(prisma.$transaction(async (tx) => tx.project.count())).rejects.toMatchObject({
        code: 'TENANT.REQUIRED',
      })
      await expect(prisma.$transaction([prisma.project.count(), prisma.project.count()])).rejects.toMatchObject({
        code: 'TENANT.REQUIRED',
      })
    })

    test('a transaction client used after its end reaches nothing', async () => {
      const { tx } = await world.asA(() => prisma.$transaction(async (tx) => ({ tx })))
      await expect(world.asA(() => tx.project.findMany())).rejects.toThrow(/Transaction/)
    })
  })

  describe('overlap', () => {
    test('overlapping queries of one transaction all see its tenant, in two transactions at once', async () => {
      const read = (run: World['asA']) =>
        run(() =>
          prisma.$transaction((tx) =>
            Promise.all(
              Array.from({ length: 40 }, (_, i) =>
                i % 2
                  ? tx.project.findMany()
                  : tx.$queryRaw<{ tenantId: string }[]>`SELECT tenant_id AS "tenantId" FROM projects`,
              ),
            ),
          ),
        )
      const [ofA, ofB] = await Promise.all([read(world.asA), read(world.asB)])
      for (const [answers, tenant] of [
        [ofA, world.a],
        [ofB, world.b],
      ] as const) {
        for (const rows of answers)
          expect(rows.map(({ tenantId }) => tenantId)).toEqual(tenant.projectIds.map(() => tenant.tenantId))
      }
    })

    test('with one connection nothing deadlocks', async () => {
      const one = await openMode(mode, db.appUrl, { max: 1 })
      const work = (run: World['asA']) => [
        run(() => one.prisma.project.findMany()),
        run(() => one.prisma.$transaction(async (tx) => [await tx.project.count(), await tx.task.count()])),
        run(() => one.prisma.$transaction([one.prisma.project.count(), one.prisma.task.count()])),
        run(() => one.prisma.project.create({ data: { name: 'one', tasks: { create: { title: 'one' } } } })),
      ]
      expect(await Promise.all([...work(world.asA), ...work(world.asB)])).toHaveLength(8)
      await one.close()
    })
  })

  describe('options', () => {
    test.each(['ReadCommitted', 'RepeatableRead', 'Serializable'] as const)(
      'the isolation level %s is in force',
      async (isolationLevel) => {
        const level = isolationLevel.replace(/(.)([A-Z])/, '$1 $2').toLowerCase()
        const show = (client: Pick<TenantPrisma, '$queryRaw'>) =>
          client.$queryRaw<{ level: string }[]>`SELECT current_setting('transaction_isolation') AS level`
        expect(await world.asA(() => prisma.$transaction((tx) => show(tx), { isolationLevel }))).toEqual([{ level }])
        expect(await world.asA(() => prisma.$transaction([show(prisma), show(prisma)], { isolationLevel }))).toEqual([
          [{ level }],
          [{ level }],
        ])
      },
    )

    test('a serialization failure reaches the user as Prisma reports it', async () => {
      let reading = 3
      let all = () => {}
      const allHaveRead = new Promise<void>((resolve) => {
        all = resolve
      })
      const bump = () =>
        prisma.$transaction(
          async (tx) => {
            await tx.project.count()
            reading -= 1
            if (reading === 0) all()
            await allHaveRead
            await tx.project.updateMany({ data: { budget: { increment: 1 } } })
          },
          { isolationLevel: 'Serializable', timeout: 20_000 },
        )
      const outcomes = await world.asA(() => Promise.allSettled([bump(), bump(), bump()]))
      const failed = outcomes.filter((outcome) => outcome.status === 'rejected')
      for (const { reason } of failed) expect(reason).toMatchObject({ code: 'P2034' })
      expect(failed).toHaveLength(2)
    })

    test('timeout ends a transaction, and its rows are gone', async () => {
      const before = await rowsOf(db, world.a)
      const slow = world.asA(() =>
        prisma.$transaction(
          async (tx) => {
            await tx.project.create({ data: { name: 'slow' } })
            await tx.$queryRaw`SELECT 1 FROM pg_sleep(0.4)`
            await tx.project.create({ data: { name: 'slow too' } })
          },
          { timeout: 150 },
        ),
      )
      await expect(slow).rejects.toMatchObject({ code: 'P2028' })
      expect(await rowsOf(db, world.a)).toBe(before)
    })

    const atMaxWait = ENDS_WAITS ? 'ends the wait for a connection' : 'refuses a transaction once it has one'
    test(`maxWait ${atMaxWait}`, async () => {
      const one = await openMode(mode, db.appUrl, { max: 1 })
      let done = () => {}
      const holding = new Promise<void>((resolve) => {
        done = resolve
      })
      let opened = () => {}
      const isOpen = new Promise<void>((resolve) => {
        opened = resolve
      })
      const holder = world.asA(() =>
        one.prisma.$transaction(async (tx) => {
          await tx.project.count()
          opened()
          await holding
        }),
      )
      await isOpen
      const refused = expect(
        world.asB(() => one.prisma.$transaction((tx) => tx.project.count(), { maxWait: 100 })),
      ).rejects.toMatchObject({ code: 'P2028' })
      if (ENDS_WAITS) await refused
      else await wait(150)
      done()
      await holder
      await refused
      expect((await world.asB(() => one.prisma.project.findFirst()))?.tenantId).toBe(world.b.tenantId)
      await one.close()
    })

    test('the results of an array transaction keep their order and types', async () => {
      const results = await world.asA(() =>
        prisma.$transaction([
          prisma.project.count(),
          prisma.project.create({ data: { name: 'third' } }),
          prisma.project.findUnique({ where: { id: world.b.projectIds[0] as string } }),
          prisma.$queryRaw<{ n: number }[]>`SELECT count(*)::int AS n FROM projects`,
          prisma.$executeRaw`UPDATE projects SET budget = 1`,
          prisma.plan.findMany(),
        ]),
      )
      expect(results).toEqual([
        3,
        expect.objectContaining({ name: 'third', createdAt: expect.any(Date) }),
        null,
        [{ n: 4 }],
        4,
        expect.any(Array),
      ])
    })

    test('an empty array transaction resolves to an empty array', async () => {
      expect(await world.asA(() => prisma.$transaction([]))).toEqual([])
    })
  })
})
