// The example service, as its users would run it: what it shows a company over HTTP is that company's and nobody
// else's, one request at a time and all at once; and its migrations are what the generators write.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COMPANIES, type Company, PASSWORD, seedCompanies } from '../../examples/demo/companies.js'
import { type Answer, ask } from '../../examples/demo/http-client.js'
import { MIGRATION, tenancySql } from '../../examples/http-service/prisma/tenancy-sql.js'
import { runSql, startPostgres, type TestDatabase, type TestServer } from '../support/postgres.js'
import { KNOWS_BAD_VALUES } from '../support/prisma-version.js'
import { ROLES } from '../support/template.js'

const MIGRATIONS = new URL('../../examples/http-service/prisma/migrations/', import.meta.url)
const [acme, birch] = COMPANIES
/** What is no id, where only the database finds out: without a code of Prisma's the service does not know what it was. */
const NO_ID = KNOWS_BAD_VALUES ? 400 : 500

let server: TestServer
let database: TestDatabase
let superuser: pg.Client
let service: Server
let address: string
let closeDatabase: () => Promise<void>
const tokens = new Map<Company, string>()

beforeAll(async () => {
  await promisify(execFile)(process.execPath, [
    fileURLToPath(new URL('../../scripts/generate-example.mjs', import.meta.url)),
  ])
  // Only now is there a generated client to import.
  const { openDatabase } = await import('../../examples/http-service/db.js')
  const { createService } = await import('../../examples/http-service/server.js')
  server = await startPostgres()
  database = await server.createDatabase()
  await runSql(server.adminUrl, `ALTER DATABASE ${database.name} OWNER TO ${ROLES.owner}`)
  for (const name of (await readdir(MIGRATIONS)).filter((name) => /^\d/.test(name)).sort()) {
    const sql = await readFile(new URL(`${name}/migration.sql`, MIGRATIONS), 'utf8')
    await runSql(database.urlFor(ROLES.owner, ROLES.owner), sql)
  }
  superuser = new pg.Client({ connectionString: database.adminUrl })
  await superuser.connect()
  await seedCompanies(superuser)
  const { prisma, close } = openDatabase(database.urlFor(ROLES.app, ROLES.app))
  closeDatabase = close
  service = createService(prisma).listen(0, '127.0.0.1')
  await once(service, 'listening')
  address = `http://127.0.0.1:${(service.address() as AddressInfo).port}`
  for (const company of COMPANIES) {
    const body = { email: `member1@${company.host}`, password: PASSWORD }
    const answer = await ask<{ token: string }>(address, 'POST /login', { host: company.host, body })
    expect(answer.status).toBe(201)
    tokens.set(company, answer.body.token)
  }
})

afterAll(async () => {
  service?.closeAllConnections()
  service?.close()
  await closeDatabase?.()
  await superuser?.end()
  await database?.drop()
  await server?.stop()
})

type Body = Record<string, unknown> & { id: string }

function as(company: Company, what: `${string} /${string}`, body?: object): Promise<Answer<Body>> {
  return ask(address, what, { token: tokens.get(company) ?? '', ...(body && { body }) })
}

async function truth(sql: string, ...values: unknown[]): Promise<Record<string, unknown>[]> {
  return (await superuser.query(sql, values)).rows
}

async function idsOf(company: Company, table: 'projects' | 'tasks'): Promise<string[]> {
  const rows = await truth(`SELECT id FROM ${table} WHERE tenant_id = $1 ORDER BY created_at DESC, id`, company.id)
  expect(rows.length).toBeGreaterThan(1)
  return rows.map(({ id }) => id as string)
}

describe('the migrations', () => {
  test('the committed tenancy migration is what its generator writes', async () => {
    expect(await readFile(MIGRATION, 'utf8')).toBe(tenancySql())
  })

  test('the committed tables are those of the schema, column by column', async () => {
    const { Prisma } = await import('../../generated/example/client.js')
    const schema = await readFile(new URL('../../examples/http-service/prisma/schema.prisma', import.meta.url), 'utf8')
    for (const model of Object.values(Prisma.ModelName)) {
      const block = new RegExp(`model ${model} \\{([^]*?)\\n\\}`).exec(schema)?.[1] ?? ''
      const table = /@@map\("(\w+)"\)/.exec(block)?.[1]
      const scalars = [...block.matchAll(/^ {2}(\w+) +(?:String|Int|Boolean|DateTime)\b.*$/gm)]
      const columns = scalars.map(([line, field]) => / @map\("(\w+)"\)/.exec(line)?.[1] ?? field)
      const found = await truth('SELECT column_name FROM information_schema.columns WHERE table_name = $1', table)
      expect(found.map(({ column_name }) => column_name).sort(), model).toEqual(columns.sort())
    }
  })

  test('every table with a tenant column has its policy forced, and the service owns nothing', async () => {
    const tables = await truth(`
      SELECT relname, relforcerowsecurity AND relrowsecurity AS forced, pg_get_userbyid(relowner) AS owner,
        (SELECT count(*)::int FROM pg_policy WHERE polrelid = c.oid) AS policies
      FROM pg_class c JOIN pg_attribute ON attrelid = c.oid AND attname = 'tenant_id' AND relkind = 'r' ORDER BY relname`)
    expect(tables).toEqual(
      ['members', 'projects', 'tasks'].map((relname) => ({ relname, forced: true, owner: ROLES.owner, policies: 1 })),
    )
  })

  test('the service reads shared tables and cannot change them', async () => {
    const url = database.urlFor(ROLES.app, ROLES.app)
    expect(await runSql(url, 'SELECT name FROM companies')).toHaveLength(COMPANIES.length)
    for (const sql of [
      'DELETE FROM companies',
      "UPDATE plans SET name = ''",
      'TRUNCATE projects',
      'CREATE TEMP TABLE t ()',
    ]) {
      await expect(runSql(url, sql), sql).rejects.toMatchObject({ code: '42501' })
    }
  })
})

describe('logging in', () => {
  test('the host says which company, and a password holds in that company only', async () => {
    const body = { email: `member1@${acme.host}`, password: PASSWORD }
    expect((await ask(address, 'POST /login', { host: `${acme.host.toUpperCase()}:80`, body })).status).toBe(201)
    expect((await ask(address, 'POST /login', { host: birch.host, body })).status).toBe(401)
    expect((await ask(address, 'POST /login', { host: 'nobody.example', body })).status).toBe(404)
    const wrong = { ...body, password: 'wrong' }
    expect((await ask(address, 'POST /login', { host: acme.host, body: wrong })).status).toBe(401)
  })

  test('without a token that was given out there is nothing', async () => {
    for (const token of ['', 'x', randomBytes(32).toString('base64url')]) {
      expect((await ask(address, 'GET /projects', { token })).status).toBe(401)
    }
    expect((await ask(address, 'GET /projects')).status).toBe(401)
  })
})

describe('one request at a time', () => {
  test('a company lists its own projects and all of them', async () => {
    for (const company of COMPANIES) {
      const first = (await as(company, 'GET /projects')).body as unknown as { total: number; projects: Body[] }
      const own = await idsOf(company, 'projects')
      expect(first.total).toBe(own.length)
      expect(first.projects.map(({ id }) => id)).toEqual(own.slice(0, 50))
      const next = await as(company, `GET /projects?after=${own[29]}`)
      expect((next.body.projects as Body[])[0]?.id).toBe(own[30])
    }
  })

  test("the report's raw SQL counts a company's own rows", async () => {
    for (const company of COMPANIES) {
      const [counts] = await truth(
        `SELECT (SELECT count(*)::int FROM projects WHERE tenant_id = $1) AS projects,
           (SELECT count(*)::int FROM members WHERE tenant_id = $1) AS members, count(*)::int AS tasks,
           count(*) FILTER (WHERE NOT done)::int AS open, sum(hours)::int AS hours FROM tasks WHERE tenant_id = $1`,
        company.id,
      )
      expect((await as(company, 'GET /report')).body).toEqual(counts)
    }
  })

  test("another company's project is not found, like one that does not exist", async () => {
    const [theirs] = await idsOf(birch, 'projects')
    expect((await as(birch, `GET /projects/${theirs}`)).status).toBe(200)
    const foreign = await as(acme, `GET /projects/${theirs}`)
    const missing = await as(acme, 'GET /projects/00000000-0000-4000-8000-000000000000')
    expect(foreign.status).toBe(404)
    expect(foreign).toEqual(missing)
    expect((await as(acme, `POST /projects/${theirs}/archive`)).status).toBe(404)
    expect(await truth('SELECT archived_at FROM projects WHERE id = $1', theirs)).toEqual([{ archived_at: null }])
  })

  test('a new project and its tasks belong to the company of whoever made them', async () => {
    const { status, body } = await as(acme, 'POST /projects', { name: 'Launch', tasks: ['One', 'Two'] })
    expect(status).toBe(201)
    const rows = await truth(
      'SELECT p.tenant_id AS project, t.tenant_id AS task FROM projects p JOIN tasks t ON t.project_id = p.id WHERE p.id = $1',
      body.id,
    )
    expect(rows).toEqual([1, 2].map(() => ({ project: acme.id, task: acme.id })))
    expect((await as(acme, 'POST /projects', { name: 'Launch' })).status).toBe(409)
    // The same name elsewhere is no conflict: it would tell that somebody else has it.
    expect((await as(birch, 'POST /projects', { name: 'Launch' })).status).toBe(201)
  })

  test("a task is changed by its own company, and moves to no other company's project", async () => {
    const [own] = await idsOf(acme, 'tasks')
    const [theirs] = await idsOf(birch, 'tasks')
    const [project] = await idsOf(birch, 'projects')
    const done = await as(acme, `PATCH /tasks/${own}`, { done: true, title: 'Renamed' })
    expect([done.status, done.body.title, done.body.done]).toEqual([200, 'Renamed', true])
    expect((await as(acme, `PATCH /tasks/${theirs}`, { title: 'Mine' })).status).toBe(404)
    expect((await as(acme, `PATCH /tasks/${own}`, { projectId: project })).status).toBe(404)
    expect((await as(acme, `PATCH /tasks/${own}`, { projectId: "' or true" })).status).toBe(NO_ID)
    expect(await truth('SELECT id FROM tasks WHERE title = $1', 'Mine')).toEqual([])
  })

  test('archiving closes the project and its tasks, once', async () => {
    const { body } = await as(acme, 'POST /projects', { name: 'Old', tasks: ['One', 'Two', 'Three'] })
    const attempts = await Promise.all([1, 2, 3].map(() => as(acme, `POST /projects/${body.id}/archive`)))
    expect(attempts.map(({ status }) => status).sort()).toEqual([201, 409, 409])
    expect(attempts.find(({ status }) => status === 201)?.body.closedTasks).toBe(3)
  })

  test('what the service cannot read is refused, not a failure of its own', async () => {
    expect((await as(acme, 'POST /projects', { name: ' ' })).status).toBe(400)
    expect((await as(acme, 'POST /projects', { name: 'x', tasks: [1] })).status).toBe(400)
    expect((await as(acme, 'POST /projects', { name: 'x'.repeat(200_000) })).status).toBe(413)
    expect((await as(acme, "GET /projects/' or true --")).status).toBe(404)
    expect((await as(acme, "GET /projects?after=' or true")).status).toBe(NO_ID)
  })
})

test('companies that ask for the same ids at once each get what is theirs', async () => {
  const ids = [...(await idsOf(acme, 'projects')).slice(0, 20), ...(await idsOf(birch, 'projects')).slice(0, 20)]
  for (let round = 0; round < 5; round++) {
    const asked = ids.flatMap((id, index) =>
      [acme, birch].map((company) => ({ id, company, own: index < 20 === (company === acme) })),
    )
    const answers = await Promise.all(asked.map(({ id, company }) => as(company, `GET /projects/${id}`)))
    answers.forEach(({ status, body }, index) => {
      const { id, company, own } = asked[index] ?? {}
      expect(status).toBe(own ? 200 : 404)
      if (own) expect([body.id, body.tenantId]).toEqual([id, company?.id])
    })
  }
})

test('everything at once: no answer holds a row of another company', async () => {
  const requests = COMPANIES.flatMap((company) =>
    Array.from({ length: 20 }, (_, index) => async () => {
      const created = await as(company, 'POST /projects', { name: `Rush ${index}`, tasks: ['One', 'Two'] })
      const path = `/projects/${created.body.id}` as const
      return Promise.all([
        Promise.resolve(created),
        as(company, `GET ${path}`),
        as(company, 'GET /projects'),
        as(company, `POST ${path}/archive`),
      ]).then((answers) => ({ company, answers }))
    }),
  )
  for (const { company, answers } of await Promise.all(requests.map((request) => request()))) {
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 200, 201])
    const tenants = JSON.stringify(answers).matchAll(/"tenantId":"([^"]+)"/g)
    expect(new Set([...tenants].map(([, id]) => id))).toEqual(new Set([company.id]))
  }
})
