// A database for one test file, with the roles that /sql makes, and statements as the app role in a scope.
import { Client, type DatabaseError, type QueryResult } from 'pg'
import { quoteIdentifier, type TenantRolesOptions, tenantRoles } from '../../src/sql/index.js'
import { startPostgres, type TestServer } from '../support/postgres.js'

export const a = 'aaaaaaaa-0000-4000-8000-00000000000a'
export const b = 'bbbbbbbb-0000-4000-8000-00000000000b'

export interface LiveDatabase {
  readonly server: TestServer
  readonly name: string
  /** Roles belong to the whole server, which other test files use too. */
  readonly roles: Readonly<Record<'owner' | 'app' | 'migrator' | 'bypass', string>>
  /** A superuser. */
  readonly admin: Client
  /** Owns the database and its tables; no superuser, no BYPASSRLS. */
  readonly owner: Client
  connectAs(role: 'owner' | 'app' | 'migrator' | 'bypass'): Promise<Client>
  urlFor(role: 'owner' | 'app' | 'migrator' | 'bypass'): string
  /** What the last statement answers to the app role on a fresh connection, in a transaction bound to a tenant; undone. */
  asApp(tenant: string | undefined, ...statements: string[]): Promise<QueryResult>
  close(): Promise<void>
}

/** `sql` runs as the owner, then the roles are made. */
export async function openLiveDatabase(sql: string, options: Partial<TenantRolesOptions> = {}): Promise<LiveDatabase> {
  const server = await startPostgres()
  const database = await server.createDatabase()
  const named = (role: string): string => `${database.name}_${role}`
  const roles = { owner: named('owner'), app: named('app'), migrator: named('migrator'), bypass: named('bypass') }
  const admin = await connect(database.adminUrl)
  await admin.query(`CREATE ROLE ${roles.owner} LOGIN PASSWORD '${roles.owner}'`)
  await admin.query(`ALTER DATABASE ${database.name} OWNER TO ${roles.owner}`)
  const urlFor: LiveDatabase['urlFor'] = (role) => database.urlFor(roles[role], roles[role])
  const owner = await connect(urlFor('owner'))
  await owner.query(sql)
  await admin.query(tenantRoles({ ...roles, ...options }))
  for (const role of ['app', 'migrator', 'bypass'] as const) {
    await admin.query(`ALTER ROLE ${roles[role]} PASSWORD '${roles[role]}'`)
  }

  const asApp: LiveDatabase['asApp'] = async (tenant, ...statements) => {
    const app = await connect(urlFor('app'))
    try {
      await app.query('BEGIN')
      if (tenant !== undefined) await app.query("SELECT set_config('app.tenant_id', $1, true)", [tenant])
      let result: QueryResult | undefined
      for (const statement of statements) result = await app.query(statement)
      return result as QueryResult
    } finally {
      await app.end()
    }
  }

  const close = async (): Promise<void> => {
    await Promise.all([owner.end(), admin.end()])
    await database.drop()
    const last = await connect(server.adminUrl)
    const { migrator, app, bypass, owner: owning } = roles
    for (const role of [migrator, app, bypass, owning]) await last.query(`DROP ROLE IF EXISTS ${quoteIdentifier(role)}`)
    await last.end()
    await server.stop()
  }
  const connectAs: LiveDatabase['connectAs'] = (role) => connect(urlFor(role))
  return { server, name: database.name, roles, admin, owner, connectAs, urlFor, asApp, close }
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  await client.connect()
  return client
}

/** What a promise is refused with. */
export async function failure(query: Promise<unknown>): Promise<Partial<DatabaseError>> {
  return query.then(
    () => ({ message: 'it succeeded' }),
    (error) => error,
  )
}
