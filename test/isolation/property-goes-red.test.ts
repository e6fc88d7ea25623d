// Proves that the property test can fail: with the scopes' separation replaced by what one would write first, a binding read
// from the async context when a request is sent, its programs find the leak within a few runs.
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { currentScope, runInScope } from '../../src/context.js'
import type { SharedClient } from '../../src/prisma-internals.js'
import { createTestDatabase, type TenantDatabase } from '../support/database.js'
import { modes, openMode } from '../support/modes.js'
import { runSql } from '../support/postgres.js'
import { program } from './property/program.js'
import { runProgram } from './property/run-program.js'

vi.mock('../../src/scope-requests.js', () => ({
  scopeRequests({ _requestHandler: { dataloader } }: SharedClient): void {
    const { singleLoader, batchLoader } = dataloader.options
    const here = <T>(send: () => T): T => runInScope(currentScope()?.admit(), send)
    dataloader.options.singleLoader = (request) => here(() => singleLoader(request))
    dataloader.options.batchLoader = (requests) => here(() => batchLoader(requests))
  },
}))

let db: TenantDatabase
beforeAll(async () => {
  db = await createTestDatabase()
  await runSql(db.adminUrl, "INSERT INTO plans VALUES (1, 'the only one')")
})
afterAll(() => db.drop())

test.each(modes)('in %s mode a client that reads the scope when it sends is caught', async (mode) => {
  const { prisma, close } = await openMode(mode, db.appUrl, { max: 3 })
  // Only what needs no more than that is left in the programs: the groups of one tick, and writes that give them rows.
  const ticks = program(40).map((lists) =>
    lists.map((list) => list.filter(({ kind, ...rest }) => kind === 'tick' || ('spec' in rest && kind === 'one'))),
  )
  const property = fc.asyncProperty(ticks, async (commands) => void (await runProgram(db, prisma, commands)))
  const { failed, errorInstance } = await fc.check(property, { numRuns: 10, endOnFailure: true })
  await close()
  expect(failed).toBe(true)
  expect(String(errorInstance)).toMatch(/"kind":"tick"/)
})
