// Proves that README is true to the code: its TypeScript runs as written, in order, as one service, and its commands and
// packages exist.
import { randomBytes, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import { createTestDatabase, seedTenants, type TenantDatabase } from './support/database.js'
import { blocks, runModule } from './support/docs.js'

const root = new URL('../', import.meta.url)
let readme: string
let manifest: {
  scripts: Record<string, string>
  peerDependencies: Record<string, string>
  peerDependenciesMeta: object
  name: string
}
let db: TenantDatabase
beforeAll(async () => {
  readme = await readFile(new URL('README.md', root), 'utf8')
  manifest = JSON.parse(await readFile(new URL('package.json', root), 'utf8'))
  db = await createTestDatabase()
})
afterAll(() => db.drop())

test('every TypeScript snippet runs, one after another', async () => {
  const [{ tenantId }, other] = await seedTenants(db, [randomUUID(), randomUUID()] as const)
  const snippets = blocks(readme, 'ts')
  expect(snippets.length).toBeGreaterThan(3)
  // What a reader has and README does not show: two tenants, URLs, a key, and for portable mode a client of his own.
  const module = `import { PrismaClient as TheirClient } from './generated/prisma/client'
import { PrismaPg as TheirAdapter } from '@prisma/adapter-pg'
const tenantId = ${JSON.stringify(tenantId)}
const otherTenantId = ${JSON.stringify(other.tenantId)}
process.env.DATABASE_URL = ${JSON.stringify(db.appUrl)}
process.env.REPLICA_URL = ${JSON.stringify(db.appUrl)}
process.env.REPORTS_URL = ${JSON.stringify(db.bypassUrl)}
process.env.TENANT_SEAL_KEY = ${JSON.stringify(randomBytes(32).toString('base64'))}
const existingPrismaClient = new TheirClient({ adapter: new TheirAdapter({ connectionString: process.env.DATABASE_URL }) })
${snippets.join('\n')}
export const close = async () => { await prisma.$disconnect(); await pool.end(); await existingPrismaClient.$disconnect() }
export { perTenant }
export const throughPortable = await withTenant(tenantId, () => portable.project.count())
`.replaceAll('./generated/prisma/client', '../../generated/test/client.js')
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  const ran = await runModule<{
    close(): Promise<void>
    throughPortable: number
    perTenant: unknown[]
  }>('readme', module)
  const printed = log.mock.calls.map((call) => call.join(' '))
  log.mockRestore()
  await ran.close()
  expect(printed[0]).toBe('3 projects')
  expect(printed).toContain(tenantId)
  expect(printed).toContain('42')
  expect(printed.join('\n')).toContain('FORCE ROW LEVEL SECURITY')
  expect(printed.join('\n')).toMatch(/attempts held, 0 leaks/)
  expect(ran.throughPortable).toBe(4)
  expect(ran.perTenant).toHaveLength(2)
})

test('its commands are scripts, and what it installs are the peers', () => {
  for (const [, script] of readme.matchAll(/npm run ([a-z:]+)/g))
    expect(manifest.scripts).toHaveProperty(script as string)
  const install = /npm install (.*)/.exec(readme)?.[1]?.split(' ')
  // A framework or a queue is there already, or is not wanted.
  const needed = Object.keys(manifest.peerDependencies).filter((peer) => !(peer in manifest.peerDependenciesMeta))
  expect(new Set(install)).toEqual(new Set([manifest.name, ...needed]))
})

test('it lists every error code, but that of placements, which are not there yet', async () => {
  const union = /type TenancyErrorCode =(.*?)\n\n/s.exec(await readFile(new URL('src/errors.ts', root), 'utf8'))?.[1]
  const codes = [...(union ?? '').matchAll(/'([A-Z_.]+)'/g)].map(([, code]) => code)
  expect(codes).toContain('TENANT.REQUIRED')
  const listed = [...readme.matchAll(/^\| `([A-Z]+\.[A-Z_]+)` \|/gm)].map(([, code]) => code)
  expect(listed.sort()).toEqual(codes.filter((code) => code !== 'TENANT.NOT_FOUND').sort())
})

test('every file that it links to or shows exists', async () => {
  for (const [, link, picture] of readme.matchAll(/\]\((?!http)([^)#]+)\)|src(?:set)?="(?!http)([^"]+)"/g))
    await readFile(new URL((link ?? picture) as string, root))
})
