// Proves that docs/requests.md is true: its snippets run as written, in order, and each app shows a tenant its own rows.
import { createSecretKey, randomBytes, randomUUID } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { NestFactory } from '@nestjs/core'
import { SignJWT } from 'jose'
import { expect, test } from 'vitest'
import { createTestDatabase, seedTenants } from '../support/database.js'

const root = new URL('../../', import.meta.url)

test('every snippet runs, and each app shows its own rows to whoever has the token', async () => {
  const text = await readFile(new URL('docs/requests.md', root), 'utf8')
  const snippets = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code)
  expect(snippets).toHaveLength(text.match(/^```ts/gm)?.length ?? 0)
  const db = await createTestDatabase()
  const [mine] = await seedTenants(db, [randomUUID(), randomUUID()] as const)
  const secret = randomBytes(32)
  process.env.JWT_KEY = secret.toString('base64')
  // What a reader has: a tenant and a client.
  const module = `import 'reflect-metadata'
import { PrismaPg } from '@prisma/adapter-pg'
import { TenantPool, tenancy } from 'prisma-extension-tenancy'
import { PrismaClient } from '../../generated/test/client.js'
const tenantId = ${JSON.stringify(mine.tenantId)}
const pool = new TenantPool({ connectionString: ${JSON.stringify(db.appUrl)} })
const base = new PrismaClient({ adapter: new PrismaPg(pool) })
const prisma = base.$extends(tenancy({ pool }))
export const close = async () => { await base.$disconnect(); await pool.end() }
${snippets.join('\n')}`
  const folder = new URL('.tmp/requests/', root)
  await mkdir(folder, { recursive: true })
  await writeFile(new URL('tsconfig.json', folder), '{ "compilerOptions": { "experimentalDecorators": true } }')
  const file = new URL(`snippets-${process.pid}.ts`, folder)
  await writeFile(file, module)
  const ran = await import(/* @vite-ignore */ file.href)
  const token = await new SignJWT({ tenant_id: mine.tenantId })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(createSecretKey(secret))
  const headers = { authorization: `Bearer ${token}` }
  const idsOf = (rows: unknown) => (rows as { id: string }[]).map(({ id }) => id).sort()
  const expected = [...mine.projectIds].sort()
  const served = async (url: string): Promise<void> => {
    expect((await fetch(`${url}/health`)).status).toBe(200)
    expect((await fetch(`${url}/projects`)).status).toBe(400)
    expect((await fetch(`${url}/projects`, { headers: { authorization: 'Bearer x' } })).status).toBe(403)
    expect(idsOf(await (await fetch(`${url}/projects`, { headers })).json())).toEqual(expected)
  }
  try {
    const server = ran.expressApp.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    await served(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    server.closeAllConnections()
    server.close()
    await served(await ran.fastifyApp.listen({ port: 0, host: '127.0.0.1' }))
    await ran.fastifyApp.close()
    const nest = await NestFactory.create(ran.AppModule, { logger: false, forceCloseConnections: true })
    await nest.listen(0, '127.0.0.1')
    await served(`http://127.0.0.1:${(nest.getHttpServer().address() as AddressInfo).port}`)
    await nest.close()
    expect(idsOf(await (await ran.honoApp.request('/projects', { headers })).json())).toEqual(expected)
    const caller = ran.router.createCaller({ req: new Request('http://x', { headers }) })
    expect(idsOf(await caller.projects())).toEqual(expected)
    expect(idsOf(await (await ran.GET(new Request('http://x', { headers }))).json())).toEqual(expected)
  } finally {
    await ran.close()
    await rm(file, { force: true })
    await db.drop()
  }
})
