// The NestJS example as its users would run it, a process of its own: each company is shown its own rows and writes its own,
// the guard refuses a company that is not the session's, and an error leaves nothing behind for the next request.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { COMPANIES, type Company } from '../../examples/demo/companies.js'
import { type CompaniesDatabase, createCompaniesDatabase, logIn } from './companies-database.js'
import { type ExampleProcess, startExample, typescript } from './example-process.js'
import { beginPost, takesNoMoreRequests } from './request-under-way.js'

const [acme, birch] = COMPANIES

let database: CompaniesDatabase
let app: ExampleProcess
const tokens = new Map<Company, string>()

beforeAll(async () => {
  database = await createCompaniesDatabase()
  app = await startExample(typescript('examples/nestjs-app/main.ts'), {
    env: { DATABASE_URL: database.url, PORT: '0' },
    listening: /Listening on .*:(\d+)\.\n/,
  })
  for (const company of [acme, birch]) tokens.set(company, await logIn(app.url, company))
})
afterAll(async () => {
  app?.kill()
  await database?.drop()
})

interface Body {
  readonly id: string
  readonly companyId: string
  readonly projects: readonly { readonly id: string; readonly tenantId: string }[]
}

interface Caller {
  readonly session?: Company
  /** What the header says. */
  readonly company?: string
}

async function call(what: `${string} /${string}`, { session, company }: Caller, body?: object) {
  const [method = '', path] = what.split(' ')
  const headers = {
    ...(session && { authorization: `Bearer ${tokens.get(session)}` }),
    ...(company !== undefined && { 'x-company': company }),
    ...(body && { 'content-type': 'application/json' }),
  }
  const response = await fetch(`${app.url}${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  return { status: response.status, body: (await response.json()) as Body }
}

const as = (company: Company, what: `${string} /${string}`, body?: object) =>
  call(what, { session: company, company: company.host }, body)

test('companies that ask at once are each shown their own projects', async () => {
  const asked = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? acme : birch))
  const answers = await Promise.all(asked.map((company) => as(company, 'GET /projects')))
  for (const [n, { status, body }] of answers.entries()) {
    const company = asked[n] as Company
    const own = await database.projectsOf(company)
    expect([status, body.companyId]).toEqual([200, company.id])
    expect(body.projects.map(({ id }) => id)).toEqual(own.slice(0, 50).map(({ id }) => id))
  }
})

test('a new project and its first task belong to the company of whoever made them', async () => {
  const { status, body } = await as(birch, 'POST /projects', { name: 'Launch', tenantId: acme.id })
  expect(status).toBe(201)
  const rows = await database.truth(
    'SELECT p.tenant_id AS project, t.tenant_id AS task FROM projects p JOIN tasks t ON t.project_id = p.id WHERE p.id = $1',
    body.id,
  )
  expect(rows).toEqual([{ project: birch.id, task: birch.id }])
})

test("another company's project is not found, like one that does not exist", async () => {
  const [theirs] = await database.projectsOf(birch)
  expect((await as(birch, `GET /projects/${theirs.id}`)).status).toBe(200)
  const foreign = await as(acme, `GET /projects/${theirs.id}`)
  expect(foreign.status).toBe(404)
  expect(foreign).toEqual(await as(acme, 'GET /projects/00000000-0000-4000-8000-000000000000'))
})

test('a company that is not the session’s is refused, whoever asks, and nothing is written', async () => {
  const refused = { status: 403, body: { error: 'forbidden' } }
  expect((await as(acme, 'GET /projects')).status).toBe(200)
  for (const caller of [
    { session: acme, company: birch.host },
    { company: birch.host },
    { session: acme, company: 'nobody.example' },
  ]) {
    expect(await call('GET /projects', caller)).toEqual(refused)
    expect(await call('POST /projects', caller, { name: 'Planted' })).toEqual(refused)
  }
  expect(await database.truth("SELECT FROM projects WHERE name = 'Planted'")).toEqual([])
})

test('a request that names no company is refused, with a session too', async () => {
  const missing = { status: 400, body: { error: 'tenant required' } }
  expect(await call('GET /projects', {})).toEqual(missing)
  expect(await call('GET /projects', { session: acme })).toEqual(missing)
})

test('a handler without a tenant sees shared tables and no project, whatever the request names', async () => {
  const [{ projects } = {}] = await database.truth<{ projects?: number }>(
    'SELECT count(*)::int AS projects FROM projects',
  )
  expect(projects).toBeGreaterThan(0)
  for (const caller of [{}, { session: acme, company: acme.host }, { session: acme, company: birch.host }]) {
    const { status, body } = await call('GET /health', caller)
    expect([status, body]).toEqual([200, { companies: COMPANIES.length, projects: 0 }])
  }
})

test('after requests that failed, the next ones are of their own company, or of none', async () => {
  for (let round = 0; round < 10; round++) {
    const failed = await Promise.all([
      // PostgreSQL takes no text with this character: an error that nobody expected, within a transaction.
      as(acme, 'POST /projects', { name: 'a\0b' }),
      as(acme, 'POST /projects', { name: 'Project 1' }),
      as(acme, 'POST /projects', {}),
    ])
    expect(failed.map(({ status }) => status)).toEqual([500, 409, 400])
    const [own] = await database.projectsOf(birch)
    const next = await as(birch, 'GET /projects')
    expect([next.status, next.body.projects[0]?.id]).toEqual([200, own.id])
    expect((await call('GET /projects', {})).status).toBe(400)
  }
  expect(app.printed()).toMatch(/Error/)
})

test('told to stop, it takes no more requests, and answers the one that has begun', async () => {
  const headers = { authorization: `Bearer ${tokens.get(acme)}`, 'x-company': acme.host }
  const begun = await beginPost(`${app.url}/projects`, headers, { name: 'Last' })
  const ended = app.stop()
  await takesNoMoreRequests(app.url)
  expect(await begun.finish()).toMatchObject({ name: 'Last', tenantId: acme.id })
  // Nest ends itself with the signal that it was sent, after its last hook.
  expect(await ended).toEqual({ code: null, signal: 'SIGTERM' })
})
