// Proves that docs/losing-the-context.md is true to the code: its TypeScript runs as written, in order, and each snippet
// produces what the page says of it.
import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, seedTenants, type TenantDatabase } from './support/database.js'
import { blocks, readPage, runModule } from './support/docs.js'

let db: TenantDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())

interface Ran {
  found: unknown[]
  bound: Promise<number>[]
  ticks: Promise<unknown[]>
  seen: Record<string, string>
  rows: { tenantId: string }[]
  counts: number[]
  report: { projects: number; as: string }
  loaded: string[]
  close(): Promise<void>
}

test('every snippet runs, one after another, and gives what the page says', async () => {
  const page = await readPage('docs/losing-the-context.md')
  const [tenantA, tenantB] = [randomUUID(), randomUUID()] as const
  await seedTenants(db, [tenantA], { projects: 3 })
  await seedTenants(db, [tenantB], { projects: 5 })
  const client = `import { PrismaPg } from '@prisma/adapter-pg'
import { currentTenant, TenantPool, tenancy, withTenant } from 'prisma-extension-tenancy'
import { PrismaClient } from '../../generated/test/client.js'
const pool = new TenantPool({ connectionString: ${JSON.stringify(db.appUrl)} })
const prisma = new PrismaClient({ adapter: new PrismaPg(pool) }).$extends(tenancy({ pool }))
const close = async () => { await prisma.$disconnect(); await pool.end() }
`
  const snippets = blocks(page, 'ts')
  const inThread = snippets.filter((code) => code.startsWith('// report.ts\n'))
  const inMain = snippets.filter((code) => !inThread.includes(code))
  expect([inThread.length, inMain.length]).toEqual([1, 8])
  const folder = new URL('../.tmp/docs/', import.meta.url)
  await mkdir(folder, { recursive: true })
  // In a thread there is no alias of vitest's: the package is its source.
  const source = (code: string) =>
    code
      .replaceAll("'prisma-extension-tenancy'", "'../../src/index.js'")
      .replaceAll("'prisma-extension-tenancy/jobs'", "'../../src/jobs/index.js'")
  await writeFile(new URL(`report-${process.pid}.ts`, folder), source(`${client}${inThread.join('')}await close()\n`))
  const module = `${client}
const tenantA = ${JSON.stringify(tenantA)}
const tenantB = ${JSON.stringify(tenantB)}
${inMain.join('\n')}
export { close }
`
    .replace(
      "import { Worker } from 'node:worker_threads'",
      "import { TypeScriptWorker as Worker } from '../../test/losing-the-context/typescript-worker.js'",
    )
    .replace("'./report.ts'", `'./report-${process.pid}.ts'`)
  const ran = await runModule<Ran>('losing-the-context', module)
  try {
    await expect.poll(() => ran.found).toEqual([null])
    expect(await Promise.all(ran.bound)).toEqual([3, 3, 3, 3])
    expect(await ran.ticks).toEqual(['TENANT.REQUIRED', 3])
    expect(ran.seen).toEqual({ callback: tenantA, bound: tenantB, promise: tenantB })
    expect(ran.rows.map(({ tenantId }) => tenantId)).toEqual([tenantA, tenantA, tenantA])
    expect(ran.counts).toEqual([3, 5])
    expect(ran.report).toEqual({ projects: 3, as: tenantA })
    expect(ran.loaded).toEqual([tenantA, tenantB])
  } finally {
    await ran.close()
  }
})

test('its links lead to its own headings and to pages that are there', async () => {
  const page = await readPage('docs/losing-the-context.md')
  const headings = [...page.matchAll(/^## (.*)$/gm)].map(([, text = '']) => text.toLowerCase().replaceAll(' ', '-'))
  const links = [...page.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => link)
  expect(links.length).toBeGreaterThan(5)
  for (const link of links) {
    if (link.startsWith('#')) expect(headings).toContain(link.slice(1))
    else await readPage(`docs/${link}`)
  }
})
