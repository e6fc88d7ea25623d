// Proves, for every operation that the installed Prisma Client exposes, in both modes: its owner gets his rows, another
// tenant gets and changes nothing, and without a scope nothing is sent. An operation that a new Prisma adds fails here
// until it is decided.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Prisma } from '../../generated/test/client.js'
import { withoutTenant } from '../../src/context.js'
import { letDatabaseAnswer } from '../../src/database-answers.js'
import { createTestDatabase, type TenantDatabase } from '../support/database.js'
import { leftOnIdleConnections, modes } from '../support/modes.js'
import { clientOperations, modelOperations, otherMembers } from './operations.js'
import { newWorld, openMode, rowsOf, SECRET } from './world.js'

describe.each(modes)('in %s mode', (mode) => {
  let db: TenantDatabase
  let opened: Awaited<ReturnType<typeof openMode>>
  beforeAll(async () => {
    db = await createTestDatabase()
    opened = await openMode(mode, db.appUrl)
  })
  afterEach(async () => {
    expect((await leftOnIdleConnections(opened.pool)).filter((left) => left !== '')).toEqual([])
  })
  afterAll(async () => {
    await opened.close()
    await db.drop()
  })

  test('every member of the client is decided', () => {
    const { prisma } = opened
    const exposed = [...namesOf(prisma.project), ...namesOf(prisma).filter((name) => name.startsWith('$'))]
    const decided = new Set([...modelOperations, ...clientOperations].map(({ name }) => name))
    expect(exposed.filter((name) => !decided.has(name) && !(name in otherMembers))).toEqual([])
    expect([...decided].filter((name) => !exposed.includes(name))).toEqual([])
  })

  describe.each([...modelOperations, ...clientOperations].map((operation, i) => ({ ...operation, i })))(
    '$i $name',
    ({ call, own, other }) => {
      test('gives its owner his rows', async () => {
        const { prisma, a, asA } = await newWorld(db, opened.prisma)
        own(await asA(() => call(prisma, a)), a)
      })

      test('gives and changes nothing of another tenant', async () => {
        const { prisma, a, asB } = await newWorld(db, opened.prisma)
        const before = await rowsOf(db, a)
        expect(before).toContain(SECRET)
        // The database answers, where the client would know by itself: see written-tenant.test.ts.
        const outcome = await letDatabaseAnswer(() => asB(() => call(prisma, a))).then(
          (result) => ({ result }),
          (error: { code: string }) => ({ error }),
        )
        expect(await rowsOf(db, a)).toBe(before)
        expect(JSON.stringify(outcome)).not.toContain(SECRET)
        if (typeof other === 'string') expect(outcome).toMatchObject({ error: { code: other } })
        else {
          expect(outcome).toHaveProperty('result')
          other((outcome as { result: unknown }).result)
        }
      })

      test('gives and changes nothing without a tenant', async () => {
        const { prisma, a } = await newWorld(db, opened.prisma)
        const before = await rowsOf(db, a)
        await expect(Promise.resolve(call(prisma, a))).rejects.toMatchObject({
          code: 'TENANT.REQUIRED',
          name: 'NoTenantError',
        })
        const outcome = await withoutTenant(() => call(prisma, a)).catch((error: unknown) => error)
        expect(JSON.stringify(outcome)).not.toContain(SECRET)
        expect(await rowsOf(db, a)).toBe(before)
      })
    },
  )

  test('the internal raw methods run in the scope of their caller', async () => {
    const { prisma, asB, b } = await newWorld(db, opened.prisma)
    const internal = prisma as unknown as Record<
      '$queryRawInternal' | '$executeRawInternal',
      (...args: unknown[]) => Promise<unknown>
    >
    const ask = () => internal.$queryRawInternal(undefined, '$queryRaw', Prisma.sql`SELECT id FROM projects`)
    const write = () =>
      internal.$executeRawInternal(undefined, '$executeRaw', Prisma.sql`UPDATE projects SET budget = 1`)
    await expect(ask()).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
    await expect(write()).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
    expect(await asB(ask)).toHaveLength(b.projectIds.length)
    expect(await asB(write)).toBe(b.projectIds.length)
  })

  test.each(['findRaw', 'aggregateRaw'])('%s of MongoDB answers nothing on PostgreSQL', async (name) => {
    const { prisma, asA } = await newWorld(db, opened.prisma)
    const model = prisma.project as unknown as Record<string, (args: object) => PromiseLike<unknown>>
    await expect(asA(() => model[name]?.({}) ?? Promise.reject(new Error('gone')))).rejects.toThrow()
  })

  test('shared tables are read in any scope, and without a scope not at all', async () => {
    const { prisma, asA } = await newWorld(db, opened.prisma)
    await expect(Promise.resolve(prisma.plan.findMany())).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
    const plans = await asA(() => prisma.plan.count())
    expect(await withoutTenant(() => prisma.plan.count())).toBe(plans)
  })
})

function namesOf(object: object): string[] {
  const names = new Set<string>()
  for (const name in object) names.add(name)
  for (const name of Reflect.ownKeys(object)) if (typeof name === 'string') names.add(name)
  return [...names]
}
