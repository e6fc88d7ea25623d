// The PostgreSQL that tests run on: one of the user's own, a container, or the embedded one.
import { randomBytes } from 'node:crypto'

import pg from 'pg'

import { startContainer } from './container-postgres.js'
import { type PostgresMajor, startEmbeddedPostgres } from './embedded-postgres.js'

export interface TestServer {
  readonly major: number
  readonly adminUrl: string
  readonly host: string
  readonly port: number
  /** A database of its own name; `template` is the database it starts as a copy of. */
  createDatabase(options?: { readonly template?: string }): Promise<TestDatabase>
  stop(): Promise<void>
}

export interface TestDatabase {
  readonly name: string
  readonly adminUrl: string
  urlFor(user: string, password: string): string
  drop(): Promise<void>
}

/** Set by global-setup.ts; vitest's workers and what they start inherit it. */
export const SHARED_SERVER = 'TENANCY_TEST_SERVER_URL'

/**
 * The server that this run shares where there is one of the wanted major (then `stop` does nothing), else a server of the
 * caller's own. `major` defaults to `TEST_POSTGRES_MAJOR`, or 15. `TEST_DATABASE_URL`, a superuser's URL, is used as it
 * is, by one run at a time: its roles `app_owner`, `app_user` and `bypass_user` and its database `tenancy_template` are
 * the tests'. `TEST_POSTGRES=docker` starts a container instead of the embedded PostgreSQL.
 */
export async function startPostgres(options: { readonly major?: PostgresMajor } = {}): Promise<TestServer> {
  const shared = process.env[SHARED_SERVER]
  if (shared) {
    const server = await existingServer(shared)
    if (options.major === undefined || options.major === server.major) return server
  }
  const given = process.env.TEST_DATABASE_URL
  if (given) {
    const server = await existingServer(given)
    if (options.major === undefined || options.major === server.major) return server
    throw new Error(
      `TEST_DATABASE_URL is PostgreSQL ${server.major}, and ${options.major} is wanted: unset it, or give a server of that version.`,
    )
  }
  const major = options.major ?? majorFromEnvironment()
  const started = await (process.env.TEST_POSTGRES === 'docker'
    ? startContainer(major)
    : startEmbeddedPostgres({ major }))
  return testServer(major, started.adminUrl, started.stop)
}

function majorFromEnvironment(): PostgresMajor {
  const text = process.env.TEST_POSTGRES_MAJOR || '15'
  const major = ([15, 16, 17, 18] as const).find((known) => String(known) === text)
  if (major === undefined) throw new Error(`TEST_POSTGRES_MAJOR is '${text}': give 15, 16, 17 or 18.`)
  return major
}

async function existingServer(adminUrl: string): Promise<TestServer> {
  const rows = await runSql(adminUrl, 'SHOW server_version_num')
  const major = Math.floor(Number(rows[0]?.server_version_num) / 10_000)
  return testServer(major, adminUrl, async () => {})
}

/** A server that somebody started, as tests see one. */
export function testServer(major: number, adminUrl: string, stop: () => Promise<void>): TestServer {
  const { hostname, port } = new URL(adminUrl)
  const createDatabase = async ({ template }: { template?: string } = {}): Promise<TestDatabase> => {
    const name = `test_${randomBytes(6).toString('hex')}`
    const from = template === undefined ? '' : ` TEMPLATE ${pg.escapeIdentifier(template)}`
    await runSql(adminUrl, `CREATE DATABASE ${name}${from}`)
    return {
      name,
      adminUrl: urlOf(adminUrl, { database: name }),
      urlFor: (user, password) => urlOf(adminUrl, { database: name, user, password }),
      drop: () => dropDatabase(adminUrl, name),
    }
  }
  return { major, adminUrl, host: hostname, port: Number(port || 5432), createDatabase, stop }
}

/**
 * PostgreSQL itself waits 5 s for connections that are just ending. FORCE would break those off, and an error that comes
 * to a pool after its end() has nobody who listens.
 */
async function dropDatabase(adminUrl: string, name: string): Promise<void> {
  await runSql(adminUrl, `DROP DATABASE IF EXISTS ${name}`).catch((error: { code?: string }) => {
    if (error.code !== '55006') throw error
    return runSql(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
  })
}

/** The same server, seen as somebody else or in another database. */
export function urlOf(url: string, change: { database?: string; user?: string; password?: string }): string {
  const changed = new URL(url)
  if (change.database !== undefined) changed.pathname = `/${encodeURIComponent(change.database)}`
  if (change.user !== undefined) changed.username = encodeURIComponent(change.user)
  if (change.password !== undefined) changed.password = encodeURIComponent(change.password)
  return changed.href
}

/** One connection for one piece of work, closed before this returns. */
export async function runSql<Row extends pg.QueryResultRow = Record<string, unknown>>(
  url: string,
  sql: string,
  values?: readonly unknown[],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    // Without values pg takes the simple protocol, which runs a whole script.
    const result = values === undefined ? await client.query<Row>(sql) : await client.query<Row>(sql, [...values])
    return result.rows
  } finally {
    await client.end()
  }
}
