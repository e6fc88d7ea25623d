// Proves that a PrismaClient without the extension is refused on a TenantPool also where it is asked while an extended
// client is at work: in each callback of the user's that Prisma, the adapter or the pool calls then.
import { PrismaPg } from '@prisma/adapter-pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Prisma, PrismaClient } from '../../generated/test/client.js'
import { withTenant } from '../../src/context.js'
import { tenancy } from '../../src/extension.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { createTestDatabase, rowsSeenBySuperuser, seedTenants, type TenantDatabase } from '../support/database.js'
import { COMMENTS_SQL, NAMES_STATEMENTS } from '../support/prisma-version.js'

const A = 'aaaaaaaa-0000-4000-8000-00000000000a'

let db: TenantDatabase
const closing: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  db = await createTestDatabase()
  await seedTenants(db, [A])
  await rowsSeenBySuperuser(db, "CREATE TYPE mood AS ENUM ('calm'); GRANT USAGE ON TYPE mood TO PUBLIC")
})
afterAll(() => db.drop())
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()))
})

type Options = ConstructorParameters<typeof PrismaPg>[1]
interface Callback {
  readonly name: string
  /** Where `call` is called while the extended client works. */
  readonly adapter?: (call: () => void) => Options
  readonly client?: (call: () => void) => Partial<ConstructorParameters<typeof PrismaClient>[0]>
  readonly on?: 'query' | 'error'
  readonly extension?: (call: () => void) => Parameters<typeof Prisma.defineExtension>[0]
  readonly skip?: boolean
}

const log: Prisma.LogDefinition[] = [
  { emit: 'event', level: 'query' },
  { emit: 'event', level: 'error' },
]

const callbacks: readonly Callback[] = [
  { name: "$on('query')", on: 'query' },
  { name: "$on('error')", on: 'error' },
  {
    name: 'statementNameGenerator of the adapter',
    adapter: (call) => ({
      statementNameGenerator() {
        call()
        return ''
      },
    }),
    skip: !NAMES_STATEMENTS,
  },
  {
    name: 'userDefinedTypeParser of the adapter',
    adapter: (call) => ({
      async userDefinedTypeParser(_oid, value) {
        call()
        return value
      },
    }),
  },
  {
    name: 'a plugin that writes comments into the SQL',
    client: (call) => ({
      comments: [
        () => {
          call()
          return { app: 'shop' }
        },
      ],
    }),
    skip: !COMMENTS_SQL,
  },
  {
    name: 'a query component of another extension',
    extension: (call) => ({
      query: {
        $allOperations({ args, query }) {
          call()
          return query(args)
        },
      },
    }),
  },
  {
    name: 'a computed field of another extension',
    extension: (call) =>
      ({ result: { project: { label: { needs: { name: true }, compute: () => call() } } } }) as never,
  },
]

function open({ adapter, client, on, extension }: Callback, call: () => void) {
  const pool = new TenantPool({ connectionString: db.appUrl, max: 3 })
  const factory = new PrismaPg(pool, adapter?.(call))
  const base = new PrismaClient({ ...client?.(call), adapter: factory, log } as never)
  if (on) base.$on(on as never, call)
  const prisma = base.$extends(tenancy({ pool })).$extends((extension?.(call) ?? {}) as object)
  // One on the extended client's own adapter, and one on another.
  const bare = [new PrismaClient({ adapter: factory }), new PrismaClient({ adapter: new PrismaPg(pool) })]
  closing.push(async () => {
    await Promise.all([base, ...bare].map((client) => client.$disconnect()))
    await pool.end()
  })
  return { prisma: prisma as unknown as PrismaClient, bare }
}

describe('a bare client on the TenantPool is refused in', () => {
  test.each(callbacks)('$name', async (callback) => {
    if (callback.skip) return
    const outcomes: Promise<unknown>[] = []
    let asked = false
    const { prisma, bare } = open(callback, () => {
      if (asked) return
      asked = true
      for (const client of bare) {
        for (const ask of [
          () => client.project.findMany(),
          () => client.$queryRaw`SELECT * FROM projects`,
          () => client.$transaction((tx) => tx.project.findMany()),
        ])
          outcomes.push(
            ask().then(
              (rows) => `served ${rows}`,
              (error) => (error as { code?: unknown }).code,
            ),
          )
      }
    })
    await withTenant(A, async () => {
      const rows = await prisma.project.findMany()
      expect(rows).toHaveLength(3)
      for (const row of rows) void (row as { label?: unknown }).label
      expect(await prisma.$queryRaw`SELECT 'calm'::mood AS mood`).toEqual([{ mood: 'calm' }])
      await prisma.project.findUniqueOrThrow({ where: { id: A } }).catch(() => undefined)
    })
    expect(await Promise.all(outcomes)).toEqual(Array.from({ length: 6 }, () => 'CONFIG.INVALID'))
  })
})

test('a pool that the client ended is not replaced by one that binds nothing', async () => {
  const pool = new TenantPool({ connectionString: db.appUrl, max: 1 })
  const base = new PrismaClient({ adapter: new PrismaPg(pool, { disposeExternalPool: true }) })
  const prisma = base.$extends(tenancy({ pool }))
  expect(await withTenant(A, () => prisma.project.count())).toBe(3)
  await prisma.$disconnect()
  await expect(withTenant(A, () => prisma.project.count())).rejects.toThrow('Cannot use a pool after calling end')
})
