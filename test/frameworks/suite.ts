// The claims that hold for every framework: one scope a request, to the very end of it and no further, and no way to
// name a tenant that is not one's own.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { exportJWK, generateKeyPair, jwtVerify, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { fromHeader, fromPath, fromSubdomain, fromToken } from '../../src/frameworks/sources.js'
import { createTestDatabase, type SeededTenant, seedTenants, type TenantDatabase } from '../support/database.js'
import { idsAre } from '../support/ids-are.js'
import { leftOnIdleConnections, openMode } from '../support/modes.js'
import { type Answer, type Ask, ask, askRaw, exchange, newAgent } from './client.js'
import { type AppOptions, EXPECTED, type Framework, NOBODY, Notes, type ServerUnderTest } from './stages.js'

const A = 'tenant-a'
const B = 'tenant-b'
const REQUESTS = 2000

export function describeFramework(framework: Framework): void {
  const unwrap = (text: string, status: number): string => framework.unwrap?.(text, status) ?? text
  const json = ({ text, status }: { text: string; status: number }): unknown => JSON.parse(unwrap(text, status))

  // For the whole file: tenants have names here, until a database comes in.
  beforeAll(() => idsAre('text'))

  let app: ServerUnderTest | undefined
  let notes: Notes
  const open = async (options: Omit<AppOptions, 'notes'>): Promise<string> => {
    notes = new Notes()
    app = await framework.open({ ...options, notes })
    notes.watch(app.server)
    return app.url
  }
  afterEach(async () => {
    await app?.close()
    app = undefined
    expect(notes.wrong).toEqual([])
  })

  const byHeader = (): AppOptions['options'] => ({
    tenant: fromHeader('x-tenant-id'),
    async user() {
      await sleep(1)
      notes.add('user', NOBODY)
      return { tenants: [A, B] }
    },
    async authorize({ tenants }, id) {
      await sleep(Math.random() * 3)
      notes.add('authorize', NOBODY)
      return tenants.includes(id)
    },
  })
  const as = (tenant: string, more: Ask = {}): Ask => ({
    ...more,
    headers: { 'x-tenant-id': tenant, [EXPECTED]: tenant, ...more.headers },
  })

  describe(`${framework.name}: the scope`, () => {
    test(`holds in each stage of ${REQUESTS} requests of two tenants, mixed, slow, streamed, thrown and hung up`, async () => {
      const url = await open({ options: byHeader() })
      const agent = newAgent(64)
      let next = 0
      const counts: Record<string, number> = {}
      const kinds: Record<string, (tenant: string, n: number) => Promise<void>> = {
        async waiting(tenant, n) {
          const answer = json(await ask(`${url}/tenant?wait=${n % 7}`, agent, as(tenant)))
          expect(new Set(Object.values(answer as object))).toEqual(new Set([tenant]))
          expect(Object.keys(answer as object).length).toBeGreaterThan(5)
        },
        async streaming(tenant, n) {
          const { text, status } = await ask(`${url}/stream?chunks=4&wait=${n % 3}`, agent, as(tenant))
          expect([status, unwrap(text, status)]).toEqual([200, `${tenant}\n`.repeat(4)])
        },
        async throwing(tenant, n) {
          const answer = await ask(`${url}/throw?wait=${n % 5}`, agent, as(tenant))
          expect([answer.status, json(answer)]).toEqual([500, { tenant }])
        },
        async posting(tenant, n) {
          const sent = { n, padding: 'x'.repeat(n % 2 === 0 ? 10 : 60_000) }
          const body = JSON.stringify(sent)
          const more: Ask = { method: 'POST', body, headers: { 'content-type': 'application/json' } }
          expect(json(await ask(`${url}/echo`, agent, as(tenant, more)))).toEqual({ tenant, body: sent })
        },
        async leaving(tenant) {
          const { text, status } = await ask(`${url}/stream?chunks=40&wait=2`, agent, as(tenant, { hangUp: true }))
          expect(unwrap(text, status)).toMatch(new RegExp(`^(?:${tenant}\n)*$`))
        },
        async public() {
          const answer = await ask(`${url}/public`, agent, { headers: { 'x-tenant-id': A } })
          expect(json(answer)).toEqual({ tenant: NOBODY })
        },
        async naming_none() {
          expect((await ask(`${url}/tenant`, agent)).status).toBe(400)
        },
      }
      const names = Object.keys(kinds)
      const worker = async (): Promise<void> => {
        for (let n = next++; n < REQUESTS; n = next++) {
          const kind = names[Math.floor(Math.random() * names.length)] as string
          await kinds[kind]?.(Math.random() < 0.5 ? A : B, n)
          counts[kind] = (counts[kind] ?? 0) + 1
        }
      }
      await Promise.all(Array.from({ length: 64 }, worker))
      agent.destroy()
      await sleep(200)
      for (const name of names) expect(counts[name], name).toBeGreaterThan(REQUESTS / names.length / 2)
      for (const stage of ['user', 'authorize', 'server request', 'connection', 'socket', ...framework.noted]) {
        expect(notes.counts[stage] ?? 0, stage).toBeGreaterThan(50)
      }
    }, 120_000)

    test('ends with the request: the next one on the same connection has none', async () => {
      const url = await open({ options: byHeader() })
      const agent = newAgent(1)
      const inTurn: [Answer, unknown][] = []
      for (const tenant of [A, B]) {
        const sent: Ask = { method: 'POST', body: '{"n":1}', headers: { 'content-type': 'application/json' } }
        inTurn.push([await ask(`${url}/echo`, agent, as(tenant, sent)), { tenant, body: { n: 1 } }])
        inTurn.push([await ask(`${url}/public`, agent), { tenant: NOBODY }])
        await ask(`${url}/throw`, agent, as(tenant))
        inTurn.push([await ask(`${url}/public`, agent), { tenant: NOBODY }])
        await ask(`${url}/stream?chunks=3`, agent, as(tenant))
        inTurn.push([await ask(`${url}/public`, agent), { tenant: NOBODY }])
        expect((await ask(`${url}/tenant`, agent)).status).toBe(400)
      }
      agent.destroy()
      for (const [answer, expected] of inTurn) expect(json(answer)).toEqual(expected)
      expect(inTurn.slice(1).map(([{ reused }]) => reused)).not.toContain(false)
    })

    test('is not shared by requests that came in one packet', async () => {
      const url = await open({ options: byHeader() })
      const get = (path: string, ...lines: string[]) =>
        [`GET ${path} HTTP/1.1`, 'Host: x', ...lines, '', ''].join('\r\n')
      const of = (tenant: string) => [`X-Tenant-Id: ${tenant}`, `${EXPECTED}: ${tenant}`]
      const answers = await exchange(
        url,
        get('/stream?chunks=3&wait=20', ...of(A)) +
          get('/stream?chunks=2&wait=1', ...of(B)) +
          get('/public') +
          get('/stream?chunks=4&wait=1', ...of(A)) +
          get('/public', 'Connection: close'),
      )
      const seen = [...answers.matchAll(new RegExp(`${A}|${B}|${NOBODY}`, 'g'))].map(String)
      expect(seen).toEqual([A, A, A, B, B, NOBODY, A, A, A, A, NOBODY])
    })

    test('is not opened for a refused request, and its handler never runs', async () => {
      const url = await open({ options: byHeader() })
      const agent = newAgent(4)
      const refused = await ask(`${url}/tenant`, agent, { headers: { 'x-tenant-id': 'tenant-c' } })
      expect([refused.status, json(refused)]).toEqual([403, { error: 'forbidden' }])
      const missing = await ask(`${url}/tenant`, agent)
      expect([missing.status, json(missing)]).toEqual([400, { error: 'tenant required' }])
      agent.destroy()
    })

    test('an error while deciding goes where the errors of the app go, and is no refusal', async () => {
      const authorize = () => {
        throw new Error('database down')
      }
      const url = await open({ options: { tenant: fromHeader('x-tenant-id'), authorize } })
      const agent = newAgent(1)
      const answer = await ask(`${url}/tenant`, agent, { headers: { 'x-tenant-id': A } })
      expect(answer.status).toBe(500)
      expect(answer.text).not.toContain('forbidden')
      agent.destroy()
    })

    test('the statuses are those that were configured', async () => {
      const url = await open({ options: { ...byHeader(), missing: 404, refused: 404 } as AppOptions['options'] })
      const agent = newAgent(1)
      const missing = await ask(`${url}/tenant`, agent)
      const refused = await ask(`${url}/tenant`, agent, { headers: { 'x-tenant-id': 'tenant-c' } })
      expect([missing.status, json(missing)]).toEqual([404, { error: 'not found' }])
      expect([refused.status, refused.text]).toEqual([missing.status, missing.text])
      agent.destroy()
    })
  })

  describe(`${framework.name}: another tenant cannot be named`, () => {
    const mine = (id: string): boolean => id === A
    /** All of them refused, in the same words. */
    const refuses = async (url: string, attacks: readonly [path: string, ...lines: string[]][]): Promise<void> => {
      const bodies = new Set<string>()
      for (const [path, ...lines] of attacks) {
        const { status, text } = await askRaw(url, path, lines)
        // Bytes that HTTP does not allow are refused by Node's own parser, or by the framework's router.
        if ([400, framework.unreadable].includes(status) && !text.includes('tenant required')) continue
        expect([JSON.stringify([path, ...lines]), status]).toEqual([JSON.stringify([path, ...lines]), 403])
        bodies.add(unwrap(text, status))
      }
      expect([...bodies]).toEqual(['{"error":"forbidden"}'])
    }
    const accepts = async (url: string, path: string, ...lines: string[]): Promise<void> => {
      const { status, text } = await askRaw(url, path, lines)
      expect([status, (json({ status, text }) as { start: string }).start]).toEqual([200, A])
    }

    test('by a header', async () => {
      const url = await open({ options: { tenant: fromHeader('x-tenant-id'), authorize: (_user, id) => mine(id) } })
      await accepts(url, '/tenant', 'Host: x', `X-Tenant-Id: ${A}`)
      const values = [
        B,
        '',
        `${A},${B}`,
        `${A}, ${A}`,
        `${A}\0`,
        `${A}\x01`,
        `${A}\x7f`,
        `${A}\t${B}`,
        `${A} `.padEnd(300, 'x'),
      ]
      await refuses(url, [
        ...values.map((value): [string, string, string] => ['/tenant', 'Host: x', `X-Tenant-Id: ${value}`]),
        ['/tenant', 'Host: x', `X-Tenant-Id: ${A}`, `X-Tenant-Id: ${B}`],
        ['/tenant', 'Host: x', `X-Tenant-Id: ${A}`, `x-tenant-id: ${A}`],
        ['/tenant', 'Host: x', `X-Tenant-Id: ${A.replace('a', '\xd0\xb0')}`],
        ['/tenant', 'Host: x', `X-Tenant-Id: ${A.toUpperCase()}`],
        ['/tenant', 'Host: x', `X-Tenant-Id: tenant%2Da`],
      ])
    })

    test('by the host', async () => {
      const options = { tenant: fromSubdomain({ of: 'example.com' }), authorize: (_: unknown, id: string) => mine(id) }
      const url = await open({ options })
      for (const host of [`${A}.example.com`, `${A}.example.com:80`, 'TENANT-A.EXAMPLE.com', `${A}.example.com.`]) {
        await accepts(url, '/tenant', `Host: ${host}`)
      }
      const hosts = ['evilexample.com', `${A}.evilexample.com`, `${A}.example.com.evil.com`, `a.${A}.example.com`]
      hosts.push(
        `${B}.example.com`,
        `${B}.example.com:80`,
        `${A}@${B}.example.com`,
        `${A}..example.com`,
        `${A}.example.com:x`,
      )
      await refuses(url, [
        ...hosts.map((host): [string, string] => ['/tenant', `Host: ${host}`]),
        ['/tenant', `Host: ${A}.example.com`, `Host: ${B}.example.com`],
        ['/tenant', `Host: ${B}.example.com`, `X-Forwarded-Host: ${A}.example.com`],
      ])
      expect((await askRaw(url, '/tenant', ['Host: example.com'])).status).toBe(400)
    })

    test.skipIf(framework.noPaths)('by the path', async () => {
      const url = await open({ options: { tenant: fromPath('/t/:tenant'), authorize: (_user, id) => mine(id) } })
      await accepts(url, `/t/${A}/tenant`, 'Host: x')
      const ids = [
        B,
        'tenant%2Da',
        'tenant%252Da',
        `${A}%00`,
        `${A}%0a`,
        `${A}%2f..`,
        `tenant%E2%80%90a`,
        `tenant-%D0%B0`,
        '%',
        '%ff',
      ]
      await refuses(
        url,
        ids.map((id) => [`/t/${id}/tenant`, 'Host: x']),
      )
    })

    test('by a token', async () => {
      const { privateKey, publicKey } = await generateKeyPair('ES256')
      const other = await generateKeyPair('ES256')
      const verify = async (token: string) => (await jwtVerify(token, publicKey, { algorithms: ['ES256'] })).payload
      const url = await open({
        options: { tenant: [fromToken({ verify }), fromHeader('x-tenant-id')], authorize: () => true },
      })
      const sign = (claims: object, key = privateKey, expires = '1 minute') =>
        new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256' }).setExpirationTime(expires).sign(key)
      const good = await sign({ tenant_id: A })
      await accepts(url, '/tenant', 'Host: x', `Authorization: Bearer ${good}`)
      const [head, , signature] = good.split('.')
      const claims = Buffer.from(JSON.stringify({ tenant_id: B })).toString('base64url')
      const hmac = await new SignJWT({ tenant_id: B })
        .setProtectedHeader({ alg: 'HS256' })
        .sign(Buffer.from(JSON.stringify(await exportJWK(publicKey))))
      const tokens = [
        new UnsecuredJWT({ tenant_id: B }).encode(),
        `${head}.${claims}.${signature}`,
        `${head}.${claims}.`,
        hmac,
        await sign({ tenant_id: B }, other.privateKey),
        await sign({ tenant_id: B }, privateKey, '1 minute ago'),
        'null',
        ...(await Promise.all(
          [[B], { id: B }, 2 ** 53, 1.5, true, '', null, '\0', ' '.repeat(300)].map((tenant_id) => sign({ tenant_id })),
        )),
      ]
      await refuses(url, [
        // The header names a tenant that would be let in: what the token says is not passed over.
        ...tokens.map((token): [string, ...string[]] => [
          '/tenant',
          'Host: x',
          `Authorization: Bearer ${token}`,
          `X-Tenant-Id: ${A}`,
        ]),
        ['/tenant', 'Host: x', `Authorization: Bearer ${good}`, `Authorization: Bearer ${good}`],
        ['/tenant', 'Host: x', 'Authorization: Basic YTpi', `X-Tenant-Id: ${A}`],
        ['/tenant', 'Host: x', `Authorization: ${good}`, `X-Tenant-Id: ${A}`],
      ])
    })
  })

  describe(`${framework.name}: PostgreSQL shows`, () => {
    let db: TenantDatabase
    let tenants: readonly SeededTenant[]
    beforeAll(async () => {
      idsAre('uuid')
      db = await createTestDatabase()
      tenants = await seedTenants(db, [randomUUID(), randomUUID()] as const)
    })
    afterAll(async () => {
      idsAre('text')
      await db.drop()
    })

    test.each(['pool', 'portable'] as const)('each tenant its own rows, in %s mode, hundreds at once', async (mode) => {
      const { prisma, pool, close } = await openMode(mode, db.appUrl)
      try {
        const url = await open({
          options: {
            tenant: fromHeader('x-tenant-id'),
            // A shared table can be read while nothing is decided, and a tenant's shows nothing.
            authorize: async (_user, id) =>
              (await prisma.plan.findMany()).length >= 0 &&
              (await prisma.project.count()) === 0 &&
              tenants.some(({ tenantId }) => tenantId === id),
          },
          prisma,
        })
        const agent = newAgent(16)
        const asked = Array.from({ length: 200 }, (_, n) => tenants[n % 2] as SeededTenant)
        const answers = await Promise.all(
          asked.map(({ tenantId }, n) => {
            const spelled = n % 3 === 0 ? tenantId.toUpperCase() : tenantId
            return ask(`${url}/projects`, agent, { headers: { 'x-tenant-id': spelled } })
          }),
        )
        for (const [n, answer] of answers.entries()) {
          expect((json(answer) as string[]).sort()).toEqual([...(asked[n] as SeededTenant).projectIds].sort())
        }
        expect((await ask(`${url}/projects`, agent, { headers: { 'x-tenant-id': randomUUID() } })).status).toBe(403)
        expect((await ask(`${url}/projects`, agent, { headers: { 'x-tenant-id': 'x' } })).status).toBe(403)
        agent.destroy()
        const left = await leftOnIdleConnections(pool)
        expect(left.length).toBeGreaterThan(0)
        expect(left.filter(Boolean)).toEqual([])
      } finally {
        await close()
      }
    })
  })
}
