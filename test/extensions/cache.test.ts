// Proves what a cache extension hands out, with the real prisma-extension-redis on a real Redis: without the tenant in its
// keys one tenant's rows reach another, which the library cannot see and the kit finds; with the tenant in them each tenant
// has a cache of its own, before ours and after, in transactions and on $forTenant.
import { Redis } from 'ioredis'
import { PrismaExtensionRedis } from 'prisma-extension-redis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { PrismaClient } from '../../generated/test/client.js'
import { withTenant } from '../../src/context.js'
import { tenantKey } from '../../src/keyed.js'
import { assertTenantIsolation, IsolationError, type IsolationOptions } from '../../src/testing/index.js'
import { modes } from '../support/modes.js'
import { redisAvailable, startRedis, type TestRedis } from '../support/redis.js'
import { newProduct, type Product } from '../testing/product.js'
import { A, B, everyWay, newScene } from './scene.js'

/** Every key of the extension begins with its prefix, which it gives to this function. */
const tenantInKeys = { caseTransformer: (text: string) => (text === 'prisma' ? tenantKey(text) : text) }

// JSON knows no bigint.
const transformer = {
  serialize: (value: unknown) => JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? `${each}n` : each)),
  deserialize: (text: unknown) =>
    JSON.parse(text as string, (_, each) => (/^\d+n$/.test(each) ? BigInt(each.slice(0, -1)) : each)),
}

describe.skipIf(!redisAvailable())('with Redis (skipped where it is not installed)', () => {
  let server: TestRedis
  let redis: Redis
  beforeAll(async () => {
    server = await startRedis()
    redis = new Redis(server.url)
  })
  afterAll(async () => {
    redis?.disconnect()
    await server?.stop()
  })
  beforeEach(() => redis.flushall())

  const caching = (cacheKey: object = {}, auto: object | boolean = { invalidateOnWrite: true }) =>
    PrismaExtensionRedis({ client: redis, config: { ttl: 60, stale: 60, type: 'STRING', auto, cacheKey, transformer } })

  describe('the cache', () => {
    const scene = newScene()
    const tenantsOf = async (rows: PromiseLike<{ tenantId: string }[]>) => [
      ...new Set((await rows).map(({ tenantId }) => tenantId)),
    ]

    test("hands one tenant's rows to another and to nobody, without the tenant in its keys", async () => {
      const { base, ours } = scene().base('pool')
      const prisma = base.$extends(ours).$extends(caching())
      const read = () => tenantsOf(prisma.project.findMany())
      expect(await withTenant(A, read)).toEqual([A])
      expect(await withTenant(B, read)).toEqual([A])
      expect(await read()).toEqual([A])
    })

    test.each(everyWay)(
      'is one for each tenant, with the tenant in its keys: $mode mode, $order ours',
      async ({ mode, order }) => {
        const { base, ours } = scene().base(mode)
        const after = () => base.$extends(ours).$extends(caching(tenantInKeys))
        const prisma = (
          order === 'before' ? base.$extends(caching(tenantInKeys)).$extends(ours) : after()
        ) as ReturnType<typeof after>
        const read = (client: Pick<PrismaClient, 'project'> = prisma as never) => tenantsOf(client.project.findMany())
        const sources = async () =>
          ((await prisma.project.findMany({ meta: true } as never)) as never as { meta: { source: string } }).meta
            .source
        for (const source of ['db', 'cache']) {
          expect(await withTenant(A, sources)).toBe(source)
          expect(await withTenant(B, sources)).toBe(source)
        }
        expect(await Promise.all([A, B, A].map((id) => withTenant(id, () => read())))).toEqual([[A], [B], [A]])
        expect(await withTenant(B, () => read(prisma.$forTenant(A) as never))).toEqual([A])
        await expect(read()).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
        await withTenant(A, async () => {
          await prisma.$transaction(async (tx) => {
            expect(await read(tx as never)).toEqual([A])
            await tx.project.updateMany({ data: { budget: 5 } })
          })
          // The write took a's cached reads away, and b's are there.
          expect(await sources()).toBe('db')
        })
        expect(await withTenant(B, sources)).toBe('cache')
        expect(
          (await redis.keys('*')).filter((key) => !key.startsWith(`tenant:${A}:`) && !key.startsWith(`tenant:${B}:`)),
        ).toEqual([])
      },
    )
  })

  describe.each(modes)('the kit in %s mode', (mode) => {
    let product: Product
    beforeEach(async () => {
      product = await newProduct()
    })
    afterEach(() => product.close())
    const run = (prisma: object, options: Partial<IsolationOptions> = {}) =>
      assertTenantIsolation(prisma, { tenants: [A, B], models: ['Task'], print: false, ...options })
    const refusal = (promise: Promise<unknown>) =>
      promise.then(
        () => undefined,
        (error: unknown) => error,
      )
    const reads: IsolationOptions['reads'] = [
      (prisma) =>
        prisma.task.findMany({ cache: { key: prisma.getKey({ params: [{ prisma: 'all-tasks' }] }), ttl: 60 } }),
    ]

    test('finds a cache without the tenant in its keys, and says that it is one', async () => {
      const error = await refusal(run(product.withLibrary(mode).$extends(caching())))
      expect(error).toBeInstanceOf(IsolationError)
      const { leak, hint } = error as IsolationError
      expect(leak).toMatchObject({ model: 'Task', attack: 'cache replica' })
      expect(leak.what).toBe('Tenant b is answered with what is of tenant a (Task).')
      expect(hint).toMatch(/a cache without the tenant in its keys \(tenantKey\(…\)\)/)
      expect(leak.reproduction).toMatch(/withTenant\(a, .*findMany.*\n.*withTenant\(b, .*findMany/)
    })

    test("finds a cached read of the service's own", async () => {
      const prisma = product.withLibrary(mode).$extends(caching({}, false))
      expect((await run(prisma)).leaks).toEqual([])
      const error = await refusal(run(prisma, { reads }))
      expect(error).toMatchObject({ leak: { attack: 'cache replica' } })
      expect((error as IsolationError).leak.reproduction).toContain('prisma.task.findMany')
    })

    test('finds nothing with the tenant in the keys', async () => {
      const prisma = product.withLibrary(mode).$extends(caching(tenantInKeys))
      const matrix = await run(prisma, { reads })
      expect(matrix.leaks).toEqual([])
      expect(matrix.cells['Task']?.['cache replica']).toMatchObject({ outcome: 'held' })
    })
  })
})
