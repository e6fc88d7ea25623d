// Proves that the kit finds Prisma's batching race: here the module that tells requests apart is replaced by one that
// reads the scope where Prisma sends, as a pool or an adapter alone would have to.
import { expect, test, vi } from 'vitest'
import { assertTenantIsolation, IsolationError } from '../../src/testing/index.js'
import { A, B, newProduct } from './product.js'

vi.mock(import('../../src/scope-requests.js'), async () => {
  const { currentScope, runInScope } = await import('../../src/context.js')
  return {
    scopeRequests(shared) {
      const { options } = shared._requestHandler.dataloader
      const { singleLoader, batchLoader } = options
      const inWhateverScope = <T>(send: () => Promise<T>) => runInScope(currentScope()?.admit(), send)
      options.singleLoader = (request) => inWhateverScope(() => singleLoader(request))
      options.batchLoader = (requests) => inWhateverScope(() => batchLoader(requests))
      const open = shared.$transaction
      Object.defineProperty(shared, '$transaction', {
        configurable: true,
        writable: true,
        value(this: unknown, input: unknown[], more?: unknown) {
          return inWhateverScope(() => open.call(this, input, more))
        },
      })
    },
  }
})

test.each(['pool', 'portable'] as const)(
  'requests that Prisma merges across tenants are found in %s mode',
  async (mode) => {
    const product = await newProduct()
    try {
      const error: unknown = await assertTenantIsolation(product.withLibrary(mode), {
        tenants: [A, B],
        print: false,
      }).catch((thrown: unknown) => thrown)
      if (!(error instanceof IsolationError)) throw error
      expect(error.leak).toMatchObject({ model: 'Project', attack: 'race' })
      expect(error.leak.what).toMatch(/when both ask in the same tick/)
      expect(error.leak.reproduction).toMatch(
        /await Promise\.all\(\[\n {2}withTenant\(a, \(\) => prisma\.project\.findUnique\(.*\n {2}withTenant\(b, /,
      )
      // Everything else holds: it is this race and nothing else.
      expect(new Set(error.matrix.leaks.map(({ attack }) => attack))).toEqual(new Set(['race']))
      expect(await product.rows()).toEqual({ projects: 0, tasks: 0, notes: 0 })
    } finally {
      await product.close()
    }
  },
)
