// Proves what a query costs, counted on the wire between client and server: in pool mode not one flight more than bare
// Prisma and not one statement more but the bindings, one flight fewer for a transaction; in portable mode three flights
// more for each statement outside a transaction, and one more for a transaction.
import { randomUUID } from 'node:crypto'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PrismaClient } from '../../generated/test/client.js'
import { Binder } from '../../src/binding.js'
import { withTenant } from '../../src/context.js'
import { createTestDatabase, type SeededTenant, seedTenants, type TenantDatabase } from '../support/database.js'
import { type FlightProxy, startFlightProxy } from '../support/flight-proxy.js'
import { modes, openMode } from '../support/modes.js'
import { startPostgres } from '../support/postgres.js'
import { BARE_BULK_WRITES, NAMES_STATEMENTS, NESTS } from '../support/prisma-version.js'

const BINDING = new Binder().sql
const CONTROL = /^(?:BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET TRANSACTION)\b/

let db: TenantDatabase
let proxy: FlightProxy
let tenant: SeededTenant
beforeAll(async () => {
  db = await createTestDatabase()
  proxy = await startFlightProxy(await startPostgres())
  // Each run of `delete` takes one task.
  ;[tenant] = await seedTenants(db, [randomUUID()], { projects: 5, tasks: 12 })
})
afterAll(async () => {
  await proxy.stop()
  await db.drop()
})

type Run = (prisma: PrismaClient) => unknown
const own = () => ({ tenantId: tenant.tenantId })
const id = () => tenant.projectIds[0] as string
const fresh = () => ({ ...own(), name: randomUUID() })
const missing = { where: { name: 'nobody' } }

/** One statement each where BARE_BULK_WRITES, else a transaction. */
const bulk: Record<string, Run> = {
  createMany: ({ project }) => project.createMany({ data: [fresh(), fresh()] }),
  createManyAndReturn: ({ project }) => project.createManyAndReturn({ data: [fresh(), fresh()] }),
  updateMany: ({ project }) => project.updateMany({ ...missing, data: { budget: 3 } }),
  updateManyAndReturn: ({ project }) => project.updateManyAndReturn({ ...missing, data: { budget: 3 } }),
}

/** One statement each in bare Prisma, which the test checks before it says anything about ours. */
const single: Record<string, Run> = {
  ...(BARE_BULK_WRITES ? bulk : {}),
  findUnique: ({ project }) => project.findUnique({ where: { id: id() } }),
  findUniqueOrThrow: ({ project }) => project.findUniqueOrThrow({ where: { id: id() } }),
  findFirst: ({ project }) => project.findFirst({ where: { name: 'Project 1' } }),
  findFirstOrThrow: ({ project }) => project.findFirstOrThrow({ where: { name: 'Project 1' } }),
  findMany: ({ project }) => project.findMany({ where: own() }),
  'findMany with a relation filter': ({ project }) => project.findMany({ where: { tasks: { some: { done: false } } } }),
  'findMany with _count': ({ project }) => project.findMany({ include: { _count: { select: { tasks: true } } } }),
  count: ({ project }) => project.count(),
  aggregate: ({ project }) => project.aggregate({ _sum: { budget: true } }),
  groupBy: ({ project }) => project.groupBy({ by: ['name'], _count: true }),
  create: ({ project }) => project.create({ data: fresh() }),
  update: ({ project }) => project.update({ where: { id: id() }, data: { budget: 3 } }),
  delete: ({ task }) => task.delete({ where: { id: tenant.taskIds.pop() as string } }),
  deleteMany: ({ project }) => project.deleteMany(missing),
  'upsert that PostgreSQL does natively': ({ project }) => {
    const tenantId_name = { ...own(), name: 'upserted' }
    return project.upsert({ where: { tenantId_name }, create: tenantId_name, update: { budget: 1 } })
  },
  $queryRaw: (prisma) => prisma.$queryRaw`SELECT id FROM projects WHERE budget > ${1}`,
  $queryRawUnsafe: (prisma) => prisma.$queryRawUnsafe('SELECT id FROM projects WHERE budget > $1', 1),
  $executeRaw: (prisma) => prisma.$executeRaw`UPDATE projects SET budget = ${1} WHERE name = 'nobody'`,
  $executeRawUnsafe: (prisma) => prisma.$executeRawUnsafe('UPDATE projects SET budget = 1 WHERE budget = $1', -1),
  'findUnique, ten in one tick': ({ project }) =>
    Promise.all([...tenant.projectIds, ...tenant.projectIds].map((id) => project.findUnique({ where: { id } }))),
  '$transaction([…]) of findUnique that Prisma merges': (prisma) =>
    prisma.$transaction(tenant.projectIds.map((id) => prisma.project.findUnique({ where: { id } }))),
}

/** Several statements without a transaction. */
const several: Record<string, Run> = {
  'findMany with include': ({ project }) => project.findMany({ include: { tasks: true } }),
  'findMany with include in include': ({ project }) =>
    project.findMany({ include: { tasks: { include: { project: true } } } }),
  'a fluent relation': ({ project }) => project.findUnique({ where: { id: id() } }).tasks(),
  'two raw queries': async (prisma) => {
    await prisma.$queryRaw`SELECT 1`
    await prisma.$queryRaw`SELECT 2`
  },
}

/** Everything here begins with BEGIN in bare Prisma. */
const transactions: Record<string, Run> = {
  ...(BARE_BULK_WRITES ? {} : bulk),
  'an upsert that PostgreSQL does not do natively': ({ project }) =>
    project.upsert({ where: { id: id() }, create: fresh(), update: { budget: 1 } }),
  'a nested create': ({ project }) =>
    project.create({ data: { ...fresh(), tasks: { create: [{ title: 'a' }, { title: 'b' }] } } }),
  'a nested updateMany': ({ project }) =>
    project.update({ where: { id: id() }, data: { tasks: { updateMany: { where: {}, data: { done: true } } } } }),
  'a create with include': ({ project }) => project.create({ data: fresh(), include: { tasks: true } }),
  connect: ({ task }) =>
    task.update({ where: { id: tenant.taskIds[0] as string }, data: { project: { connect: { id: id() } } } }),
  'an interactive transaction of three statements': (prisma) => prisma.$transaction(threeReads),
  'an interactive transaction with an isolation level': (prisma) =>
    prisma.$transaction(threeReads, { isolationLevel: 'Serializable' }),
  'an interactive transaction that is rolled back': (prisma) =>
    prisma
      .$transaction(async (tx) => {
        await tx.project.create({ data: fresh() })
        throw new Error('rolled back')
      })
      .catch(() => {}),
  'an interactive transaction of nothing': (prisma) => prisma.$transaction(async () => {}),
  'an array transaction': (prisma) =>
    prisma.$transaction([prisma.project.count(), prisma.task.findFirst(), prisma.project.create({ data: fresh() })]),
  'an array transaction with an isolation level': (prisma) =>
    prisma.$transaction([prisma.project.count(), prisma.task.count()], { isolationLevel: 'RepeatableRead' }),
}

async function nested(prisma: PrismaClient): Promise<void> {
  await prisma.$transaction(async (tx) => {
    await tx.project.count()
    await tx.$transaction(async (inner) => inner.task.count())
  })
}

async function threeReads(tx: Pick<PrismaClient, 'project' | 'task'>): Promise<void> {
  await tx.project.count()
  await tx.project.findFirst()
  await tx.task.count()
}

interface Cost {
  readonly flights: number
  readonly statements: string[]
}

/** What the second run of an operation costs: the first opens the connections and prepares the statements. */
async function costOf(prisma: PrismaClient, run: Run): Promise<Cost> {
  const inScope = () => withTenant(tenant.tenantId, async () => void (await run(prisma)))
  await inScope()
  proxy.reset()
  await inScope()
  return { flights: proxy.flights(), statements: proxy.statements() }
}

describe('without prepared statements', () => counted(false))

describe.skipIf(!NAMES_STATEMENTS)('with prepared statements (the adapter names them since Prisma 7.6)', () =>
  counted(true),
)

function counted(prepared: boolean): void {
  let bare: PrismaClient
  let barePool: pg.Pool
  const opened = {} as Record<'pool' | 'portable', Awaited<ReturnType<typeof openMode>>>
  // The extended client's type is another one; what is called here is the same.
  const ours = (mode: 'pool' | 'portable') => opened[mode].prisma as unknown as PrismaClient

  beforeAll(async () => {
    // A superuser, whom no policy binds: bare Prisma sees and writes what ours does in its scope.
    barePool = new pg.Pool({ connectionString: proxy.url(db.adminUrl), max: 5 })
    const named = prepared ? { statementNameGenerator: ({ sql }: { sql: string }) => `s${hash(sql)}` } : {}
    bare = new PrismaClient({ adapter: new PrismaPg(barePool, named) })
    for (const mode of modes) opened[mode] = await openMode(mode, proxy.url(db.appUrl), { prepared })
  })
  afterAll(async () => {
    await bare.$disconnect()
    await barePool.end()
    for (const mode of modes) await opened[mode].close()
  })

  test.each(Object.entries(single))('%s costs one flight', async (_, run) => {
    const expected = await costOf(bare, run)
    expect(expected).toMatchObject({ flights: 1, statements: { length: 1 } })
    const cost = await costOf(ours('pool'), run)
    expect(cost).toEqual({ flights: 1, statements: [BINDING, ...expected.statements] })
    expect((await costOf(ours('portable'), run)).flights).toBe(4)
  })

  test.each(Object.entries(several))('%s costs one flight for each of its statements', async (_, run) => {
    const expected = await costOf(bare, run)
    const k = expected.statements.length
    expect(k).toBeGreaterThan(1)
    const cost = await costOf(ours('pool'), run)
    expect(cost.flights).toBe(k)
    expect(cost.statements).toEqual(expected.statements.flatMap((sql) => [BINDING, sql]))
    expect((await costOf(ours('portable'), run)).flights).toBe(4 * k)
  })

  const costsOneMore = 'costs one flight more than it has statements between BEGIN and COMMIT'
  test.each(Object.entries(transactions))(`%s ${costsOneMore}`, (_, run) => expectOneMore(run))
  test.skipIf(!NESTS)(`a nested transaction ${costsOneMore} (nested transactions came with Prisma 7.5)`, () =>
    expectOneMore(nested),
  )
  async function expectOneMore(run: Run): Promise<void> {
    const expected = await costOf(bare, run)
    expect(expected.statements[0]).toBe('BEGIN')
    const queries = expected.statements.filter((sql) => !CONTROL.test(sql))
    const savepoints = expected.statements.filter((sql) => /^(?:SAVEPOINT|RELEASE)\b/.test(sql))
    const n = queries.length + savepoints.length

    const cost = await costOf(ours('pool'), run)
    // BEGIN travels with the first statement; where there is none, neither BEGIN nor COMMIT does.
    expect(cost.flights).toBe(n === 0 ? 0 : n + 1)
    expect(cost.flights).toBeLessThan(expected.flights)
    expect(cost.statements.filter((sql) => !sql.startsWith(BINDING))).toEqual(n === 0 ? [] : expected.statements)
    expect(cost.statements.filter((sql) => sql.startsWith(BINDING))).toHaveLength(queries.length)

    const portable = await costOf(ours('portable'), run)
    expect(portable.flights).toBe(expected.flights + 1)
    expect(portable.statements.filter((sql) => !sql.startsWith(BINDING))).toEqual(expected.statements)
  }

  test('a new connection asks about its role in one flight, once', async () => {
    const cold = await openMode('pool', proxy.url(db.appUrl), { prepared, max: 1 })
    proxy.reset()
    const count = () => withTenant(tenant.tenantId, () => cold.prisma.project.count())
    await count()
    expect(proxy.flights()).toBe(2)
    await count()
    expect(proxy.flights()).toBe(3)
    await cold.close()
  })
}

/** Short enough for a statement's name. */
function hash(text: string): string {
  return [...text].reduce((sum, char) => (Math.imul(sum, 31) + char.charCodeAt(0)) | 0, 7).toString(36)
}
