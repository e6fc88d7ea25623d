import type { Client } from 'pg'
import { isTenancyError, TenancyError } from '../errors.js'
import { failure } from '../online/failures.js'
import { quoteIdentifier } from '../sql/quote.js'
import { Output } from './output.js'

/** A connection, and the way to more of the same. */
export interface Database {
  readonly client: Client
  /** Opens another one, which the caller closes. */
  connect(): Promise<Client>
  /** The schema of Prisma's `?schema=`; undefined: the first of the search path. */
  readonly schema: string | undefined
}

const PATIENCE = 10_000

export interface ConnectOptions {
  /**
   * Look names up in the schema of `?schema=`, as Prisma does. Default `true`. It is set session-wide, which a pooler may
   * hand on to others.
   */
  readonly searchPath?: boolean | undefined
}

/**
 * Runs `work` on a connection, which is closed afterwards.
 *
 * @param url of `--url`; `true` or undefined means DATABASE_URL
 * @throws TenancyError `CONFIG.INVALID`: no URL, or none of PostgreSQL's; `CONNECTION.FAILED`: nobody answers there, or
 * the login is refused; `MIGRATION.FAILED`: PostgreSQL refuses a statement, for missing rights for example
 */
export async function withDatabase<Result>(
  url: string | true | undefined,
  work: (database: Database) => Promise<Result>,
  options: ConnectOptions = {},
): Promise<Result> {
  const where = readUrl(typeof url === 'string' ? url : process.env['DATABASE_URL'])
  const connect = (): Promise<Client> => open(where, options)
  const client = await connect()
  try {
    return await work({ client, connect, schema: where.schema })
  } catch (error) {
    throw failure('The database', error)
  } finally {
    await client.end().catch(() => {}) // a connection that was lost is closed
  }
}

interface Where {
  readonly url: string
  readonly schema: string | undefined
  /** Without the password. */
  readonly shown: string
  readonly user: string
  readonly database: string
}

function readUrl(url: string | undefined): Where {
  if (!url) {
    throw new TenancyError('CONFIG.INVALID', 'No database is given.', {
      hint: 'Add --url postgresql://user@host:5432/database, or set DATABASE_URL.',
    })
  }
  const parsed = parseUrl(url)
  if (parsed === undefined) {
    // Not shown: it may contain a password.
    throw new TenancyError('CONFIG.INVALID', "The database's URL is not one of PostgreSQL's.", {
      hint: 'It looks like this: postgresql://user@host:5432/database',
      docsUrl: 'https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS',
    })
  }
  return { url, ...parsed }
}

function parseUrl(url: string): Omit<Where, 'url'> | undefined {
  try {
    const { protocol, searchParams, host, username, pathname } = new URL(url)
    if (protocol !== 'postgresql:' && protocol !== 'postgres:') return undefined
    return {
      schema: searchParams.get('schema') ?? undefined,
      shown: searchParams.get('host') ?? (host || 'localhost'),
      user: decodeURIComponent(username),
      database: decodeURIComponent(pathname.slice(1)),
    }
  } catch {
    return undefined
  }
}

async function open(where: Where, { searchPath = true }: ConnectOptions): Promise<Client> {
  const { default: pg } = await loadPg()
  const client = new pg.Client({
    connectionString: where.url,
    connectionTimeoutMillis: PATIENCE,
    application_name: 'tenancy',
  })
  // An error while nothing is under way: the next query says it again.
  client.on('error', () => {})
  try {
    await client.connect()
    // What our SQL could not do says so, with a hint. PostgreSQL's own 'already exists, skipping' has none.
    client.on('notice', ({ message, hint }) => {
      if (hint !== undefined) new Output().warn(`${message}\n${hint}`)
    })
    // As Prisma does with it.
    if (searchPath && where.schema !== undefined)
      await client.query(`SET search_path TO ${quoteIdentifier(where.schema)}`)
    return client
  } catch (error) {
    await client.end().catch(() => {})
    throw isTenancyError(error) ? error : refusedConnection(error, where)
  }
}

async function loadPg(): Promise<typeof import('pg')> {
  try {
    return await import('pg')
  } catch (cause) {
    throw new TenancyError('CONFIG.INVALID', 'The package pg is not installed.', { hint: 'npm install pg', cause })
  }
}

function refusedConnection(cause: unknown, { shown, user, database }: Where): TenancyError {
  const { code, message } = cause as { code?: unknown; message: string }
  const [sentence, hint] =
    code === '28P01' || code === '28000'
      ? [`PostgreSQL at ${shown} refuses the login of ${user}`, 'Check the user and the password in the URL.']
      : code === '3D000'
        ? [`There is no database ${database} at ${shown}`, `Check the URL, or create it: createdb ${database}`]
        : [
            `The database at ${shown} cannot be reached (${typeof code === 'string' ? code : message})`,
            'Check --url or DATABASE_URL, and whether PostgreSQL runs there.',
          ]
  return new TenancyError('CONNECTION.FAILED', `${sentence}.`, { hint, cause })
}
