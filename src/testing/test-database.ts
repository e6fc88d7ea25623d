import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { TenancyError } from '../errors.js'
import { quoteIdentifier, quoteLiteral, quoteRole } from '../sql/quote.js'

export interface TestDatabaseOptions {
  /** A login that may create databases and roles: a superuser of a server for tests. Its own database is not touched. */
  readonly url: string
  /** The folder of the project's migrations. Default `'prisma/migrations'`. */
  readonly migrations?: string
  /**
   * The role of the service, as the migrations make or expect it. A login for this database alone is made a member of it,
   * so that no role's password has to be known or changed. Default `'app_user'`.
   */
  readonly appRole?: string
  /** SQL to run after the migrations, as `url`'s login: rows of shared tables, the tenants of the test. */
  readonly seed?: string
}

export interface TestDatabase {
  readonly name: string
  /** The database as the login that made it: no policy applies to a superuser. */
  readonly url: string
  /** The database as the service sees it: give it to the client under test. */
  readonly appUrl: string
  /** Drops the database, whoever is connected, and its login. */
  drop(): Promise<void>
}

/**
 * A database made from the project's own migrations, run in the order of their names as `prisma migrate deploy` does, with
 * a login that is what the service's is. Drop it when the tests are done.
 *
 * @throws TenancyError `CONFIG.INVALID`: no migrations, no such role, or one that no policy applies to;
 * `MIGRATION.FAILED`: the server refuses a migration, which the message names; `CONNECTION.FAILED`: no server. Nothing is
 * left behind
 * @example
 * const database = await createTestDatabase({ url: process.env.TEST_ADMIN_URL })
 * const pool = new TenantPool({ connectionString: database.appUrl })
 * // …
 * await database.drop()
 */
export async function createTestDatabase(options: TestDatabaseOptions): Promise<TestDatabase> {
  const { url, migrations = 'prisma/migrations', appRole = 'app_user', seed } = options
  const files = await readMigrations(migrations)
  const name = `tenancy_test_${randomBytes(6).toString('hex')}`
  const password = randomBytes(16).toString('hex')
  await run(url, `CREATE DATABASE ${quoteIdentifier(name)}`)
  const database: TestDatabase = {
    name,
    url: changed(url, { database: name }),
    appUrl: changed(url, { database: name, user: name, password }),
    drop: async () => {
      await dropDatabase(url, name)
      await run(url, `DROP ROLE IF EXISTS ${quoteIdentifier(name)}`)
    },
  }
  try {
    for (const { file, sql } of files) await run(database.url, sql, file)
    await checkRole(database.url, appRole)
    await run(
      database.url,
      `CREATE ROLE ${quoteIdentifier(name)} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD ${quoteLiteral(password)} IN ROLE ${quoteRole(appRole)};
      GRANT CONNECT ON DATABASE ${quoteIdentifier(name)} TO ${quoteIdentifier(name)};`,
    )
    if (seed !== undefined) await run(database.url, seed, 'seed')
    return database
  } catch (error) {
    await database.drop().catch(() => undefined)
    throw error
  }
}

/**
 * PostgreSQL itself waits 5 s for connections that are just ending; only one that stays is broken off. FORCE at once would
 * meet those too, and an error that comes to a pool after its end() has nobody who listens.
 * https://www.postgresql.org/docs/current/sql-dropdatabase.html
 */
async function dropDatabase(url: string, name: string): Promise<void> {
  const inUse = '55006'
  try {
    await run(url, `DROP DATABASE IF EXISTS ${quoteIdentifier(name)}`)
  } catch (error) {
    if ((error as pg.DatabaseError).code !== inUse) throw error
    await run(url, `DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`)
  }
}

async function readMigrations(folder: string): Promise<{ file: string; sql: string }[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  const files: { file: string; sql: string }[] = []
  for (const name of names.sort()) {
    const file = join(folder, name, 'migration.sql')
    const sql = await readFile(file, 'utf8').catch(() => undefined)
    if (sql !== undefined) files.push({ file, sql })
  }
  if (files.length > 0) return files
  throw new TenancyError('CONFIG.INVALID', `There is no migration in ${JSON.stringify(folder)}.`, {
    hint: "Give the folder that prisma migrate writes to: createTestDatabase({ url, migrations: 'prisma/migrations' }).",
  })
}

async function checkRole(url: string, role: string): Promise<void> {
  const sql = 'SELECT rolsuper OR rolbypassrls AS bypasses FROM pg_catalog.pg_roles WHERE rolname = $1'
  const [row] = await query(url, (client) => client.query(sql, [role]))
  if (!row) {
    throw new TenancyError('CONFIG.INVALID', `After the migrations there is no role ${JSON.stringify(role)}.`, {
      hint: "Give the role of the service: createTestDatabase({ url, appRole: 'app_user' }); tenancy roles makes one.",
    })
  }
  if (row['bypasses'] !== true) return
  throw new TenancyError('ROLE.BYPASSES_RLS', `Row-level security does not bind the role ${JSON.stringify(role)}.`, {
    hint: `ALTER ROLE ${quoteRole(role)} NOSUPERUSER NOBYPASSRLS;`,
  })
}

/** One script on one connection, as Prisma sends it. */
async function run(url: string, sql: string, file?: string): Promise<void> {
  try {
    await query(url, (client) => client.query(sql))
  } catch (error) {
    if (file === undefined || error instanceof TenancyError) throw error
    const { message, position } = error as pg.DatabaseError
    const line = position === undefined ? '' : `, line ${sql.slice(0, Number(position)).split('\n').length}`
    throw new TenancyError('MIGRATION.FAILED', `The server refuses ${file}${line}: ${message}.`, {
      hint: 'Run prisma migrate deploy on an empty database and see whether it gets through.',
      cause: error,
    })
  }
}

async function query(
  url: string,
  ask: (client: pg.Client) => Promise<pg.QueryResult>,
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  try {
    await client.connect()
  } catch (error) {
    throw new TenancyError('CONNECTION.FAILED', `No connection to ${hostOf(url)}: ${(error as Error).message}.`, {
      hint: 'Start a PostgreSQL for tests, and give a login of its that may create databases: createTestDatabase({ url }).',
      cause: error,
    })
  }
  try {
    return [(await ask(client)).rows ?? []].flat()
  } finally {
    await client.end()
  }
}

function changed(url: string, to: { database: string; user?: string; password?: string }): string {
  const copy = new URL(url)
  copy.pathname = `/${to.database}`
  if (to.user !== undefined) copy.username = to.user
  if (to.password !== undefined) copy.password = to.password
  return copy.href
}

/** Without the password. */
function hostOf(url: string): string {
  try {
    return JSON.stringify(new URL(url).host)
  } catch {
    return 'the server: url is not a connection string'
  }
}
