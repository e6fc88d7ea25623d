// Proves that the facts about the installed Prisma are facts: a wrong one would skip tests that could have run.
import { setTimeout as wait } from 'node:timers/promises'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { PrismaClient } from '../../generated/test/client.js'
import { createTestDatabase, type TenantDatabase } from './database.js'
import { ENDS_WAITS, NAMES_STATEMENTS, NESTS } from './prisma-version.js'

let db: TenantDatabase
let pool: pg.Pool
let prisma: PrismaClient
beforeAll(async () => {
  db = await createTestDatabase()
})
beforeEach(() => {
  pool = new pg.Pool({ connectionString: db.appUrl, max: 1 })
  let named = 0
  const statementNameGenerator = () => `named ${++named}`
  prisma = new PrismaClient({ adapter: new PrismaPg(pool, { statementNameGenerator }) })
})
afterEach(async () => {
  await prisma.$disconnect()
  await pool.end()
})
afterAll(() => db.drop())

test(`a transaction's client ${NESTS ? 'has' : 'does not have'} $transaction`, async () => {
  const kind = prisma.$transaction(async (tx) => typeof (tx as { $transaction?: unknown }).$transaction)
  expect(await kind).toBe(NESTS ? 'function' : 'undefined')
})

test(`the adapter ${NAMES_STATEMENTS ? 'prepares' : 'does not prepare'} statements by name`, async () => {
  await prisma.plan.count()
  const { rows } = await pool.query('SELECT name FROM pg_prepared_statements')
  expect(rows).toEqual(NAMES_STATEMENTS ? [{ name: 'named 1' }] : [])
})

test(`maxWait ends the wait for a connection ${ENDS_WAITS ? 'when it is over' : 'when there is one'}`, async () => {
  const held = await pool.connect()
  const refused = prisma.$transaction((tx) => tx.plan.count(), { maxWait: 20 }).catch(({ code }) => code)
  const first = await Promise.race([refused, wait(500).then(() => 'still waiting')])
  held.release()
  expect([first, await refused]).toEqual([ENDS_WAITS ? 'P2028' : 'still waiting', 'P2028'])
})
