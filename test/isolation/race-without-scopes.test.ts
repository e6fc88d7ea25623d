// Proves that the race test goes red without the fix: here the module that tells requests apart is replaced by one that
// reads the scope where Prisma sends, as a pool or an adapter alone would have to.
import { randomUUID } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { createTestDatabase, seedTenants } from '../support/database.js'
import { modes, openMode } from '../support/modes.js'
import { race } from './race.js'

vi.mock(import('../../src/scope-requests.js'), async () => {
  const { currentScope, runInScope } = await import('../../src/context.js')
  return {
    scopeRequests(shared) {
      const { options } = shared._requestHandler.dataloader
      const { singleLoader, batchLoader } = options
      const inWhateverScope = <T>(send: () => Promise<T>) => {
        const scope = currentScope()
        return runInScope(scope?.admit(), send)
      }
      options.singleLoader = (request) => inWhateverScope(() => singleLoader(request))
      options.batchLoader = (requests) => inWhateverScope(() => batchLoader(requests))
    },
  }
})

test.each(modes)('without the scopes one tenant receives the rows of another in %s mode', async (mode) => {
  const db = await createTestDatabase()
  const tenants = await seedTenants(db, [randomUUID(), randomUUID(), randomUUID()], { projects: 20 })
  const { prisma, close } = await openMode(mode, db.appUrl)
  const { wrong } = await race(prisma, tenants, 100)
  await close()
  await db.drop()
  expect(wrong.join('\n')).toMatch(/a stranger received a row/)
  expect(wrong.join('\n')).toMatch(/the owner did not receive his row/)
})
