// The Next.js example, built and started as its users would: each company's page shows its own projects, the form of a
// browser without JavaScript writes into the company at whose address it was sent, and nobody acts for a company that is
// not the session's.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, rm, symlink } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { COMPANIES, type Company, PASSWORD } from '../../examples/demo/companies.js'
import { type CompaniesDatabase, createCompaniesDatabase, ROOT } from './companies-database.js'
import { type ExampleProcess, startExample } from './example-process.js'
import { beginPost, takesNoMoreRequests } from './request-under-way.js'

const NEXT = `${ROOT}node_modules/next/dist/bin/next`
// A build calls home, and corrects a package-lock.json that lacks a platform of its own: not here.
const ENV = { NEXT_TELEMETRY_DISABLED: '1', NEXT_IGNORE_INCORRECT_LOCKFILE: '1', NODE_ENV: 'production' } as const
const [acme, birch] = COMPANIES

// A build writes into the folder that it builds, where somebody may have one of their own. Below the root, since that is
// where node_modules are found.
const copy = `${ROOT}.tmp/nextjs-app-${process.pid}`
const built = `${copy}/examples/nextjs-app`

let database: CompaniesDatabase
let app: ExampleProcess
const cookies = new Map<Company, string>()

beforeAll(async () => {
  database = await createCompaniesDatabase()
  await mkdir(`${copy}/examples`, { recursive: true })
  const own = /\/(?:\.next|next-env\.d\.ts)$/
  await cp(`${ROOT}examples/nextjs-app`, built, { recursive: true, filter: (path) => !own.test(path) })
  for (const path of ['src', 'generated', 'tsconfig.json', 'examples/http-service']) {
    await symlink(`${ROOT}${path}`, `${copy}/${path}`)
  }
  await promisify(execFile)(process.execPath, [NEXT, 'build', built], { cwd: ROOT, env: { ...process.env, ...ENV } })
  app = await startExample([NEXT, 'start', built, '--hostname', '127.0.0.1', '--port', '0'], {
    env: { ...ENV, DATABASE_URL: database.url, DOMAIN: 'example' },
    listening: /:(\d+)\n[\s\S]*Ready/,
  })
  for (const company of [acme, birch]) {
    const { status, cookie } = await logInAt(company.host, company)
    if (cookie === undefined) throw new Error(`Nobody was logged in at ${company.host}: ${status}\n${app.printed()}`)
    cookies.set(company, cookie)
  }
}, 240_000)
afterAll(async () => {
  app?.kill()
  await database?.drop()
  await rm(copy, { recursive: true, force: true })
})

interface Sent {
  readonly host: string
  readonly session?: Company
  readonly type?: string | null
  readonly body?: string | Buffer
}

interface Answer {
  readonly status: number | undefined
  readonly location: string | undefined
  readonly cookie: string | undefined
  readonly text: string
}

async function send(what: `${string} /${string}`, { host, session, type, body }: Sent): Promise<Answer> {
  const [method = '', path = ''] = what.split(' ')
  const cookie = session && cookies.get(session)
  const headers = { host, origin: `http://${host}`, ...(cookie && { cookie }), ...(type && { 'content-type': type }) }
  // Not fetch: it is not meant to say another host than the one it connects to.
  const sent = request(new URL(path, app.url), { method, headers }).end(body)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return {
    status: response.statusCode,
    location: response.headers.location,
    cookie: response.headers['set-cookie']?.[0]?.split(';')[0],
    text: await text(response),
  }
}

/** What a browser without JavaScript sends: the form's hidden fields, which name the action, and what was typed. */
async function submit(path: `/${string}`, html: string, typed: Record<string, string>, sent: Sent): Promise<Answer> {
  const form = new FormData()
  for (const [, name = ''] of html.matchAll(/<input type="hidden" name="([^"]+)"/g)) form.set(name, '')
  expect([...form.keys()]).toEqual([expect.stringMatching(/^\$ACTION_ID_[0-9a-f]+$/)])
  for (const [name, value] of Object.entries(typed)) form.set(name, value)
  const encoded = new Response(form)
  const body = Buffer.from(await encoded.arrayBuffer())
  return send(`POST ${path}`, { ...sent, type: encoded.headers.get('content-type'), body })
}

async function logInAt(host: string, { host: own }: Company, password = PASSWORD): Promise<Answer> {
  const page = await send('GET /login', { host })
  return submit('/login', page.text, { email: `member1@${own}`, password }, { host })
}

const idsOn = (html: string): string[] => [...html.matchAll(/<li id="([^"]+)"/g)].map(([, id = '']) => id)
const named = (name: string) => database.truth('SELECT tenant_id FROM projects WHERE name = $1', name)

test('companies whose pages are asked for at once are each shown their own projects', async () => {
  const asked = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? acme : birch))
  const pages = await Promise.all(asked.map((company) => send('GET /', { host: company.host, session: company })))
  for (const [n, page] of pages.entries()) {
    const own = await database.projectsOf(asked[n] as Company)
    expect(page.status).toBe(200)
    expect(idsOn(page.text)).toEqual(own.slice(0, 50).map(({ id }) => id))
  }
})

test('a form sent without JavaScript makes a project of the company at that address, which its page then shows', async () => {
  for (const company of [acme, birch]) {
    const at = { host: `${company.host}:3000`, session: company }
    const page = await send('GET /', at)
    const made = await submit('/', page.text, { name: `Launch of ${company.name}`, tenantId: COMPANIES[2].id }, at)
    expect([made.status, made.location]).toEqual([303, '/'])
    expect(await named(`Launch of ${company.name}`)).toEqual([{ tenant_id: company.id }])
    const [newest] = await database.projectsOf(company)
    expect(newest.name).toBe(`Launch of ${company.name}`)
    expect(idsOn((await send('GET /', at)).text)[0]).toBe(newest.id)
  }
})

test('a name that the company has already is told on the page, and one that another has is free', async () => {
  const at = { host: acme.host, session: acme }
  const page = await send('GET /', at)
  const first = await submit('/', page.text, { name: 'Launch of Birch' }, at)
  expect(first.location).toBe('/')
  const again = await submit('/', page.text, { name: 'Launch of Birch' }, at)
  expect(again.location).toBe('/?taken=Launch+of+Birch')
  expect((await send(`GET ${again.location as '/'}`, at)).text).toContain('role="alert"')
})

test('the address of a company that is not the session’s shows nothing, and its action does not run', async () => {
  const foreign = { host: birch.host, session: acme }
  const { text: html } = await send('GET /', { host: acme.host, session: acme })
  const page = await send('GET /', foreign)
  expect([page.status, idsOn(page.text)]).toEqual([404, []])
  expect((await submit('/', html, { name: 'Planted' }, foreign)).status).toBe(404)
  const nobody = { host: acme.host }
  const login = { status: 303, location: '/login' }
  expect(await submit('/', html, { name: 'Planted' }, nobody)).toMatchObject(login)
  expect(await send('GET /', nobody)).toMatchObject({ ...login, status: 307 })
  for (const host of ['example', 'nobody.example', 'acme.example.evil']) {
    expect((await submit('/', html, { name: 'Planted' }, { host, session: acme })).status).toBe(404)
  }
  expect(await named('Planted')).toEqual([])
})

test('a password holds in its own company only', async () => {
  for (const refused of [await logInAt(acme.host, acme, 'wrong'), await logInAt(birch.host, acme)]) {
    expect(refused).toMatchObject({ status: 303, location: '/login', cookie: undefined })
  }
})

test('a route handler answers for the company at the address, and refuses with a status what is not the session’s', async () => {
  const type = 'application/json'
  const call = (method: string, sent: Sent) => send(`${method} /api/projects`, sent)
  for (const company of [acme, birch]) {
    const at = { host: company.host, session: company }
    const own = await database.projectsOf(company)
    const listed: { id: string }[] = JSON.parse((await call('GET', at)).text)
    expect(listed.map(({ id }) => id)).toEqual(own.slice(0, 50).map(({ id }) => id))
    const made = await call('POST', { ...at, type, body: JSON.stringify({ name: 'By a program' }) })
    expect([made.status, JSON.parse(made.text).tenantId]).toEqual([201, company.id])
    expect((await call('POST', { ...at, type, body: JSON.stringify({ name: 'By a program' }) })).status).toBe(409)
  }
  const body = JSON.stringify({ name: 'Planted' })
  for (const sent of [{ host: birch.host, session: acme }, { host: acme.host }]) {
    expect(await call('GET', sent)).toMatchObject({ status: 403, text: '{"error":"forbidden"}' })
    expect(await call('POST', { ...sent, type, body })).toMatchObject({ status: 403 })
  }
  const missing = { status: 400, text: '{"error":"tenant required"}' }
  expect(await call('GET', { host: 'example', session: acme })).toMatchObject(missing)
  expect(await named('Planted')).toEqual([])
})

test('after requests that failed, the next ones are of their own company, or of none', async () => {
  const at = { host: acme.host, session: acme }
  const { text: html } = await send('GET /', at)
  for (let round = 0; round < 10; round++) {
    const failed = await Promise.all([
      // PostgreSQL takes no text with this character.
      submit('/', html, { name: 'a\0b' }, at),
      send('POST /api/projects', { ...at, type: 'application/json', body: JSON.stringify({ name: 'a\0b' }) }),
    ])
    expect(failed.map(({ status }) => status)).toEqual([500, 500])
    const own = await database.projectsOf(birch)
    const next = await send('GET /', { host: birch.host, session: birch })
    expect(idsOn(next.text)).toEqual(own.slice(0, 50).map(({ id }) => id))
    expect((await send('GET /', { host: birch.host })).location).toBe('/login')
  }
  expect(app.printed()).toMatch(/Error/)
})

test('told to stop, it takes no more requests, and answers the one that has begun', async () => {
  const headers = { host: acme.host, cookie: cookies.get(acme) ?? '' }
  const begun = await beginPost(`${app.url}/api/projects`, headers, { name: 'Last' })
  const ended = app.stop()
  await takesNoMoreRequests(app.url)
  expect(await begun.finish()).toMatchObject({ name: 'Last', tenantId: acme.id })
  expect(await ended).toEqual({ code: 0, signal: null })
})
