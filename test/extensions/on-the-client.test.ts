// Proves that what another extension puts on a client or on a model works as it does in bare Prisma: inside transactions
// untouched, and on $forTenant in that tenant's scope whatever scope surrounds the call, also where it closes over a
// client of its own or asks the database later.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Prisma, type PrismaClient } from '../../generated/test/client.js'
import { withTenant } from '../../src/context.js'
import { createTestDatabase, type SeededTenant, seedTenants, type TenantDatabase } from '../support/database.js'
import { modes, openMode } from '../support/modes.js'

const A = 'aaaaaaaa-0000-4000-8000-00000000000a'
const B = 'bbbbbbbb-0000-4000-8000-00000000000b'

let db: TenantDatabase
let a: SeededTenant
beforeAll(async () => {
  db = await createTestDatabase()
  ;[a] = await seedTenants(db, [A, B])
})
afterAll(() => db.drop())

class Counter {
  #n = 0
  add() {
    this.#n += 1
    return this.#n
  }
}

/** Values of another extension's, and what each does. */
const values = {
  $map: new Map([['key', 1]]),
  $set: new Set([1]),
  $date: new Date(0),
  $bytes: Buffer.from('abc'),
  $regExp: /a/g,
  $plain: { region: 'eu', zones: ['a', 'b'] },
  $frozen: Object.freeze({ inner: Object.freeze({ deep: 1 }) }),
  $frozenMethods: Object.freeze({ hello: () => 'hello', inner: Object.freeze({ again: () => 'again' }) }),
  $counter: new Counter(),
  $Counter: Counter,
  $number: 7,
  $who() {
    return this
  },
}
type Values = typeof values
const uses: Readonly<Record<string, (client: Values) => unknown>> = {
  map: ({ $map }) => [$map.get('key'), $map.size, [...$map]],
  set: ({ $set }) => [$set.has(1), $set.size],
  date: ({ $date }) => $date.toISOString(),
  bytes: ({ $bytes }) => $bytes.toString('hex'),
  'regular expression': ({ $regExp }) => 'banana'.replace($regExp, 'o'),
  'plain object': ({ $plain }) => JSON.stringify($plain),
  'frozen object': ({ $frozen }) => [$frozen.inner.deep, Object.isFrozen($frozen)],
  'frozen methods': ({ $frozenMethods }) => [$frozenMethods.hello(), $frozenMethods.inner.again()],
  'private fields': ({ $counter }) => [typeof $counter.add(), $counter instanceof Counter, Object.keys($counter)],
  class: ({ $Counter }) => new $Counter().add(),
  number: ({ $number }) => $number,
}

/** Functions of another extension's which answer with ids of projects. */
function ways(client: PrismaClient) {
  const builder = {
    run: () => client.project.findMany(),
    limit() {
      return this
    },
  }
  class Repository {
    readonly #client = client
    all() {
      return this.#client.project.findMany()
    }
    get now() {
      return this.#client.project.findMany()
    }
  }
  return {
    client: {
      $promise: () => client.project.findMany(),
      async $later() {
        await new Promise(setImmediate)
        return client.project.findMany()
      },
      $builder: () => builder,
      $repository: new Repository(),
      $Repository: Repository,
      $frozenQueries: Object.freeze({ all: () => client.project.findMany() }),
      $tagged: Object.assign(() => client.project.findMany(), { all: () => client.project.findMany() }),
      $list: [() => client.project.findMany()],
      $thenable: () => ({
        // biome-ignore lint/suspicious/noThenProperty: query builders have one
        then: (...handlers: Parameters<Promise<{ id: string }[]>['then']>) =>
          client.project.findMany().then(...handlers),
      }),
      $getter: {
        get all() {
          return client.project.findMany().then((rows) => rows)
        },
      },
      $iterable: {
        async *[Symbol.asyncIterator]() {
          yield* await client.project.findMany()
        },
      },
      async *$each() {
        yield* await client.project.findMany()
      },
      $itself: () => client,
      $held: client,
      $raw: () => client.$queryRaw<{ id: string }[]>`SELECT id FROM projects`,
      $through() {
        return (this as unknown as PrismaClient).project.findMany()
      },
      $fluent: (id: string) => client.project.findUnique({ where: { id } }),
    },
    model: {
      project: {
        closing: () => client.project.findMany(),
        pages() {
          const context = Prisma.getExtensionContext(this) as unknown as PrismaClient['project']
          return { next: async () => context.findMany(), other: () => client.project.findMany() }
        },
      },
    },
  }
}
type Ways = ReturnType<typeof ways>
type Extended = PrismaClient & Ways['client'] & { project: Ways['model']['project'] }
type Rows = PromiseLike<{ id: string }[]>
const calls: Readonly<Record<string, (client: Extended) => Rows>> = {
  'a query that is returned': (p) => p.$promise() as Rows,
  'a query after an await': (p) => p.$later() as Rows,
  'a builder that is returned': (p) => p.$builder().limit().run() as Rows,
  'an object with private fields': (p) => p.$repository.all() as Rows,
  'a getter of an object': (p) => p.$repository.now as Rows,
  'a class': (p) => new p.$Repository().all() as Rows,
  'a frozen object': (p) => p.$frozenQueries.all() as Rows,
  'a function with methods': (p) => p.$tagged.all() as Rows,
  'functions in a list': (p) => p.$list[0]?.() as Rows,
  'a builder that is awaited': (p) => Promise.resolve(p.$thenable()) as Rows,
  'an async iterator': async (p) => {
    const rows: { id: string }[] = []
    for await (const row of p.$each()) rows.push(row)
    return rows
  },
  'a getter of a plain object': (p) => p.$getter.all as Rows,
  'an async iterable': async (p) => {
    const rows: { id: string }[] = []
    for await (const row of p.$iterable) rows.push(row)
    return rows
  },
  'a client that is returned': (p) => p.$itself().project.findMany() as Rows,
  'a client that is held': (p) => p.$held.project.findMany() as Rows,
  'raw SQL': (p) => p.$raw() as Rows,
  'a function using this': (p) => p.$through() as Rows,
  'a relation of what is returned': async (p) =>
    [...((await p.$fluent(a.projectIds[0] as string).tasks()) ?? [])].map(({ projectId: id }) => ({ id })),
  "a model's method": (p) => p.project.closing() as Rows,
  "a model's method using this, later": (p) => p.project.pages().next() as Rows,
  "a model's method that returns a builder": (p) => p.project.pages().other() as Rows,
  'a transaction': (p) => p.$transaction(async (tx) => (tx as Extended).$through() as Rows) as Rows,
}

describe.each(modes)('in %s mode', (mode) => {
  describe.each(['before', 'after'])('%s ours', (order) => {
    async function open() {
      const opened = await openMode(mode, db.appUrl)
      // The base client is scoped with all that are extended from it, so either order closes over a scoped client.
      const base = (order === 'before' ? opened.base : opened.prisma) as unknown as PrismaClient
      const { client, model } = ways(base)
      const prisma = opened.prisma.$extends({ client, model } as object).$extends({ client: values } as object)
      return { ...opened, prisma: prisma as unknown as Extended & Values, forTenant: bound(prisma) }
    }
    const bound = (prisma: object) => (id: string) =>
      (prisma as { $forTenant(id: string): unknown }).$forTenant(id) as Extended & Values

    test('what it put on the client is the same in a transaction', async () => {
      const { prisma, close } = await open()
      await withTenant(A, () =>
        prisma.$transaction(async (tx) => {
          const inside = tx as unknown as Extended & Values
          for (const [name, value] of Object.entries(values)) expect(inside[name as keyof Values]).toBe(value)
          for (const use of Object.values(uses)) expect(use(inside)).toEqual(use(values))
          // `this` is the transaction's client: its rows are seen, and only there.
          await inside.project.create({ data: { name: 'inside' } })
          expect(await inside.$through()).toHaveLength(4)
          expect((inside.$who() as unknown as Extended).project).toBe(inside.project)
          await expect(withTenant(B, () => inside.$through())).rejects.toMatchObject({ code: 'TENANT.MISMATCH' })
          await inside.project.deleteMany({ where: { name: 'inside' } })
        }),
      )
      await close()
    })

    test.each(Object.entries(uses))('%s on $forTenant works as on the client', async (_, use) => {
      const { prisma, forTenant, close } = await open()
      expect(use(forTenant(A))).toEqual(use(prisma))
      await close()
    })

    test('data and collections on $forTenant are the same', async () => {
      const { forTenant, close } = await open()
      for (const name of ['$map', '$set', '$date', '$bytes', '$regExp', '$plain', '$frozen', '$number'] as const)
        expect(forTenant(A)[name]).toBe(values[name])
      await close()
    })

    test.each(Object.entries(calls))('%s runs as the tenant of $forTenant', async (_, call) => {
      const { forTenant, prisma, close } = await open()
      const expected = [...a.projectIds].sort()
      const idsOf = async (rows: Rows) => [...new Set((await rows).map((row) => row.id))].sort()
      const ofA = idsOf(withTenant(A, () => call(prisma)) as Rows)
      expect(call === calls['a relation of what is returned'] ? expected : await ofA).toEqual(expected)
      const one = call === calls['a relation of what is returned'] ? [a.projectIds[0] as string] : expected
      for (const run of [(fn: () => Rows) => withTenant(B, fn), (fn: () => Rows) => fn()])
        expect(await idsOf(run(() => call(forTenant(A))) as Rows)).toEqual(one)
      await close()
    })
  })

  test('$forTenant on a client of $forTenant replaces the tenant', async () => {
    const { prisma, close } = await openMode(mode, db.appUrl)
    const idOf = async (client: typeof prisma) => (await client.project.findFirst())?.tenantId
    expect(await idOf(prisma.$forTenant(A).$forTenant(B))).toBe(B)
    expect(await idOf(prisma.$forTenant(B).$extends({ name: 'later' }).$forTenant(A) as typeof prisma)).toBe(A)
    await close()
  })

  test('connecting, disconnecting and $on are on $forTenant as on the client', async () => {
    const { prisma, close } = await openMode(mode, db.appUrl)
    const bound = prisma.$forTenant(A)
    await bound.$connect()
    expect(await bound.project.count()).toBe(3)
    await bound.$disconnect()
    expect(await bound.project.count()).toBe(3)
    for (const name of ['$on', '$metrics', '$use'])
      expect(typeof (bound as never)[name]).toBe(typeof (prisma as never)[name])
    await close()
  })

  test("a model's method gets the context that it gets in bare Prisma", async () => {
    const { prisma, base, close } = await openMode(mode, db.appUrl)
    const seen = (context: object) => {
      const { $name, name, $parent, ...rest } = context as Record<string, unknown>
      return { $name, name, parent: 'project' in ($parent as object), rest: Object.keys(rest).sort() }
    }
    const extension = Prisma.defineExtension({
      model: {
        $allModels: {
          context() {
            return seen(Prisma.getExtensionContext(this))
          },
          async archive(this: unknown, id: string) {
            const context = Prisma.getExtensionContext(this) as unknown as {
              $name: string
              $parent: Record<string, PrismaClient['project']>
              update: PrismaClient['project']['update']
            }
            await context.update({ where: { id }, data: { archived: true } })
            return context.$parent[context.$name]?.findUniqueOrThrow({ where: { id } })
          },
        },
      },
    })
    const [bare, ours] = [base.$extends(extension), prisma.$extends(extension)]
    const id = a.projectIds[1] as string
    expect(ours.$forTenant(A).project.context()).toEqual(bare.project.context())
    await withTenant(B, async () => {
      expect(await ours.$forTenant(A).project.archive(id)).toMatchObject({ id, archived: true })
      await expect(ours.project.archive(id)).rejects.toMatchObject({ code: 'P2025' })
    })
    const gone = new Error('rolled back')
    const inside = withTenant(A, () =>
      ours.$transaction(async (tx) => {
        await tx.project.update({ where: { id }, data: { archived: false, name: 'changed' } })
        expect(tx.project.context()).toEqual(await bare.$transaction(async (plain) => plain.project.context()))
        expect(await tx.project.archive(id)).toMatchObject({ archived: true, name: 'changed' })
        await expect(withTenant(B, () => tx.project.archive(id))).rejects.toMatchObject({ code: 'TENANT.MISMATCH' })
        throw gone
      }),
    )
    await expect(inside).rejects.toBe(gone)
    await close()
  })
})
