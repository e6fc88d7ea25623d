// Proves that docs/telemetry.md is true to the code: its TypeScript runs as written, in order, and spans, lines, labels and
// events say of each tenant what the page says they do.
import { randomBytes, randomUUID } from 'node:crypto'
import { context, trace } from '@opentelemetry/api'
import type { BasicTracerProvider, InMemorySpanExporter, ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { hashTenant } from '../src/telemetry/hash.js'
import { createAuditedDatabase, type openAcross } from './across/open-across.js'
import { type SeededTenant, seedTenants, type TenantDatabase } from './support/database.js'
import { blocks, readPage, runModule } from './support/docs.js'

type Added = [number, Record<string, string>]

interface Ran {
  readonly prisma: ReturnType<typeof openAcross>['prisma']
  readonly provider: BasicTracerProvider
  readonly exporter: InMemorySpanExporter
  readonly lines: string[]
  readonly bindings: unknown[]
  readonly audited: unknown[][]
  readonly requests: { readonly added: Added[] }
  readonly refusals: { readonly added: Added[] }
  readonly log: { info(fields: object, message: string): void }
  withTenant<T>(tenant: string, run: () => T): Promise<Awaited<T>>
  endRefusals(): void
  close(): Promise<void>
}

let db: TenantDatabase
let a: SeededTenant
let b: SeededTenant
let ran: Ran
let printed: string[]
const key = randomBytes(32)

beforeAll(async () => {
  db = await createAuditedDatabase()
  ;[a, b] = await seedTenants(db, [randomUUID(), randomUUID()] as const)
  const snippets = blocks(await readPage('docs/telemetry.md'), 'ts')
  // What a reader has: a tenant, a client, Prisma's instrumentation, an exporter, somewhere for lines, and counters.
  const module = `import { PrismaPg } from '@prisma/adapter-pg'
import { context } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace-base'
import { PrismaInstrumentation } from '@prisma/instrumentation'
import { TenantPool, tenancy, withTenant } from 'prisma-extension-tenancy'
import { PrismaClient } from '../../generated/test/client.js'
process.env.TENANT_HASH_KEY = ${JSON.stringify(key.toString('base64'))}
const tenantId: string = ${JSON.stringify(a.tenantId)}
const acrossTenants = { connectionString: ${JSON.stringify(db.bypassUrl)}, audit: true }
const pool = new TenantPool({ connectionString: ${JSON.stringify(db.appUrl)}, acrossTenants })
const prisma = new PrismaClient({ adapter: new PrismaPg(pool) }).$extends(tenancy({ pool }))
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
new PrismaInstrumentation().enable()
const exporter = new InMemorySpanExporter()
const lines: string[] = []
const destination = { write: (line: string) => void lines.push(line) }
const bindings: unknown[] = []
const audited: unknown[][] = []
const audit = (...told: unknown[]) => void audited.push(told)
const counter = () => {
  const added: [number, object][] = []
  return { added, add: (n: number, labels: object) => void added.push([n, labels]) }
}
const requests = counter()
const refusals = counter()
${snippets.join('\n')}
export { audited, bindings, endRefusals, exporter, lines, log, prisma, provider, refusals, requests, withTenant }
export const close = async () => {
  await prisma.$disconnect()
  await pool.end()
}
`
  const console_ = vi.spyOn(console, 'log').mockImplementation(() => {})
  ran = await runModule<Ran>('telemetry', module)
  printed = console_.mock.calls.map(([format, ...rest]) => [format, ...rest].join(' | '))
  console_.mockRestore()
})
afterAll(async () => {
  await ran?.close()
  context.disable()
  trace.disable()
  await db?.drop()
})

const finished = async (): Promise<ReadableSpan[]> => {
  await ran.provider.forceFlush()
  return ran.exporter.getFinishedSpans()
}
/** Those that wait to be exported too. */
const forgetSpans = async (): Promise<void> => {
  await finished()
  ran.exporter.reset()
}
const tenantOf = (span: ReadableSpan) => span.attributes['tenant.id']
const isQuery = ({ name }: ReadableSpan) => name === 'prisma:client:db_query'

test("the page's query left spans of Prisma's that carry its tenant", async () => {
  const spans = await finished()
  expect(spans.some(isQuery)).toBe(true)
  expect(new Set(spans.map(tenantOf))).toEqual(new Set([a.tenantId]))
})

test('lines of the log name the tenant, by its id or its hash as asked, and the console begins with it', () => {
  const [paid, hashed] = ran.lines.map((line) => JSON.parse(line))
  expect(paid).toMatchObject({ tenantId: a.tenantId, order: 7, msg: 'paid' })
  expect(hashed).toMatchObject({ tenantId: hashTenant({ key })(a.tenantId), msg: 'paid' })
  expect(ran.lines[1]).not.toContain(a.tenantId)
  expect(printed).toEqual([`[tenant ${a.tenantId}] paid %d | 7`])
})

test('a line that has the field itself keeps its own', async () => {
  ran.lines.length = 0
  await ran.withTenant(a.tenantId, () => ran.log.info({ tenantId: 'own' }, 'kept'))
  ran.log.info({}, 'outside')
  expect(ran.lines.map((line) => JSON.parse(line).tenantId)).toEqual(['own', undefined])
})

test('a metric gets the hash and never the id, and one id written in two ways has one hash', () => {
  const hash = hashTenant({ key })
  expect(ran.requests.added).toEqual([[1, { route: '/pay', tenant: hash(a.tenantId) }]])
  expect(ran.requests.added[0]?.[1].tenant).toMatch(/^[0-9a-f]{16}$/)
  expect(hash(a.tenantId.toUpperCase())).toBe(hash(a.tenantId))
  expect(hash(a.tenantId)).not.toBe(hash(randomUUID()))
})

test('refusals are counted by their code until that is ended', async () => {
  const refused = () => expect(ran.prisma.project.count()).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
  ran.refusals.added.length = 0
  await refused()
  ran.endRefusals()
  await refused()
  expect(ran.refusals.added).toEqual([[1, { code: 'TENANT.REQUIRED' }]])
})

test("bindings are heard through Node's own function, in the form that PostgreSQL gets", async () => {
  ran.bindings.length = 0
  const shouted = a.tenantId.toUpperCase()
  await ran.withTenant(shouted, () => ran.prisma.project.count())
  expect(ran.bindings).toEqual([{ kind: 'tenant', tenant: a.tenantId }])
})

test('acrossTenants is told once, when it is over, and its spans carry no tenant', async () => {
  await forgetSpans()
  await ran.prisma.$acrossTenants({ reason: 'invoices' }, () => ran.prisma.project.count())
  expect(ran.audited).toEqual([['invoices', expect.stringContaining('docs-telemetry.test.ts'), 1, 'returned']])
  const spans = await finished()
  expect(spans.some(isQuery)).toBe(true)
  expect(spans.filter((span) => tenantOf(span) !== undefined)).toEqual([])
})

test("a span of merged work can hang below another tenant's operation, and carries its own tenant", async () => {
  await forgetSpans()
  const ask = ({ tenantId, projectIds: [id = ''] }: SeededTenant) =>
    ran.withTenant(tenantId, () => ran.prisma.project.findUnique({ where: { id } }))
  const rows = await Promise.all([ask(a), ask(b)])
  expect(rows.map((row) => row?.id)).toEqual([a.projectIds[0], b.projectIds[0]])
  const spans = await finished()
  const queries = spans.filter(isQuery)
  expect(queries.map(tenantOf).toSorted()).toEqual([a.tenantId, b.tenantId].toSorted())
  const operationOf = (span: ReadableSpan): ReadableSpan => {
    const above = spans.find((other) => other.spanContext().spanId === span.parentSpanContext?.spanId)
    return above ? operationOf(above) : span
  }
  const misplaced = queries.filter((query) => tenantOf(operationOf(query)) !== tenantOf(query))
  expect(misplaced.map(tenantOf)).toEqual([b.tenantId])
})

test('a span that began before the scope gets its tenant when that opens, from the listener', async () => {
  await forgetSpans()
  const serve = (tenants: string[]) =>
    trace.getTracer('http').startActiveSpan('GET /', async (span) => {
      for (const tenant of tenants) await ran.withTenant(tenant, () => {})
      span.end()
    })
  await serve([a.tenantId])
  await serve([a.tenantId, b.tenantId])
  await serve([])
  expect((await finished()).map(tenantOf)).toEqual([a.tenantId, b.tenantId, undefined])
})
