// The database that the examples share, as its migrations make it and with companies in it; examples log in as the app role.
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { type Company, PASSWORD, seedCompanies } from '../../examples/demo/companies.js'
import { ask } from '../../examples/demo/http-client.js'
import { runSql, startPostgres } from '../support/postgres.js'
import { ROLES } from '../support/template.js'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const MIGRATIONS = `${ROOT}examples/http-service/prisma/migrations`

export interface CompaniesDatabase {
  /** The app role's: what an example is started with. */
  readonly url: string
  /** What a superuser sees, whom no policy keeps from a row in the wrong place. */
  truth<Row extends pg.QueryResultRow>(sql: string, ...values: unknown[]): Promise<Row[]>
  /** Newest first, as the examples list them. There is more than one, or this throws. */
  projectsOf(company: Company): Promise<[Project, Project, ...Project[]]>
  drop(): Promise<void>
}

export interface Project {
  readonly id: string
  readonly name: string
}

/** Also generates the client that the examples import. */
export async function createCompaniesDatabase(): Promise<CompaniesDatabase> {
  await promisify(execFile)(process.execPath, [`${ROOT}scripts/generate-example.mjs`])
  const server = await startPostgres()
  const database = await server.createDatabase()
  await runSql(server.adminUrl, `ALTER DATABASE ${database.name} OWNER TO ${ROLES.owner}`)
  for (const name of (await readdir(MIGRATIONS)).filter((name) => /^\d/.test(name)).sort()) {
    const sql = await readFile(`${MIGRATIONS}/${name}/migration.sql`, 'utf8')
    await runSql(database.urlFor(ROLES.owner, ROLES.owner), sql)
  }
  const superuser = new pg.Client({ connectionString: database.adminUrl })
  await superuser.connect()
  await seedCompanies(superuser)
  const truth: CompaniesDatabase['truth'] = async (sql, ...values) => (await superuser.query(sql, values)).rows
  return {
    url: database.urlFor(ROLES.app, ROLES.app),
    truth,
    async projectsOf({ id, name }) {
      const sql = 'SELECT id, name FROM projects WHERE tenant_id = $1 ORDER BY created_at DESC, id'
      const [first, second, ...rest] = await truth<Project>(sql, id)
      if (first === undefined || second === undefined) throw new Error(`${name} has no projects to be shown or kept.`)
      return [first, second, ...rest]
    },
    async drop() {
      await superuser.end()
      await database.drop()
    },
  }
}

/** The token of the company's first member. */
export async function logIn(url: string, { host }: Company): Promise<string> {
  const body = { email: `member1@${host}`, password: PASSWORD }
  const answer = await ask<{ token?: string }>(url, 'POST /login', { host, body })
  if (answer.body.token === undefined) throw new Error(`Nobody was logged in at ${host}: ${answer.status}.`)
  return answer.body.token
}
