// Proves that acrossTenants finds the client of today: those that were disconnected, connected or not, those that could not
// be made and those that were ended are not in its way, and two that are alive at once still are.
import { PrismaPg } from '@prisma/adapter-pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { PrismaClient } from '../../generated/test/client.js'
import { configuredClients } from '../../src/configured-clients.js'
import { acrossTenants, tenancy } from '../../src/index.js'
import type { TenantDatabase } from '../support/database.js'
import { modes } from '../support/modes.js'
import { createAuditedDatabase, openAcross } from './open-across.js'

let db: TenantDatabase
beforeAll(async () => {
  db = await createAuditedDatabase()
})
afterAll(() => db?.drop())
afterEach(() => expect(configuredClients()).toEqual([]))

const read = (prisma: { plan: { count(): Promise<number> } }) =>
  acrossTenants({ reason: 'pools in series' }, () => prisma.plan.count())
const severalAtOnce = {
  code: 'CONFIG.INVALID',
  message: expect.stringContaining('acrossTenants is configured for several clients in this process.'),
  hint: 'Say which: prisma.$acrossTenants({ reason }, () => …).',
}

describe.each(modes)('in %s mode', (mode) => {
  test.each([
    ['that never connected', false],
    ['that connected', true],
  ])('the second client works after the first one %s', async (_, connects) => {
    for (const client of ['the first', 'the second', 'the third']) {
      const { prisma, close } = openAcross(mode, db)
      if (connects) expect(await read(prisma), client).toBeGreaterThanOrEqual(0)
      await close()
    }
    const { prisma, close } = openAcross(mode, db)
    expect(await read(prisma)).toBeGreaterThanOrEqual(0)
    await close()
  })

  test('101 clients made and disconnected leave nothing registered', async () => {
    for (let n = 0; n < 101; n += 1) await openAcross(mode, db).close()
    expect(configuredClients()).toEqual([])
  })

  test('two clients alive at once are refused, and each still has its own way', async () => {
    const [first, second] = [openAcross(mode, db), openAcross(mode, db)]
    await expect(read(first.prisma)).rejects.toMatchObject(severalAtOnce)
    expect(
      await second.prisma.$acrossTenants({ reason: 'pools in series' }, () => second.prisma.plan.count()),
    ).toBeGreaterThanOrEqual(0)
    await first.close()
    expect(await read(second.prisma)).toBeGreaterThanOrEqual(0)
    await second.close()
  })

  test('a client that could not be made is not one', async () => {
    for (const wrong of [{ statementTimeout: -1 }, { audit: { schema: 1 } }, { onAcrossTenants: 'report' }])
      expect(() => openAcross(mode, db, wrong as never)).toThrow()
    expect(configuredClients()).toEqual([])
  })
})

test('a portable client that connects again is there again', async () => {
  const { prisma, close } = openAcross('portable', db)
  for (const time of ['first', 'second', 'third']) {
    expect(await read(prisma), time).toBeGreaterThanOrEqual(0)
    await prisma.$disconnect()
    expect(configuredClients()).toEqual([])
    await expect(read(prisma)).rejects.toMatchObject({ code: 'CONFIG.INVALID', message: /is not configured/ })
    await prisma.$connect()
  }
  await Promise.all([prisma.$disconnect(), prisma.$disconnect()])
  const connecting = prisma.$connect()
  await prisma.$disconnect()
  await connecting
  expect(configuredClients()).toEqual([])
  await close()
})

test('a client without acrossTenants is in nobody’s way', async () => {
  const other = new PrismaClient({ adapter: new PrismaPg({ connectionString: db.appUrl }) }).$extends(tenancy())
  const { prisma, close } = openAcross('portable', db)
  expect(await read(prisma)).toBeGreaterThanOrEqual(0)
  await close()
  await other.$disconnect()
})
