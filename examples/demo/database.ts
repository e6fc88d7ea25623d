// What a team does once for each of its databases: roles, then migrations as the owner. Here on a server of our own.
import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import pg from 'pg'
import { startEmbeddedPostgres } from '../../test/support/embedded-postgres.js'
import { seedCompanies } from './companies.js'

const MIGRATIONS = new URL('../http-service/prisma/migrations/', import.meta.url)

export interface DemoDatabase {
  readonly host: string
  readonly port: number
  /** The service's role: owns nothing, and every policy applies to it. */
  readonly appUrl: string
  readonly ownerUrl: string
  /** A superuser on the same database: what is really there. */
  readonly superuserUrl: string
  readonly superuser: pg.Client
  stop(): Promise<void>
}

export async function createDatabase(): Promise<DemoDatabase> {
  const server = await startEmbeddedPostgres({ major: 15 })
  try {
    const password = randomBytes(12).toString('hex')
    await run(server.adminUrl, [
      `CREATE ROLE app_owner LOGIN PASSWORD '${password}'`,
      `CREATE ROLE app_user LOGIN PASSWORD '${password}'`,
      'CREATE DATABASE demo OWNER app_owner',
    ])
    const superuserUrl = withDatabase(server.adminUrl)
    const ownerUrl = asRole(superuserUrl, 'app_owner', password)
    await run(ownerUrl, await migrations())
    const superuser = new pg.Client({ connectionString: superuserUrl })
    await superuser.connect()
    await seedCompanies(superuser)
    const stop = async (): Promise<void> => {
      await superuser.end()
      await server.stop()
    }
    const { host, port } = server
    return { host, port, appUrl: asRole(superuserUrl, 'app_user', password), ownerUrl, superuserUrl, superuser, stop }
  } catch (error) {
    await server.stop()
    throw error
  }
}

/** In the order of their names, as `prisma migrate deploy` runs them. */
async function migrations(): Promise<string[]> {
  const entries = await readdir(MIGRATIONS, { withFileTypes: true })
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  return Promise.all(folders.sort().map((name) => readFile(new URL(`${name}/migration.sql`, MIGRATIONS), 'utf8')))
}

async function run(url: string, scripts: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    // A text without values goes as one simple query: it may hold many statements, and is one transaction.
    for (const script of scripts) await client.query(script)
  } finally {
    await client.end()
  }
}

function withDatabase(adminUrl: string): string {
  const url = new URL(adminUrl)
  url.pathname = '/demo'
  return url.href
}

function asRole(superuserUrl: string, role: string, password: string): string {
  return Object.assign(new URL(superuserUrl), { username: role, password }).href
}
