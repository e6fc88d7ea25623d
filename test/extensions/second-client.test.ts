// Proves that the kit finds a second client that answers without the extension, where the library cannot see one: an
// extension of one's own that reads from a replica, and what a tenant was told before another asks.
import { PrismaPg } from '@prisma/adapter-pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { assertTenantIsolation, IsolationError, type IsolationOptions } from '../../src/testing/index.js'
import { modes } from '../support/modes.js'
import { A, B, newProduct, type Product } from '../testing/product.js'
import type { AnyClient } from '../thirty-models/client.js'

let product: Product
beforeEach(async () => {
  product = await newProduct()
})
afterEach(() => product.close())

const refusal = (prisma: object, options: Partial<IsolationOptions> = {}): Promise<unknown> =>
  assertTenantIsolation(prisma, { tenants: [A, B], models: ['Project'], print: false, ...options }).then(
    () => undefined,
    (error: unknown) => error,
  )

interface Operation {
  readonly model: string
  readonly operation: string
  readonly args: object
  readonly query: (args: object) => unknown
}

/** Answers reads from another client, as extensions for replicas do. */
const readFrom = (replica: AnyClient) => ({
  query: {
    $allModels: {
      async $allOperations({ model, operation, args, query }: Operation) {
        if (!/^(?:find|count|aggregate|groupBy)/.test(operation)) return query(args)
        return replica[`${model.charAt(0).toLowerCase()}${model.slice(1)}`]?.[operation]?.(args)
      },
    },
  },
})

test.each(modes)('a replica with a login that sees everything is found in %s mode', async (mode) => {
  const replica = product.base(new PrismaPg({ connectionString: product.adminUrl }))
  const error = await refusal(product.withLibrary(mode).$extends(readFrom(replica)))
  expect(error).toBeInstanceOf(IsolationError)
  expect(error).toMatchObject({ leak: { model: 'Project', attack: 'cache replica' } })
  expect((error as IsolationError).hint).toMatch(
    /a second client, such as a read replica, without the tenancy extension/,
  )
})

test.each(modes)('a replica that sees nothing proves nothing in %s mode', async (mode) => {
  const replica = product.base(new PrismaPg({ connectionString: product.appUrl }))
  const error = await refusal(product.withLibrary(mode).$extends(readFrom(replica)))
  expect(error).toMatchObject({
    code: 'ISOLATION.UNPROVEN',
    message: expect.stringContaining('Tenant a does not see the row of Project that was just made for it.'),
    hint: expect.stringContaining("has a client that answers reads, such as a read replica's, the tenancy extension?"),
  })
})

test.each(modes)('replicas that know tenants hold in %s mode', async (mode) => {
  expect(await refusal(product.withLibrary(mode).$extends(readFrom(product.withLibrary(mode))))).toBeUndefined()
})

test('a cache that remembers that there was nothing is found', async () => {
  const nothing = new Set<string>()
  const error = await refusal(
    product.withLibrary().$extends({
      query: {
        $allModels: {
          async findMany({ args, query }: { args: object; query: (args: object) => Promise<unknown[]> }) {
            const key = JSON.stringify(args, (_, each) => (typeof each === 'bigint' ? `${each}` : each))
            if (nothing.has(key)) return []
            const rows = await query(args)
            if (rows.length === 0) nothing.add(key)
            return rows
          },
        },
      },
    }),
  )
  expect(error).toMatchObject({
    leak: { attack: 'cache replica', what: 'Tenant a is answered with what tenant b asked before it (Project).' },
  })
})

test('reads that show tenant a nothing prove nothing', async () => {
  const options = { reads: [async () => []] }
  expect(await refusal(product.withLibrary(), options)).toMatchObject({
    code: 'ISOLATION.UNPROVEN',
    message: expect.stringContaining('One of reads shows tenant a none of its rows'),
  })
  expect(await refusal(product.withLibrary(), { reads: ['findMany'] as never })).toMatchObject({
    code: 'CONFIG.INVALID',
    hint: 'reads: [(prisma) => prisma.project.findMany()].',
  })
})
