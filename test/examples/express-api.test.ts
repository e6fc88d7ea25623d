// The Express example as its users would run it, a process of its own: each company is shown its own rows, streams them to
// the last, and writes into its own; what is another's is refused, and an error leaves nothing behind for the next request.
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { COMPANIES, type Company } from '../../examples/demo/companies.js'
import { type Answer, ask } from '../../examples/demo/http-client.js'
import { type CompaniesDatabase, createCompaniesDatabase, logIn } from './companies-database.js'
import { type ExampleProcess, startExample, typescript } from './example-process.js'
import { takesNoMoreRequests } from './request-under-way.js'

const [acme, birch] = COMPANIES

let database: CompaniesDatabase
let api: ExampleProcess
const tokens = new Map<Company, string>()

beforeAll(async () => {
  database = await createCompaniesDatabase()
  api = await startExample(typescript('examples/express-api/main.ts'), {
    env: { DATABASE_URL: database.url, PORT: '0' },
    listening: /Listening on port (\d+)/,
  })
  for (const company of [acme, birch]) tokens.set(company, await logIn(api.url, company))
})
afterAll(async () => {
  api?.kill()
  await database?.drop()
})

interface Body {
  readonly id: string
  readonly tenantId: string
  readonly projects: readonly { readonly id: string }[]
}

function as(company: Company, what: `${string} /${string}`, body?: object): Promise<Answer<Body>> {
  return ask(api.url, what, { token: tokens.get(company) ?? '', ...(body && { body }) })
}

/** Lines that are no JSON together, so not by `ask`. */
function transfer(company: Company, direction: 'export' | 'import', body?: string): Promise<Response> {
  const headers = { authorization: `Bearer ${tokens.get(company)}`, 'content-type': 'application/x-ndjson' }
  return fetch(`${api.url}/projects/${direction}`, body === undefined ? { headers } : { method: 'POST', headers, body })
}

const tenantsOf = (ndjson: string): string[] =>
  ndjson
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).tenantId)

test('companies that ask at once are each shown their own projects', async () => {
  const asked = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? acme : birch))
  const answers = await Promise.all(asked.map((company) => as(company, 'GET /projects')))
  for (const [n, { status, body }] of answers.entries()) {
    const own = await database.projectsOf(asked[n] as Company)
    expect(status).toBe(200)
    expect(body.projects.map(({ id }) => id)).toEqual(own.slice(0, 50).map(({ id }) => id))
  }
})

test('a new project belongs to the company of whoever made it', async () => {
  const { status, body } = await as(acme, 'POST /projects', { name: 'Launch', tenantId: birch.id })
  expect(status).toBe(201)
  expect(await database.truth('SELECT tenant_id FROM projects WHERE name = $1', 'Launch')).toEqual([
    { tenant_id: acme.id },
  ])
  expect((await as(acme, `GET /projects/${body.id}`)).status).toBe(200)
})

test("another company's project is not found, like one that does not exist", async () => {
  const [theirs] = await database.projectsOf(birch)
  expect((await as(birch, `GET /projects/${theirs.id}`)).status).toBe(200)
  const foreign = await as(acme, `GET /projects/${theirs.id}`)
  expect(foreign.status).toBe(404)
  expect(foreign).toEqual(await as(acme, 'GET /projects/00000000-0000-4000-8000-000000000000'))
})

test('without a session there is the login and the health, and nothing else', async () => {
  expect((await ask(api.url, 'GET /health')).status).toBe(200)
  for (const token of [undefined, '', 'x', randomBytes(32).toString('base64url')]) {
    for (const path of ['/projects', '/projects/export', '/nothing'] as const) {
      const answer = await ask(api.url, `GET ${path}`, token === undefined ? {} : { token })
      expect(answer).toEqual({ status: 401, body: { error: 'Log in first.' } })
    }
  }
})

test('exports that are read side by side hold every project of their own company, and no other', async () => {
  const exported = await Promise.all([acme, birch, acme, birch].map((company) => transfer(company, 'export')))
  const texts = await Promise.all(exported.map((response) => response.text()))
  for (const [n, company] of [acme, birch, acme, birch].entries()) {
    const own = await database.projectsOf(company)
    // More than a page, so that some of it was read after the answer began.
    expect(own.length).toBeGreaterThan(company === acme ? 100 : 50)
    expect(tenantsOf(texts[n] ?? '')).toEqual(own.map(() => company.id))
  }
})

test("an import of another company's export is refused, and an own row in it is not written either", async () => {
  const own = { name: 'Smuggled', tenantId: acme.id }
  const theirs = { name: 'Planted', tenantId: birch.id }
  const lines = (...rows: object[]): string => rows.map((row) => JSON.stringify(row)).join('\n')
  const refused = await transfer(acme, 'import', lines(own, theirs))
  expect([refused.status, await refused.json()]).toEqual([403, { error: 'That belongs to another company.' }])
  expect(await database.truth("SELECT FROM projects WHERE name IN ('Smuggled', 'Planted')")).toEqual([])

  const taken = await transfer(acme, 'import', lines(own, { ...own, name: 'Again' }))
  expect([taken.status, await taken.json()]).toEqual([201, { imported: 2 }])
  expect((await transfer(acme, 'import', lines(own))).status).toBe(409)
  expect((await transfer(acme, 'import', 'no line of an export')).status).toBe(400)
})

test('what a client sends wrongly is told, and what nobody expected is a 500 that tells nothing', async () => {
  expect((await as(acme, 'POST /projects', { name: ' ' })).status).toBe(400)
  const headers = { authorization: `Bearer ${tokens.get(acme)}`, 'content-type': 'application/json' }
  const send = (body: string) => fetch(`${api.url}/projects`, { method: 'POST', headers, body })
  expect((await send('{')).status).toBe(400)
  expect((await send(JSON.stringify({ name: 'x'.repeat(200_000) }))).status).toBe(413)
  // PostgreSQL takes no text with this character.
  const broken = await as(acme, 'POST /projects', { name: 'a\0b' })
  expect(broken).toEqual({ status: 500, body: { error: 'Something went wrong here.' } })
  expect(api.printed()).toMatch(/Error/)
})

test('after requests that failed, the next ones are of their own company, or of none', async () => {
  for (let round = 0; round < 10; round++) {
    const failed = await Promise.all([
      as(acme, 'POST /projects', { name: 'a\0b' }),
      as(acme, 'POST /projects', { name: 'Project 1' }),
      transfer(acme, 'import', JSON.stringify({ name: 'Planted', tenantId: birch.id })),
    ])
    expect(failed.map(({ status }) => status)).toEqual([500, 409, 403])
    const [own] = await database.projectsOf(birch)
    const next = await as(birch, 'GET /projects')
    expect([next.status, next.body.projects[0]?.id]).toEqual([200, own.id])
    expect((await ask(api.url, 'GET /projects')).status).toBe(401)
  }
})

test('told to stop, it takes no more requests, and sends an export that it has begun to its end', async () => {
  // More than the buffers between the two of us hold: it cannot be through before it is read here.
  await database.truth(
    `INSERT INTO projects (id, tenant_id, name)
     SELECT gen_random_uuid(), $1, n || repeat('x', 4000) FROM generate_series(1, 5000) AS n`,
    acme.id,
  )
  const response = await transfer(acme, 'export')
  const ended = api.stop()
  await takesNoMoreRequests(api.url)
  const own = await database.projectsOf(acme)
  expect(tenantsOf(await response.text())).toEqual(own.map(() => acme.id))
  expect(await ended).toEqual({ code: 0, signal: null })
})
