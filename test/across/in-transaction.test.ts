// Proves that acrossTenants is refused in the body of a transaction, whatever scope was opened in between, and nowhere
// else: not beside it, and not after it.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withoutTenant, withTenant } from '../../src/context.js'
import { seedTenants, type TenantDatabase } from '../support/database.js'
import { modes } from '../support/modes.js'
import { createAuditedDatabase, openAcross } from './open-across.js'

let db: TenantDatabase
const tenant = randomUUID()
const other = randomUUID()
beforeAll(async () => {
  db = await createAuditedDatabase()
  await seedTenants(db, [tenant, other])
})
afterAll(() => db?.drop())

describe.each(modes)('in %s mode', (mode) => {
  let opened: ReturnType<typeof openAcross>
  let second: ReturnType<typeof openAcross>
  let madeBefore: typeof opened.prisma
  beforeAll(() => {
    opened = openAcross(mode, db)
    madeBefore = opened.prisma.$forTenant(other)
    second = openAcross(mode, db)
  })
  afterAll(() => Promise.all([opened?.close(), second?.close()]))
  const across = () => opened.prisma.$acrossTenants({ reason: 'x' }, () => opened.prisma.project.count())
  const refused = { code: 'QUERY.UNSUPPORTED', message: expect.stringContaining('inside a transaction') }
  const inTransaction = <T>(body: () => Promise<T>) =>
    withTenant(tenant, () =>
      opened.prisma.$transaction(async (tx) => {
        await tx.project.count()
        return body()
      }),
    )

  test.each<[string, () => Promise<unknown>]>([
    ['nothing', across],
    ['withTenant of the same tenant', () => withTenant(tenant, across)],
    ['withTenant of another', () => withTenant(other, across)],
    ['withoutTenant', () => withoutTenant(across)],
    ['two of them', () => withoutTenant(() => withTenant(other, across))],
    ['$forTenant', async () => opened.prisma.$forTenant(other).$acrossTenants({ reason: 'x' }, () => 1)],
    ['$forTenant made before', async () => madeBefore.$acrossTenants({ reason: 'x' }, () => 1)],
    ['a timer', async () => sleep(1).then(() => withTenant(other, across))],
    ['a transaction within that is over', () => opened.prisma.$transaction(async () => {}).then(across)],
    ['another client', () => withTenant(other, () => second.prisma.$acrossTenants({ reason: 'x' }, () => 1))],
  ])('it is refused in the body, with %s in between', async (_, body) => {
    await expect(inTransaction(body)).rejects.toMatchObject(refused)
  })

  test('it is refused in a transaction of its own, too', async () => {
    const nested = () => opened.prisma.$transaction(() => withoutTenant(across))
    await expect(opened.prisma.$acrossTenants({ reason: 'x' }, nested)).rejects.toMatchObject(refused)
  })

  test('beside a transaction of the same scope, and in a scope that its body opened, once it is over, it runs', async () => {
    let later: Promise<number> | undefined
    let end = () => {}
    const over = new Promise<void>((resolve) => {
      end = resolve
    })
    await withTenant(tenant, () =>
      Promise.all([inTransaction(() => sleep(20)), across().then((count) => expect(count).toBe(6))]),
    )
    await inTransaction(async () => {
      later = withTenant(other, () => over.then(across))
    })
    end()
    expect(await later).toBe(6)
  })

  test('uses within a use are each their own', async () => {
    await opened.prisma.$acrossTenants({ reason: 'outer' }, async () => {
      expect(await across()).toBe(6)
      expect(await opened.prisma.project.count()).toBe(6)
      await withTenant(other, async () => {
        expect(await opened.prisma.project.count()).toBe(3)
        expect(await across()).toBe(6)
      })
    })
  })
})
