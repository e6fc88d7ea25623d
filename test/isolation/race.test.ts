// Proves that tenants who ask in the same tick never get each other's rows, in 10,000 rounds in each mode. That these
// rounds would notice is proved in race-without-scopes.test.ts.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, seedTenants, type TenantDatabase } from '../support/database.js'
import { modes, openMode } from '../support/modes.js'
import { race } from './race.js'

let db: TenantDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())

test.each(modes)(
  'same-tick requests of three tenants stay apart in %s mode',
  async (mode) => {
    const tenants = await seedTenants(db, [randomUUID(), randomUUID(), randomUUID()], { projects: 20 })
    const { prisma, close } = await openMode(mode, db.appUrl)
    const { rounds, answers, wrong } = await race(prisma, tenants, 10_000)
    await close()
    expect(wrong).toEqual([])
    expect(rounds).toBe(10_000)
    expect(answers).toBeGreaterThan(rounds * tenants.length)
  },
  120_000,
)
