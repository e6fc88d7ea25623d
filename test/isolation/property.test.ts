// Proves, on random programs of five tenants at work at once on three connections, that every answer is the one which an
// oracle in memory predicts, and that afterwards the database holds exactly what the oracle does. A failure prints how to
// run the same program again: TENANCY_SEED=<seed>:<path>.
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { letDatabaseAnswer } from '../../src/database-answers.js'
import { createTestDatabase, type TenantDatabase } from '../support/database.js'
import { leftOnIdleConnections, modes, openMode } from '../support/modes.js'
import { runSql } from '../support/postgres.js'
import { program } from './property/program.js'
import { runProgram } from './property/run-program.js'

const RUNS = 24
const COMMANDS = 50
const OPERATIONS_AT_LEAST = 10_000

let db: TenantDatabase
beforeAll(async () => {
  db = await createTestDatabase()
  await runSql(db.adminUrl, "INSERT INTO plans VALUES (1, 'the only one')")
})
afterAll(() => db.drop())

test.each(modes)('in %s mode the database does what the oracle says', { timeout: 600_000 }, async (mode) => {
  // Waiting for one of three connections is part of the test, and no fault.
  const patient = { transactionOptions: { maxWait: 120_000, timeout: 120_000 } }
  const { prisma, pool, close } = await openMode(mode, db.appUrl, { max: 3, client: patient })
  let operations = 0
  const property = fc.asyncProperty(program(COMMANDS), async (commands) => {
    operations += await letDatabaseAnswer(() => runProgram(db, prisma, commands))
    expect(await leftOnIdleConnections(pool)).toEqual(Array.from({ length: pool.totalCount }, () => ''))
  })
  const [seed, path] = (process.env.TENANCY_SEED ?? '').split(/:(.*)/)
  const replay = seed ? { seed: Number(seed), ...(path ? { path } : {}) } : {}
  // A smaller program is looked for only in a replay: here the failure is to be told before the time is up.
  const details = await fc.check(property, { numRuns: RUNS, endOnFailure: !seed, ...replay })
  await close()
  if (details.failed) {
    const again = `TENANCY_SEED=${details.seed}:${details.counterexamplePath ?? ''}`
    throw new Error(`${again} fails after ${details.numRuns} programs and ${operations} operations in ${mode} mode.`, {
      cause: details.errorInstance,
    })
  }
  if (!seed) expect(operations).toBeGreaterThanOrEqual(OPERATIONS_AT_LEAST)
})
