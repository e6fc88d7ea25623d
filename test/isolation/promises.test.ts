// Proves that a Prisma promise runs as its creator, wherever and however often it is awaited; that `$forTenant` binds a
// client; and that errors reach users as this library's classes.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { currentTenant, tryCurrentTenant, withoutTenant, withTenant } from '../../src/context.js'
import { letDatabaseAnswer } from '../../src/database-answers.js'
import {
  InvalidTenantIdError,
  isTenancyError,
  NoTenantError,
  PolicyViolationError,
  TenancyError,
  TenantMismatchError,
} from '../../src/errors.js'
import { createTestDatabase, type TenantDatabase } from '../support/database.js'
import { modes, type TenantPrisma } from '../support/modes.js'
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
  afterAll(() => opened.close())

  const makers = (p: TenantPrisma): Record<string, () => PromiseLike<unknown>> => ({
    'a model query': () => p.project.findMany({ select: { tenantId: true } }),
    'a raw query': () => p.$queryRaw`SELECT tenant_id AS "tenantId" FROM projects`,
    'a fluent query': () =>
      p.project.findUnique({ where: { id: world.a.projectIds[0] as string } }).tasks({ select: { tenantId: true } }),
  })

  describe.each(['a model query', 'a raw query', 'a fluent query'])('%s', (kind) => {
    const make = () => makers(prisma)[kind]?.() as PromiseLike<{ tenantId: string }[]>

    test('made in one scope and awaited in another runs as its creator', async () => {
      const { made } = await world.asA(() => ({ made: make() }))
      const rows = await world.asB(() => made)
      expect(rows.length).toBeGreaterThan(0)
      for (const row of rows) expect(row.tenantId).toBe(world.a.tenantId)
    })

    test('awaited twice, in two scopes and in none, answers the same once', async () => {
      const { made } = await world.asA(() => ({ made: make() }))
      const [first, second, third] = await Promise.all([world.asB(() => made), world.asA(() => made), made])
      expect(second).toBe(first)
      expect(third).toBe(first)
      expect(first[0]?.tenantId).toBe(world.a.tenantId)
    })

    test('made outside every scope is refused inside one', async () => {
      const made = make()
      await expect(world.asA(() => made)).rejects.toThrow(NoTenantError)
    })

    test('returned unawaited from withTenant still runs inside', async () => {
      const rows = await withTenant(world.a.tenantId, () => make())
      expect(rows[0]?.tenantId).toBe(world.a.tenantId)
    })

    test('made by $forTenant runs for that tenant in any scope', async () => {
      const ofA = makers(prisma.$forTenant(world.a.tenantId))[kind] as () => PromiseLike<{ tenantId: string }[]>
      for (const run of [world.asB, withoutTenant, (fn: () => PromiseLike<{ tenantId: string }[]>) => fn()]) {
        const rows = await run(() => ofA())
        expect(rows[0]?.tenantId).toBe(world.a.tenantId)
      }
    })
  })

  test('one promise in two array transactions runs as its creator in both', async () => {
    const { made } = await world.asA(() => ({ made: prisma.project.count() }))
    expect(await world.asB(() => prisma.$transaction([made]))).toEqual([3])
    expect(await world.asB(() => prisma.$transaction([made, made]))).toEqual([3, 3])
  })

  test('scopes nest, replace each other and end', async () => {
    expect(tryCurrentTenant()).toBeUndefined()
    await world.asA(async () => {
      expect(currentTenant()).toBe(world.a.tenantId)
      await world.asB(async () => expect(currentTenant()).toBe(world.b.tenantId))
      await withoutTenant(() => expect(tryCurrentTenant()).toBeUndefined())
      expect((await prisma.project.findFirst())?.tenantId).toBe(world.a.tenantId)
    })
    expect(() => currentTenant()).toThrow(NoTenantError)
  })

  describe('$forTenant', () => {
    test('binds transactions, and what they hand out', async () => {
      const ofA = prisma.$forTenant(world.a.tenantId)
      expect(await ofA.$transaction([ofA.project.count(), ofA.task.count()])).toEqual([3, 6])
      expect(await world.asB(() => ofA.$transaction((tx) => tx.project.count()))).toBe(3)
    })

    test('survives a later $extends', async () => {
      const ofA = prisma.$forTenant(world.a.tenantId).$extends({ client: { $count: async () => 1 } })
      const rows = await world.asB(() => ofA.project.findMany())
      expect(new Set(rows.map(({ tenantId }) => tenantId))).toEqual(new Set([world.a.tenantId]))
    })

    test('refuses a bad id at once', () => {
      expect(() => prisma.$forTenant({ id: '' })).toThrow(InvalidTenantIdError)
    })

    test("of another tenant inside a transaction is refused, for it would leave the transaction's tenant", async () => {
      const failed = world.asA(() => prisma.$transaction((tx) => tx.$forTenant(world.b.tenantId).project.findMany()))
      await expect(failed).rejects.toMatchObject({ code: 'TENANT.MISMATCH' })
    })
  })

  describe('errors', () => {
    const ways: [
      string,
      (fn: (client: Pick<TenantPrisma, 'project' | '$executeRaw'>) => PromiseLike<unknown>) => Promise<unknown>,
    ][] = [
      ['outside a transaction', async (fn) => fn(prisma)],
      ['in an interactive transaction', (fn) => prisma.$transaction(async (tx) => fn(tx))],
      [
        'in an array transaction',
        (fn) =>
          prisma.$transaction([prisma.project.count(), fn(prisma) as ReturnType<TenantPrisma['project']['count']>]),
      ],
    ]
    test.each(ways)('a policy that refuses is a PolicyViolationError from models and raw SQL, %s', async (_, way) => {
      const { tenantId } = world.b
      const before = await rowsOf(db, world.b)
      for (const write of [
        (client: Pick<TenantPrisma, 'project' | '$executeRaw'>) =>
          client.project.create({ data: { name: 'x', tenantId } }),
        (client: Pick<TenantPrisma, 'project' | '$executeRaw'>) =>
          client.$executeRaw`UPDATE projects SET tenant_id = ${tenantId}::uuid`,
      ]) {
        const refused = letDatabaseAnswer(() => world.asA(() => way(write)))
        const error: unknown = await refused.catch((reason: unknown) => reason)
        expect(error).toBeInstanceOf(PolicyViolationError)
        expect(error).toMatchObject({
          code: 'POLICY.VIOLATION',
          meta: { table: 'projects' },
          hint: expect.stringContaining('Leave the tenant column out'),
        })
        expect(isTenancyError(error)).toBe(true)
        expect(JSON.stringify(error) + (error as Error).message).not.toContain(tenantId)
      }
      expect(await rowsOf(db, world.b)).toBe(before)
    })

    test.each(ways)('an id of the wrong type is an InvalidTenantIdError, %s', async (_, way) => {
      const error: unknown = await withTenant('not-a-uuid', () =>
        way((client) => client.project.create({ data: { name: 'x' } })),
      ).catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(InvalidTenantIdError)
      expect((error as TenancyError).hint).toContain('withTenant(')
    })

    test.each(ways)('a session statement is a TenancyError QUERY.UNSUPPORTED with a hint, %s', async (_, way) => {
      const error: unknown = await world
        .asA(() => way((client) => client.$executeRaw`SET ROLE none`))
        .catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(TenancyError)
      expect(error).toMatchObject({ code: 'QUERY.UNSUPPORTED', hint: expect.stringContaining('SET LOCAL') })
    })

    test.each(ways)('no scope is a NoTenantError, %s', async (_, way) => {
      const error: unknown = await way((client) => client.project.create({ data: { name: 'x' } })).catch(
        (reason: unknown) => reason,
      )
      expect(error).toBeInstanceOf(NoTenantError)
      expect((error as TenancyError).hint).toContain('withTenant(tenantId')
    })

    test('a missing grant is an error that names it, and no violation of a policy', async () => {
      const error: unknown = await world
        .asA(() => prisma.$executeRaw`SELECT rolpassword FROM pg_catalog.pg_authid`)
        .catch((reason: unknown) => reason)
      expect(error).toMatchObject({ code: 'ROLE.LACKS_PRIVILEGE', hint: expect.stringContaining('pg_authid') })
      expect(error).not.toBeInstanceOf(PolicyViolationError)
      expect((error as Error).message).toContain('permission denied for')
    })

    test("Prisma's own errors, and the user's, pass unchanged", async () => {
      const own = new Error('mine')
      await expect(world.asA(() => prisma.$transaction(async () => Promise.reject(own)))).rejects.toBe(own)
      await expect(
        world.asA(() => prisma.project.findUniqueOrThrow({ where: { id: world.b.projectIds[0] as string } })),
      ).rejects.toMatchObject({ code: 'P2025', name: 'PrismaClientKnownRequestError' })
      await expect(
        world.asA(async () => prisma.project.create({ data: {} as { name: string } })),
      ).rejects.toMatchObject({ name: 'PrismaClientValidationError' })
    })

    test('mismatches are TenantMismatchErrors', async () => {
      const error: unknown = await world
        .asA(() => prisma.$transaction((tx) => world.asB(() => tx.project.count())))
        .catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(TenantMismatchError)
    })
  })
})
