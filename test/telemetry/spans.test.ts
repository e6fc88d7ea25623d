// Proves that every span of Prisma's carries the tenant whose work it is, with the real OpenTelemetry and the real
// @prisma/instrumentation: also where Prisma sends the work of two tenants in one tick, from the context of whoever came
// first. In both modes.
import { randomBytes, randomUUID } from 'node:crypto'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { PrismaInstrumentation } from '@prisma/instrumentation'
import { afterAll, beforeAll, beforeEach, describe, expect, expectTypeOf, test } from 'vitest'
import { withoutTenant, withTenant } from '../../src/context.js'
import { hashTenant } from '../../src/telemetry/hash.js'
import { type TenantSpanProcessor, tenantSpanProcessor } from '../../src/telemetry/span-processor.js'
import { createAuditedDatabase, openAcross } from '../across/open-across.js'
import { type SeededTenant, seedTenants, type TenantDatabase } from '../support/database.js'
import { modes, type TenantPrisma } from '../support/modes.js'

const exporter = new InMemorySpanExporter()
const key = randomBytes(32)
const provider = new BasicTracerProvider({
  spanProcessors: [
    tenantSpanProcessor(),
    tenantSpanProcessor({ id: hashTenant({ key }), attribute: 'tenant.hash' }),
    tenantSpanProcessor({ spans: 'all', attribute: 'tenant.of_all' }),
    new SimpleSpanProcessor(exporter),
  ],
})
const instrumentation = new PrismaInstrumentation()

let db: TenantDatabase
let a: SeededTenant
let b: SeededTenant
beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(provider)
  instrumentation.setTracerProvider(provider)
  instrumentation.enable()
  db = await createAuditedDatabase()
  ;[a, b] = await seedTenants(db, [randomUUID(), randomUUID()] as const)
})
afterAll(async () => {
  instrumentation.disable()
  context.disable()
  trace.disable()
  await db?.drop()
})
beforeEach(() => exporter.reset())

const tenantOf = (span: ReadableSpan) => span.attributes['tenant.id']
/** Prisma's spans. Connecting and compiling are done for all tenants, by whoever is first. */
const spansOfPrisma = () =>
  exporter
    .getFinishedSpans()
    .filter(({ instrumentationScope: { name } }) => name === 'prisma')
    .map((span) => ({ span, name: span.name.replace('prisma:client:', '') }))
const DONE_ONCE = new Set(['connect', 'compile'])

/** Runs it for both tenants at once, each below a span of its own. */
const both = (run: (tenant: SeededTenant) => unknown) =>
  Promise.all(
    [a, b].map((tenant) =>
      withTenant(tenant.tenantId, () =>
        trace.getTracer('app').startActiveSpan(tenant.tenantId, async (span) => {
          await run(tenant)
          span.end()
        }),
      ),
    ),
  )

/** The name of the outermost span above: whose request it is. */
function rootOf(span: ReadableSpan): string {
  const parent = exporter
    .getFinishedSpans()
    .find((other) => other.spanContext().spanId === span.parentSpanContext?.spanId)
  return parent ? rootOf(parent) : span.name
}

type Operation = (prisma: TenantPrisma, tenant: SeededTenant) => unknown
const operations: Record<string, Operation> = {
  findFirst: ({ project }) => project.findFirst(),
  'findUnique, merged, of one row of one of them': ({ project }) =>
    Promise.all([a.projectIds[0], a.projectIds[1]].map((id) => project.findUnique({ where: { id: id as string } }))),
  'findUniqueOrThrow of own rows': ({ project }, { projectIds: [id = ''] }) =>
    project.findUniqueOrThrow({ where: { id } }),
  'findMany with include': ({ project }) => project.findMany({ include: { tasks: true } }),
  'a fluent relation': ({ project }, { projectIds: [id = ''] }) => project.findUnique({ where: { id } }).tasks(),
  'a nested create': ({ project }) =>
    project.create({ data: { name: randomUUID(), tasks: { create: [{ title: 'nested' }] } } as never }),
  'an interactive transaction': (prisma) =>
    prisma.$transaction(async (tx) => {
      await tx.project.count()
      await tx.project.findUnique({ where: { id: a.projectIds[0] as string } })
    }),
  'an interactive transaction that is rolled back': (prisma) =>
    prisma
      .$transaction(async (tx) => {
        await tx.task.count()
        throw new Error('rolled back')
      })
      .catch(() => {}),
  'an array transaction': (prisma) =>
    prisma.$transaction([
      prisma.project.count(),
      prisma.project.findUnique({ where: { id: a.projectIds[0] as string } }),
    ]),
  $queryRaw: (prisma) => prisma.$queryRaw`SELECT count(*) FROM projects`,
  $executeRaw: (prisma) => prisma.$executeRaw`UPDATE projects SET budget = 1 WHERE name = 'nobody'`,
}

describe.each(modes)('in %s mode', (mode) => {
  let opened: ReturnType<typeof openAcross>
  let prisma: TenantPrisma
  beforeAll(() => {
    opened = openAcross(mode, db)
    prisma = opened.prisma as TenantPrisma
  })
  afterAll(() => opened?.close())

  test.each(Object.entries(operations))('%s of two tenants at once: as many spans for each', async (_, run) => {
    await both((tenant) => run(prisma, tenant))
    const spans = spansOfPrisma().filter(({ name }) => !DONE_ONCE.has(name))
    const namesOf = ({ tenantId }: SeededTenant) =>
      spans.flatMap(({ span, name }) => (tenantOf(span) === tenantId ? [name] : [])).toSorted()
    expect(namesOf(a)).toContain('db_query')
    expect(namesOf(b)).toEqual(namesOf(a))
    expect(spans).toHaveLength(2 * namesOf(a).length)
    for (const { span, name } of spans) {
      // What Prisma starts while it is called. What it starts later hangs below whoever was first in the tick.
      if (['operation', 'transaction', 'serialize'].includes(name)) expect(tenantOf(span), name).toBe(rootOf(span))
    }
  })

  test("a tenant's query never carries the other's id, told by what it selects", async () => {
    // Which of them comes first, and is merged with whom, changes from round to round.
    const selects = { [a.tenantId]: { id: true, budget: true }, [b.tenantId]: { id: true, archived: true } }
    for (let round = 0; round < 20; round++) {
      const order = round % 2 === 0 ? [a, b, a, b] : [b, b, a, a]
      await Promise.all(
        order.map(({ tenantId }, at) =>
          withTenant(tenantId, () =>
            prisma.project.findUnique({
              where: { id: [...a.projectIds, ...b.projectIds][at] as string },
              select: selects[tenantId] as { id: true },
            }),
          ),
        ),
      )
    }
    const queries = spansOfPrisma().filter(({ name }) => name === 'db_query')
    expect(queries.length).toBeGreaterThanOrEqual(40)
    for (const { span } of queries) {
      const whose = String(span.attributes['db.query.text']).includes('"budget"') ? a : b
      expect(tenantOf(span)).toBe(whose.tenantId)
    }
  })

  test('a query that is made in one scope and awaited in another carries the tenant it was made for', async () => {
    const made = await withTenant(a.tenantId, () => ({ query: prisma.project.count() }))
    await withTenant(b.tenantId, () => made.query)
    expect(new Set(spansOfPrisma().map(({ span }) => tenantOf(span)))).toEqual(new Set([a.tenantId]))
  })

  test('$forTenant marks spans too', async () => {
    await prisma.$forTenant(b.tenantId).project.count()
    expect(new Set(spansOfPrisma().map(({ span }) => tenantOf(span)))).toEqual(new Set([b.tenantId]))
  })

  test('without a tenant, across tenants and outside every scope no span carries one', async () => {
    await withTenant(a.tenantId, () => withoutTenant(() => prisma.plan.count()))
    await withTenant(a.tenantId, () => prisma.$acrossTenants({ reason: 'spans' }, () => prisma.project.count()))
    await expect(prisma.project.count()).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
    const spans = spansOfPrisma()
    // The count, what the audit writes before and after, and the two counts of projects.
    expect(spans.filter(({ name }) => name === 'operation').length).toBeGreaterThanOrEqual(3)
    expect(spans.map(({ span }) => [tenantOf(span), span.attributes['tenant.hash']])).toEqual(
      spans.map(() => [undefined, undefined]),
    )
  })

  test('a hash takes the place of the id, and the spans of others stay as they are unless all are asked for', async () => {
    await both(() => prisma.project.count())
    const hash = hashTenant({ key })
    const spans = exporter.getFinishedSpans()
    const others = spans.filter(({ instrumentationScope: { name } }) => name === 'app')
    expect(others.map(({ attributes }) => attributes)).toEqual(others.map(({ name }) => ({ 'tenant.of_all': name })))
    expect(others).toHaveLength(2)
    for (const { span } of spansOfPrisma()) {
      expect(span.attributes['tenant.hash']).toBe(hash(String(tenantOf(span))))
      expect(span.attributes['tenant.hash']).not.toBe(tenantOf(span))
    }
  })
})

test("the processor is a SpanProcessor to OpenTelemetry's own types, and ends with the others", async () => {
  expectTypeOf<TenantSpanProcessor>().toExtend<SpanProcessor>()
  await provider.forceFlush()
  const own = new BasicTracerProvider({ spanProcessors: [tenantSpanProcessor()] })
  await own.shutdown()
})

test("the spans of OpenTelemetry's SDK 1 name their tracer in another field", () => {
  const set: unknown[] = []
  const span = { instrumentationLibrary: { name: 'prisma' }, setAttribute: (...given: unknown[]) => set.push(given) }
  const tenant = randomUUID()
  return withTenant(tenant, () => {
    tenantSpanProcessor().onStart(span)
    tenantSpanProcessor().onStart({ ...span, instrumentationLibrary: { name: 'http' } })
    expect(set).toEqual([['tenant.id', tenant]])
  })
})

test('an option of another name is refused: ids must not be shown by a misspelling', () => {
  const misspelt = { hash: () => 'x' } as object
  expect(() => tenantSpanProcessor(misspelt)).toThrow(
    expect.objectContaining({ code: 'CONFIG.INVALID', hint: 'Give id, attribute, spans or nothing.' }),
  )
  expect(() => tenantSpanProcessor({ id: 'hash' as never })).toThrow(
    expect.objectContaining({ hint: 'Give id: hashTenant({ key }), or leave it out.' }),
  )
})
