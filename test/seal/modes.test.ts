// Proves that nothing but the security changes where tenants are sealed: every operation of the client answers its owner
// as ever and another tenant nothing, in both modes; and that a seal that the database does not accept is told as such.
import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { withoutTenant, withTenant } from '../../src/context.js'
import { letDatabaseAnswer } from '../../src/database-answers.js'
import type { SealOptions } from '../../src/seal.js'
import { addSealKey, retireSealKey } from '../../src/seal-keys.js'
import { clientOperations, modelOperations } from '../isolation/operations.js'
import { newWorld, rowsOf, SECRET } from '../isolation/world.js'
import type { TenantDatabase } from '../support/database.js'
import { leftOnIdleConnections, modes, openMode } from '../support/modes.js'
import { NESTS } from '../support/prisma-version.js'
import { asOwner, createSealedDatabase, KEYS } from './sealed-database.js'

const seal: SealOptions = KEYS.current

describe.each(modes)('in %s mode', (mode) => {
  let db: TenantDatabase
  const opened: Awaited<ReturnType<typeof openMode>>[] = []
  let prisma: (typeof opened)[number]['prisma']
  beforeAll(async () => {
    db = await createSealedDatabase()
    ;({ prisma } = await open(seal))
  })
  afterEach(async () => {
    vi.useRealTimers()
    const [first] = opened
    const left = await leftOnIdleConnections(first?.pool as never, ['app.tenant_id', 'app.tenant_seal'])
    expect(left.filter((value) => value !== '')).toEqual([])
  })
  afterAll(async () => {
    for (const { close } of opened) await close()
    await db.drop()
  })

  async function open(seal: SealOptions | undefined, settings: string[] = []) {
    const one = await openMode(mode, db.appUrl, { binding: { seal, settings } })
    opened.push(one)
    return one
  }

  describe.each([...modelOperations, ...clientOperations].map((operation, i) => ({ ...operation, i })))(
    '$i $name',
    ({ call, own, other }) => {
      test('gives its owner his rows', async () => {
        const { a, asA } = await newWorld(db, prisma)
        own(await asA(() => call(prisma, a)), a)
      })

      test('gives and changes nothing of another tenant, and nothing without one', async () => {
        const { a, asB } = await newWorld(db, prisma)
        const before = await rowsOf(db, a)
        expect(before).toContain(SECRET)
        const ofB = await letDatabaseAnswer(() => asB(() => call(prisma, a))).then(
          (result) => ({ result }),
          (error: { code: string }) => ({ error }),
        )
        const ofNobody = await withoutTenant(() => call(prisma, a)).catch((error: unknown) => error)
        expect(await rowsOf(db, a)).toBe(before)
        expect(JSON.stringify([ofB, ofNobody])).not.toContain(SECRET)
        if (typeof other === 'string') expect(ofB).toMatchObject({ error: { code: other } })
        else other((ofB as { result: unknown }).result)
      })
    },
  )

  test('transactions, interactive and in arrays, are the tenant’s', async () => {
    const { a, asA } = await newWorld(db, prisma)
    const counts = await asA(() =>
      prisma.$transaction(async (tx) => {
        await tx.project.create({ data: { name: 'one' } })
        return [await tx.project.count(), await tx.task.count()]
      }),
    )
    expect(counts).toEqual([a.projectIds.length + 1, a.taskIds.length])
    const both = await asA(() => prisma.$transaction([prisma.project.count(), prisma.project.deleteMany()]))
    expect(both).toEqual([4, { count: 4 }])
  })

  const nested = 'nested transactions are the tenant’s (nested transactions came with Prisma 7.5)'
  test.skipIf(!NESTS)(nested, async () => {
    const { a, asA } = await newWorld(db, prisma)
    const counts = await asA(() =>
      prisma.$transaction(async (tx) => {
        await tx.project.create({ data: { name: 'one' } })
        await tx.$transaction(async (inner) => inner.project.create({ data: { name: 'two' } }))
        return [await tx.project.count(), await tx.task.count()]
      }),
    )
    expect(counts).toEqual([a.projectIds.length + 2, a.taskIds.length])
    expect(await asA(() => prisma.project.count())).toBe(5)
  })

  test('without a tenant shared tables work, and tenant tables show and take nothing', async () => {
    await newWorld(db, prisma)
    expect(await withoutTenant(() => prisma.project.count())).toBe(0)
    expect(await withoutTenant(() => prisma.plan.count())).toBe(0)
    await expect(withoutTenant(() => prisma.project.create({ data: { name: 'x' } }))).rejects.toThrow()
  })

  test('extra settings are bound beside the seal, and are no part of it', async () => {
    const { prisma } = await open(seal, ['app.user_id'])
    const { a } = await newWorld(db, prisma as never)
    const read = () =>
      prisma.$queryRaw`SELECT current_setting('app.user_id') AS "user", count(*)::int AS rows FROM projects`
    const as = (user: string) => withTenant({ id: a.tenantId, settings: { 'app.user_id': user } }, read)
    expect(await as('42')).toEqual([{ user: '42', rows: 3 }])
    expect(await withTenant(a.tenantId, read)).toEqual([{ user: '', rows: 3 }])
  })

  test('a scope that outlasts its seal goes on with a new one, between transactions and not within one', async () => {
    const { prisma } = await open({ ...seal, validFor: 60 })
    const { asA } = await newWorld(db, prisma)
    const sealNow = (of: Pick<typeof prisma, '$queryRaw'>) =>
      of.$queryRaw<{ seal: string; rows: number }[]>`
        SELECT current_setting('app.tenant_seal') AS seal, count(*)::int AS rows FROM projects`.then(([row]) => row)
    const start = Date.now()
    vi.useFakeTimers({ toFake: ['Date'], now: start })
    await asA(async () => {
      const first = await sealNow(prisma)
      await prisma.$transaction(async (tx) => {
        const before = await sealNow(tx)
        vi.setSystemTime(start + 40_000)
        expect(await sealNow(tx)).toEqual(before)
        expect(before).toEqual(first)
      })
      const later = await sealNow(prisma)
      expect(later?.seal).not.toBe(first?.seal)
      expect([first?.rows, later?.rows]).toEqual([3, 3])
    })
  })

  test('ten findUnique of one tenant in one tick are one statement, though their scopes are many', async () => {
    const { a, asA } = await newWorld(db, prisma)
    const found = await Promise.all(a.projectIds.map((id) => asA(() => prisma.project.findUnique({ where: { id } }))))
    expect(found.map((row) => row?.id)).toEqual(a.projectIds)
  })

  test('keys rotate: two are valid, then one', async () => {
    const next = { keyId: 'k2', key: randomBytes(32) }
    const { prisma: withNext } = await open(next)
    const { asA } = await newWorld(db, prisma)
    const count = (client: typeof prisma) => asA(() => client.project.count())
    const refused = {
      name: 'TenancyError',
      code: 'CONNECTION.BIND_FAILED',
      message: expect.stringContaining('The database does not accept the seal of the tenant: it is not genuine.'),
      hint: expect.stringContaining('tenancy seal add'),
    }
    await expect(count(withNext)).rejects.toMatchObject(refused)
    await asOwner(db, (owner) => addSealKey(owner, next))
    expect(await Promise.all([count(prisma), count(withNext)])).toEqual([3, 3])
    await asOwner(db, (owner) => retireSealKey(owner, seal.keyId))
    expect(await count(withNext)).toBe(3)
    await expect(count(prisma)).rejects.toMatchObject(refused)
    // Raw SQL, a write and a transaction meet the same error.
    await expect(asA(() => prisma.$queryRaw`SELECT * FROM projects`)).rejects.toMatchObject(refused)
    await expect(asA(() => prisma.project.create({ data: { name: 'x' } }))).rejects.toMatchObject(refused)
    await expect(asA(() => prisma.$transaction((tx) => tx.project.count()))).rejects.toMatchObject(refused)
  })

  test.each([
    [-400, 'it has expired', 'Set the clocks of this service and of the database: NTP.'],
    [
      400,
      'it is valid for longer than the database allows',
      'Give sealTenants() and seal the same validFor, and set the clocks of both machines: NTP.',
    ],
  ])('a service whose clock is %i seconds off is told so', async (off, why, hint) => {
    const key = { keyId: `clock${off + 400}`, key: randomBytes(32) }
    await asOwner(db, (owner) => addSealKey(owner, key))
    const { prisma } = await open(key)
    const { a } = await newWorld(db, prisma)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + off * 1000 })
    await expect(withTenant(a.tenantId, () => prisma.project.count())).rejects.toMatchObject({
      message: expect.stringContaining(`The database does not accept the seal of the tenant: ${why}.`),
      hint,
    })
  })

  test('a service that does not sign sees and writes nothing', async () => {
    const { prisma } = await open(undefined)
    const { a, asA } = await newWorld(db, prisma)
    const before = await rowsOf(db, a)
    expect(await asA(() => prisma.project.findMany())).toEqual([])
    expect(await asA(() => prisma.project.updateMany({ data: { budget: 1 } }))).toEqual({ count: 0 })
    await expect(asA(() => prisma.project.create({ data: { name: 'x' } }))).rejects.toMatchObject({
      code: 'POLICY.VIOLATION',
    })
    expect(await rowsOf(db, a)).toBe(before)
  })
})
