// Proves what each source makes of a request: absent, a tenant, or refused; and that nothing wrong falls through.
import { TenantMismatchError } from 'prisma-extension-tenancy'
import { beforeEach, describe, expect, test } from 'vitest'
import { currentScope, tryCurrentTenant, withTenant } from '../../src/context.js'
import { factsOfNode, factsOfWeb } from '../../src/frameworks/request-facts.js'
import { type TenantScopeOptions, tenantResolver } from '../../src/frameworks/resolve.js'
import {
  type ClaimSource,
  fromHeader,
  fromPath,
  fromSession,
  fromSubdomain,
  fromToken,
  type Source,
} from '../../src/frameworks/sources.js'
import { idsAre } from '../support/ids-are.js'

beforeEach(() => idsAre('text'))

interface Asked {
  readonly headers?: Record<string, string[]>
  readonly url?: string
}

/** What comes of a request: a tenant's id, a status, or the error. */
async function outcome(options: TenantScopeOptions<Asked>, { headers = {}, url = '/' }: Asked): Promise<unknown> {
  const facts = factsOfNode({ headersDistinct: headers, headers: {}, url })
  const resolution = await tenantResolver(options)(facts, { headers, url })
  return resolution.refusal === undefined ? resolution.scope.tenant : resolution.refusal.status
}
const trusting = (tenant: ClaimSource) => (asked: Asked) => outcome({ tenant, trusted: true }, asked)

describe('fromSubdomain', () => {
  const ask = (...host: string[]) =>
    trusting(fromSubdomain({ of: 'example.com', except: ['www'] }))({ headers: { host } })

  test.each([
    'acme.example.com',
    'acme.example.com:8443',
    'ACME.Example.COM',
    'acme.example.com.',
    'acme.example.com.:80',
  ])('%s is acme', async (host) => expect(await ask(host)).toBe('acme'))

  test.each(['example.com', 'EXAMPLE.com:80', 'example.com.', 'www.example.com'])('%s names no tenant', async (host) =>
    expect(await ask(host)).toBe(400),
  )

  test.each([
    ...['evilexample.com', 'acme.evilexample.com', 'example.com.evil.com', 'acme.example.org', 'a.b.example.com'],
    ...[
      'acme.example.com..',
      '.example.com',
      'acme..example.com',
      '-.example.com',
      'acme@example.com',
      'x@acme.example.com',
    ],
    ...['evil.com/acme.example.com', 'evil.com#.example.com', 'acme.example.com:80:80', 'acme.example.com:', ':80', ''],
    ...[
      'acme.example.com, birch.example.com',
      'acme .example.com',
      'acme\t.example.com',
      'acme\0.example.com',
      '%61cme.example.com',
    ],
    ...[
      '127.0.0.1',
      '[::1]',
      'localhost',
      'acme\u{ff0e}example.com',
      'a\u212b.example.com',
      `${'a'.repeat(64)}.example.com`,
    ],
  ])('%j is refused', async (host) => expect(await ask(host)).toBe(403))

  test('two hosts are refused, also two that are equal', async () => {
    expect(await ask('acme.example.com', 'birch.example.com')).toBe(403)
    expect(await ask('acme.example.com', 'acme.example.com')).toBe(403)
  })

  test('a name that find does not know is refused, and one that it knows becomes its id', async () => {
    idsAre('int')
    const find = async (name: string) => (name === 'acme' ? 7 : undefined)
    const ask = trusting(fromSubdomain({ of: 'example.com', find }))
    expect(await ask({ headers: { host: ['acme.example.com'] } })).toBe('7')
    expect(await ask({ headers: { host: ['birch.example.com'] } })).toBe(403)
    expect(await ask({ headers: { host: ['example.com'] } })).toBe(400)
  })
})

describe('fromHeader', () => {
  const ask = trusting(fromHeader('X-Tenant-Id'))

  test('takes one plain value', async () => {
    expect(await ask({ headers: { 'x-tenant-id': ['acme 1/2'] } })).toBe('acme 1/2')
    expect(await ask({})).toBe(400)
  })

  test.each([
    [['a', 'b']],
    [['a', 'a']],
    [['a, b']],
    [['a,']],
    [['']],
    [['a\0']],
    [['a\x7f']],
    [['a\tb']],
    [['\xd9\xa1']],
    [['x'.repeat(256)]],
  ])('%j is refused', async (values) => expect(await ask({ headers: { 'x-tenant-id': values } })).toBe(403))

  test('the joined values of Web headers are refused like two headers', async () => {
    const headers = new Headers([
      ['x-tenant-id', 'a'],
      ['X-Tenant-Id', 'b'],
    ])
    const resolve = tenantResolver({ tenant: fromHeader('x-tenant-id'), trusted: true })
    expect(await resolve(factsOfWeb({ headers }), {})).toMatchObject({ refusal: { status: 403 } })
  })
})

describe('fromPath', () => {
  const ask = (url: string) => trusting(fromPath('/t/:tenant'))({ url })

  test.each([
    ['/t/acme', 'acme'],
    ['/t/acme/projects?t=birch', 'acme'],
    ['/t/acme?/t/birch', 'acme'],
    ['/t/%C3%A9%20b', 'é b'],
    ['/t/a+b', 'a+b'],
  ])('%s is %j', async (url, id) => expect(await ask(url)).toBe(id))

  test.each(['/', '/t', '/u/acme', '/x/t/acme', '*', '//t/acme'])('%s names no tenant', async (url) =>
    expect(await ask(url)).toBe(400),
  )

  test.each([
    ...[
      '/t/',
      '/t//acme',
      '/t/%61cme',
      '/t/%2561cme',
      '/t/acme%2Fbirch',
      '/t/acme%5Cbirch',
      '/t/%',
      '/t/%E0%A4',
      '/t/%zz',
    ],
    ...['/t/..', '/t/.', '/t/%2e%2e', '/t/%00', '/t/acme%0d', '/t/acme%C2%80', '/t/%ff', '/T/acme', '/%74/acme'],
    ...['http://evil.com/t/acme', 'evil/t/acme', `/t/${'x'.repeat(256)}`],
  ])('%s is refused', async (url) => expect(await ask(url)).toBe(403))

  test("a Web request's URL is read behind its host", async () => {
    const resolve = tenantResolver({ tenant: fromPath('/t/:tenant'), trusted: true })
    const of = (url: string) => resolve(factsOfWeb({ headers: new Headers(), url: new Request(url).url }), {})
    expect(await of('http://h/t/acme?x#y')).toMatchObject({ scope: { tenant: 'acme' } })
    expect(await of('http://h/t/%61cme')).toMatchObject({ refusal: { status: 403 } })
    expect(await of('http://h')).toMatchObject({ refusal: { status: 400 } })
  })
})

describe('fromToken', () => {
  const ask = (claims: unknown, authorization = ['Bearer a.b.c']) =>
    outcome({ tenant: fromToken({ verify: async () => claims as object }) }, { headers: { authorization } })

  test.each([
    ['text', 'acme', 'acme'],
    ['int', 42, '42'],
  ] as const)('the claim of a %s, %j, is a tenant', async (type, id, expected) => {
    idsAre(type)
    expect(await ask({ tenant_id: id })).toBe(expected)
  })

  test.each([
    ...[[], ['acme'], { id: 'acme' }, true, '', null, 1.5, 2 ** 53, Number.NaN, '\0', 'x'.repeat(256), '\ud800', -0],
  ])('the claim %j is refused', async (id) => expect(await ask({ tenant_id: id })).toBe(403))

  test('a token without the claim, and no token, name no tenant', async () => {
    expect(await ask({})).toBe(400)
    expect(await ask(Object.create({ tenant_id: 'acme' }))).toBe(400)
    expect(await ask({ tenant_id: 'acme' }, [])).toBe(400)
  })

  test.each([undefined, null, 'acme', false])('claims %j are refused', async (claims) =>
    expect(await ask(claims)).toBe(403),
  )

  test.each([
    [['Basic YTpi']],
    [['Bearer']],
    [['Bearer ']],
    [['a.b.c']],
    [['Bearer a.b.c, Bearer d.e.f']],
    [['Bearer a.b.c', 'Bearer a.b.c']],
    [['Bearer a b']],
    [['']],
  ])('the header %j is refused', async (values) => expect(await ask({ tenant_id: 'acme' }, values)).toBe(403))

  test('a token that does not verify is refused, and asks no later source', async () => {
    const verify = async () => {
      throw new Error('bad signature')
    }
    const headers = { authorization: ['Bearer a.b.c'], 'x-tenant-id': ['acme'] }
    const tenant = [fromToken({ verify }), fromHeader('x-tenant-id')] as const
    expect(await outcome({ tenant, trusted: true }, { headers })).toBe(403)
    expect(await outcome({ tenant, trusted: true }, { headers: { 'x-tenant-id': ['acme'] } })).toBe('acme')
  })
})

describe("the server's own words", () => {
  test('need no authorize', async () => {
    expect(await outcome({ tenant: fromSession(() => 'acme') }, {})).toBe('acme')
    expect(await outcome({ tenant: [() => undefined, async () => null, fromSession(() => 'b')] }, {})).toBe('b')
    expect(await outcome({ tenant: () => undefined }, {})).toBe(400)
  })

  test('may be a number', async () => {
    idsAre('int')
    expect(await outcome({ tenant: () => 7 }, {})).toBe('7')
  })

  test('that are no tenant are refused', async () => {
    for (const value of ['', [], true, new Date(), () => 'acme', Symbol('a'), -0, { id: [] }]) {
      expect(await outcome({ tenant: [() => value as string, () => 'acme'] }, {}), String(value)).toBe(403)
    }
  })

  test('carry settings', async () => {
    idsAre({ parse: (id) => id.toLowerCase() })
    const resolve = tenantResolver({ tenant: () => ({ id: 'ACME', settings: { 'app.user_id': '7' } }) })
    const { scope } = (await resolve(factsOfNode({ headers: {}, url: '/' }), {})) as {
      scope: NonNullable<ReturnType<typeof currentScope>>
    }
    expect([scope.tenant, { ...scope.settings }]).toEqual(['acme', { 'app.user_id': '7' }])
  })

  test('that throw are an error and no refusal', async () => {
    const down = () => {
      throw new Error('session store down')
    }
    await expect(outcome({ tenant: [fromSession(down), () => 'acme'] }, {})).rejects.toThrow('session store down')
  })
})

describe('authorize', () => {
  const headers = { 'x-tenant-id': ['acme'] }
  const tenant = fromHeader('x-tenant-id')

  test.each([1, 'true', {}, [], undefined, null, false])('%j lets nobody in', async (answer) => {
    expect(await outcome({ tenant, authorize: () => answer as boolean }, { headers })).toBe(403)
    expect(await outcome({ tenant, authorize: async () => answer as boolean, refused: 404 }, { headers })).toBe(404)
  })

  test('gets the user, the id in its one form as text, and the request, outside any tenant', async () => {
    idsAre({ parse: (id) => id.toLowerCase() })
    const seen: unknown[] = []
    const options: TenantScopeOptions<Asked, string> = {
      tenant: [fromHeader('x-tenant-id'), () => 7],
      user: async () => `user in ${tryCurrentTenant()}`,
      authorize: async (user, id, request) => {
        seen.push(user, id, request.url, tryCurrentTenant(), currentScope() === undefined)
        return true
      },
    }
    const asked = { headers: { 'x-tenant-id': ['ACME'] }, url: '/x' }
    const inside = await withTenant('other', () => outcome(options as TenantScopeOptions<Asked>, asked))
    expect(inside).toBe('acme')
    expect(seen).toEqual(['user in undefined', 'acme', '/x', undefined, false])
    expect(await outcome(options as TenantScopeOptions<Asked>, {})).toBe('7')
  })

  test('is asked for the words of the server too', async () => {
    expect(await outcome({ tenant: () => 'acme', authorize: () => false }, {})).toBe(403)
  })

  test('that throws is an error, but where an id was invalid', async () => {
    const authorize = () => {
      throw new TenantMismatchError('database down', { hint: '' })
    }
    await expect(outcome({ tenant, authorize }, { headers })).rejects.toThrow('database down')
    const invalid = () => withTenant('', () => true)
    expect(await outcome({ tenant, authorize: invalid }, { headers })).toBe(403)
  })
})

describe('ids of the type of the process', () => {
  const ask = (id: string) => outcome({ tenant: fromPath('/:tenant'), trusted: true }, { url: `/${id}` })

  test('are refused where they only look like one', async () => {
    idsAre('int')
    expect(await ask('12')).toBe('12')
    for (const id of ['012', '+12', '12.0', '1e1', '%D9%A1', '%EF%BC%91', '12%20', '0x0c', '99999999999']) {
      expect(await ask(id), id).toBe(403)
    }
  })
})

describe('refusals', () => {
  test('have one body whatever the reason', async () => {
    const resolve = tenantResolver({ tenant: [fromHeader('x-tenant-id'), () => ''], authorize: () => false })
    const bodies = new Set<string>()
    for (const value of ['acme', 'a,b', '', '\0']) {
      const facts = factsOfNode({ headersDistinct: { 'x-tenant-id': [value] }, headers: {}, url: '/' })
      bodies.add(JSON.stringify(await resolve(facts, {})))
    }
    expect([...bodies]).toEqual(['{"refusal":{"status":403,"body":{"error":"forbidden"}}}'])
  })

  test('as 404 do not tell a missing tenant from a refused one', async () => {
    const resolve = tenantResolver<Asked, unknown>({
      tenant: ({ url }) => url,
      authorize: () => false,
      missing: 404,
      refused: 404,
    })
    const facts = factsOfNode({ headers: {}, url: '/' })
    expect(await resolve(facts, {})).toEqual(await resolve(facts, { url: 'acme' }))
  })
})

describe('options', () => {
  const header = fromHeader('x-tenant-id')
  test.each<[string, unknown]>([
    ['no tenant', {}],
    ['no source', { tenant: [] }],
    ['a text as source', { tenant: 'x-tenant-id' }],
    ['a claim that nobody decides', { tenant: header }],
    ['a claim behind a session', { tenant: [fromSession(() => 'a'), header] }],
    ['trusted: false', { tenant: header, trusted: false }],
    ['trusted beside authorize', { tenant: header, trusted: true, authorize: () => true }],
    ['authorize: true', { tenant: header, authorize: true }],
    ['an unknown option', { tenant: header, trusted: true, authorise: () => true }],
    ['another status', { tenant: header, trusted: true, refused: 401 }],
    ['a status as text', { tenant: header, trusted: true, missing: '404' }],
    ['an unknown type of id', { tenant: header, trusted: true, tenantId: 'slug' }],
    ['nothing', undefined],
  ])('%s is CONFIG.INVALID when the middleware is made', (_what, options) => {
    expect(() => tenantResolver(options as TenantScopeOptions<Asked>)).toThrow(
      expect.objectContaining({ code: 'CONFIG.INVALID', hint: expect.stringMatching(/^Give /) }),
    )
  })

  test.each<[string, () => Source<Asked>]>([
    ['a pattern without :tenant', () => fromPath('/t')],
    ['a pattern with two', () => fromPath('/:tenant/:tenant')],
    ['a pattern with another name', () => fromPath('/:org/:tenant')],
    ['no domain', () => fromSubdomain({ of: '' })],
    ['a domain with a port', () => fromSubdomain({ of: 'example.com:80' })],
    ['a domain in upper case', () => fromSubdomain({ of: 'Example.com' })],
    ['an unknown option', () => fromSubdomain({ of: 'example.com', domain: 'x' } as never)],
    ['a header of two words', () => fromHeader('x tenant')],
    ['no verify', () => fromToken({} as never)],
    ['find: true', () => fromHeader('x', { find: true } as never)],
    ['no function', () => fromSession('tenant' as never)],
  ])('%s is CONFIG.INVALID when the source is made', (_what, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'CONFIG.INVALID', hint: expect.stringMatching(/^Give /) }))
  })
})
