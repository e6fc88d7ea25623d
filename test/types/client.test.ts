// Proves that types survive: the compiler checks each claim in `npm run check`, and here the values are what it says.
import { randomUUID } from 'node:crypto'
import { PrismaPg } from '@prisma/adapter-pg'
import type pg from 'pg'
import {
  type AcrossTenantsOptions,
  acrossTenants,
  currentTenant,
  isTenancyError,
  type PoolOptions,
  type PortableOptions,
  type TenancyError,
  type Tenant,
  TenantPool,
  tenancy,
  tenantKey,
  tenantLockKey,
  tenantPath,
  tryCurrentTenant,
  withoutTenant,
  withTenant,
} from 'prisma-extension-tenancy'
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest'

import { type Plan, Prisma, PrismaClient, type Project, type Task } from '../../generated/test/client.js'
import { createTestDatabase, type SeededTenant, seedTenants, type TenantDatabase } from '../support/database.js'

let db: TenantDatabase
let pool: TenantPool
let base: PrismaClient
let prisma: ReturnType<typeof extend>
let tenant: SeededTenant
const extend = (client: PrismaClient) => client.$extends(tenancy({ pool }))

beforeAll(async () => {
  db = await createTestDatabase()
  pool = new TenantPool({ connectionString: db.appUrl, max: 2 })
  base = new PrismaClient({ adapter: new PrismaPg(pool) })
  prisma = extend(base)
  ;[tenant] = await seedTenants(db, [randomUUID()])
})
afterAll(async () => {
  await base.$disconnect()
  await pool.end()
  await db.drop()
})

const inTenant = <T>(fn: () => T | PromiseLike<T>): Promise<T> => withTenant(tenant.tenantId, fn)

describe('the extended client', () => {
  test('gives whole rows their model type', async () => {
    const rows = await inTenant(() => prisma.project.findMany())
    expectTypeOf(rows).toEqualTypeOf<Project[]>()
    expect(rows).toHaveLength(3)
    const none = await inTenant(() => prisma.project.findUnique({ where: { id: randomUUID() } }))
    expectTypeOf(none).toEqualTypeOf<Project | null>()
    expect(none).toBeNull()
  })

  test('narrows to what select takes', async () => {
    const row = await inTenant(() =>
      prisma.project.findFirstOrThrow({ select: { id: true, tasks: { select: { done: true } } } }),
    )
    expectTypeOf(row).toEqualTypeOf<{ id: string; tasks: { done: boolean }[] }>()
    expectTypeOf(row).not.toHaveProperty('name')
    expect(Object.keys(row).sort()).toEqual(['id', 'tasks'])
  })

  test('widens by what include takes, and narrows by what omit leaves out', async () => {
    const row = await inTenant(() =>
      prisma.project.findFirstOrThrow({ include: { tasks: true }, omit: { budget: true } }),
    )
    expectTypeOf(row).toEqualTypeOf<Omit<Project, 'budget'> & { tasks: Task[] }>()
    expect(row.tasks).toHaveLength(2)
    expect(row).not.toHaveProperty('budget')
  })

  test('keeps the types of aggregates, writes, fluent relations and raw queries', async () => {
    await inTenant(async () => {
      const sum = await prisma.project.aggregate({ _sum: { budget: true } })
      expectTypeOf(sum).toEqualTypeOf<{ _sum: { budget: number | null } }>()
      const made = await prisma.project.create({ data: { name: 'typed' }, select: { name: true } })
      expectTypeOf(made).toEqualTypeOf<{ name: string }>()
      const tasks = await prisma.project.findUnique({ where: { id: tenant.projectIds[0] ?? '' } }).tasks()
      expectTypeOf(tasks).toEqualTypeOf<Task[] | null>()
      const raw = await prisma.$queryRaw<{ one: number }[]>`SELECT 1 AS one`
      expectTypeOf(raw).toEqualTypeOf<{ one: number }[]>()
      expectTypeOf(await prisma.$executeRaw`SELECT 1`).toBeNumber()
      expect({ sum, made, tasks: tasks?.length, raw }).toMatchObject({
        sum: { _sum: {} },
        made: { name: 'typed' },
        tasks: 2,
        raw: [{ one: 1 }],
      })
    })
  })

  test('takes what the base client takes, and nothing else', () => {
    type Where = NonNullable<NonNullable<Parameters<typeof prisma.project.findMany>[0]>['where']>
    expectTypeOf<{ name: string }>().toExtend<Where>()
    expectTypeOf<{ name: Date }>().not.toExtend<Where>()
    expectTypeOf(prisma).not.toHaveProperty('notAModel')
  })
})

describe('transactions', () => {
  test('an array gives a tuple in its order', async () => {
    const result = await inTenant(() =>
      prisma.$transaction([
        prisma.project.findMany({ select: { id: true } }),
        prisma.task.count(),
        prisma.plan.findFirst(),
        prisma.$queryRaw<{ one: number }[]>`SELECT 1 AS one`,
      ]),
    )
    expectTypeOf(result).toEqualTypeOf<[{ id: string }[], number, Plan | null, { one: number }[]]>()
    expect(result[1]).toBe(6)
  })

  test('tx is the client without what a transaction cannot do', async () => {
    const result = await inTenant(() =>
      prisma.$transaction(
        async (tx) => {
          expectTypeOf(tx).not.toHaveProperty('$connect')
          expectTypeOf(tx).not.toHaveProperty('$disconnect')
          const row = await tx.project.findFirstOrThrow({ select: { name: true } })
          expectTypeOf(row).toEqualTypeOf<{ name: string }>()
          return [row.name, await tx.task.count()] as const
        },
        { isolationLevel: Prisma.TransactionIsolationLevel.Serializable, maxWait: 1000, timeout: 5000 },
      ),
    )
    expectTypeOf(result).toEqualTypeOf<readonly [string, number]>()
    expect(result[1]).toBe(6)
  })
})

describe('$forTenant', () => {
  test('gives the same client', async () => {
    const bound = prisma.$forTenant(tenant.tenantId)
    expectTypeOf(bound).toEqualTypeOf<typeof prisma>()
    expectTypeOf(bound.$forTenant(tenant.tenantId)).toEqualTypeOf<typeof prisma>()
    expectTypeOf(prisma.$forTenant).parameter(0).toEqualTypeOf<Tenant>()
    const rows = await bound.project.findMany({ select: { id: true } })
    expectTypeOf(rows).toEqualTypeOf<{ id: string }[]>()
    expect(rows.length).toBeGreaterThan(0)
  })

  test('and tenancy() is all that it takes to have it', () => {
    expectTypeOf(base).not.toHaveProperty('$forTenant')
    type Portable = ReturnType<typeof portable>
    const portable = (client: PrismaClient) => client.$extends(tenancy())
    expectTypeOf<Portable['$forTenant']>().toEqualTypeOf<(typeof prisma)['$forTenant']>()
  })
})

const label = Prisma.defineExtension({
  name: 'label',
  result: { project: { label: { needs: { name: true }, compute: ({ name }) => `Project: ${name}` as const } } },
})
const first = Prisma.defineExtension({
  name: 'first',
  model: { project: { first: async () => 'first' as const }, $allModels: { all: () => 'all' as const } },
})
const hello = Prisma.defineExtension({ name: 'hello', client: { $hello: (name: string) => `hello ${name}` as const } })
const through = Prisma.defineExtension({ name: 'through', query: { $allOperations: ({ args, query }) => query(args) } })

describe.each(['before', 'after'] as const)('other extensions %s ours keep their types', (place) => {
  // One function, so that both orders must have one type.
  function extended() {
    const client = new PrismaClient({ adapter: new PrismaPg(pool) })
    return place === 'before'
      ? client.$extends(label).$extends(first).$extends(hello).$extends(through).$extends(tenancy({ pool }))
      : client.$extends(tenancy({ pool })).$extends(label).$extends(first).$extends(hello).$extends(through)
  }

  test('on the client, on $forTenant and in transactions', async () => {
    const client = extended()
    const bound = client.$forTenant(tenant.tenantId)
    expectTypeOf(bound).toEqualTypeOf<typeof client>()
    expectTypeOf(bound.$hello('a')).toEqualTypeOf<`hello ${string}`>()
    expectTypeOf(bound.project.first()).resolves.toEqualTypeOf<'first'>()
    expectTypeOf(bound.task.all()).toEqualTypeOf<'all'>()
    const row = await bound.project.findFirstOrThrow({ select: { label: true } })
    expectTypeOf(row).toEqualTypeOf<{ label: `Project: ${string}` }>()
    const within = await bound.$transaction(async (tx) => {
      const { label } = await tx.project.findFirstOrThrow()
      expectTypeOf(label).toEqualTypeOf<`Project: ${string}`>()
      return label
    })
    const [inArray, count] = await bound.$transaction([bound.project.findFirstOrThrow(), bound.task.count()])
    expectTypeOf(inArray.label).toEqualTypeOf<`Project: ${string}`>()
    expectTypeOf(count).toBeNumber()
    expect([row.label, within, inArray.label]).toEqual(Array(3).fill(expect.stringMatching(/^Project: /)))
    expect([bound.$hello('a'), await bound.project.first(), bound.task.all()]).toEqual(['hello a', 'first', 'all'])
    await client.$disconnect()
  })
})

describe('scopes', () => {
  test('resolve to what the function gives, unwrapped', async () => {
    expectTypeOf(inTenant(() => prisma.project.findMany())).resolves.toEqualTypeOf<Project[]>()
    expectTypeOf(() => withTenant(1, () => 'a' as const)).returns.toEqualTypeOf<Promise<'a'>>()
    expectTypeOf(() => withTenant(1n, async () => 1)).returns.toEqualTypeOf<Promise<number>>()
    expectTypeOf(withoutTenant(() => Promise.resolve(null))).toEqualTypeOf<Promise<null>>()
    expectTypeOf(() => withTenant({ id: 'a', settings: { 'app.user_id': '1' } }, () => {})).returns.toEqualTypeOf<
      Promise<void>
    >()
    expectTypeOf(currentTenant).returns.toEqualTypeOf<string>()
    expectTypeOf(tryCurrentTenant).returns.toEqualTypeOf<string | undefined>()
    expect(await withTenant(tenant.tenantId, () => currentTenant())).toBe(tenant.tenantId)
  })

  test('are opened for ids and { id, settings } alone', () => {
    expectTypeOf<string | number | bigint>().toExtend<Tenant>()
    expectTypeOf<undefined>().not.toExtend<Tenant>()
    expectTypeOf<null>().not.toExtend<Tenant>()
    expectTypeOf<string[]>().not.toExtend<Tenant>()
    expectTypeOf<{ settings: Record<string, string> }>().not.toExtend<Tenant>()
    expectTypeOf<{ id: string; settings: Record<string, number> }>().not.toExtend<Tenant>()
    expectTypeOf<Promise<string>>().not.toExtend<Tenant>()
  })
})

describe('acrossTenants', () => {
  test('gives what its function gives, and the client has it too', () => {
    const count = () => prisma.project.count()
    expectTypeOf(acrossTenants<number>).returns.toEqualTypeOf<Promise<number>>()
    expectTypeOf(() => acrossTenants({ reason: 'x' }, count)).returns.toEqualTypeOf<Promise<number>>()
    expectTypeOf(() => prisma.$acrossTenants({ reason: 'x' }, count)).returns.toEqualTypeOf<Promise<number>>()
    expectTypeOf<{ write: true }>().not.toExtend<AcrossTenantsOptions>()
    expectTypeOf<{ reason: 'x'; write: true }>().toExtend<AcrossTenantsOptions>()
    expectTypeOf<{ reason: 'x'; write: 'yes' }>().not.toExtend<AcrossTenantsOptions>()
    expect(prisma.$acrossTenants).toBeTypeOf('function')
  })

  test('names are texts, and the key of a lock a bigint', async () => {
    const names = await inTenant(() => [tenantKey('x'), tenantPath('x'), tenantLockKey('x')] as const)
    expectTypeOf(names).toEqualTypeOf<readonly [string, string, bigint]>()
    expect(names.map((name) => typeof name)).toEqual(['string', 'string', 'bigint'])
  })
})

describe('options', () => {
  type Options = NonNullable<Parameters<typeof tenancy>[0]>

  test('are those of one mode or of the other', () => {
    expectTypeOf<PoolOptions | PortableOptions>().toEqualTypeOf<Options>()
    expectTypeOf<{ pool: TenantPool }>().toExtend<Options>()
    expectTypeOf<{ pool: pg.Pool }>().not.toExtend<Options>()
    expectTypeOf<{ setting: 'app.tenant'; settings: ['app.user_id']; tenantId: 'int' }>().toExtend<Options>()
    expectTypeOf<{ tenantId: { parse: (id: string) => string } }>().toExtend<Options>()
    expectTypeOf<{ tenantId: 'UUID' }>().not.toExtend<Options>()
    expectTypeOf<{ tenantId: { parse: (id: string) => number } }>().not.toExtend<Options>()
    expectTypeOf<{ settings: 'app.user_id' }>().not.toExtend<Options>()
  })

  test('a TenantPool is a pool of pg, and its queries are typed', async () => {
    expectTypeOf<TenantPool>().toExtend<pg.Pool>()
    const result = await inTenant(() => pool.query<{ one: number }>('SELECT $1::int AS one', [1]))
    expectTypeOf(result).toEqualTypeOf<pg.QueryResult<{ one: number }>>()
    const array = await inTenant(() => pool.query<[number]>({ text: 'SELECT 1', rowMode: 'array' }))
    expectTypeOf(array.rows).toEqualTypeOf<[number][]>()
    expect([result.rows, array.rows]).toEqual([[{ one: 1 }], [[1]]])
  })

  test('isTenancyError narrows', () => {
    const error: unknown = undefined
    if (isTenancyError(error)) expectTypeOf(error).toEqualTypeOf<TenancyError>()
    expect(isTenancyError(error)).toBe(false)
  })
})
