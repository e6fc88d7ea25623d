// What the attacks of hostile-statements.ts need: two tenants, objects to call, and a look at a connection's session.
import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { withoutTenant, withTenant } from '../../src/context.js'
import { createTestDatabase, type SeededTenant, seedTenants, type TenantDatabase } from '../support/database.js'
import { runSql } from '../support/postgres.js'

export interface HostileWorld {
  readonly db: TenantDatabase
  readonly a: SeededTenant
  readonly b: SeededTenant
  /** A statement with this world's tenants and roles in it. */
  fill(sql: string): string
  drop(): Promise<void>
}

/** Whatever a statement can leave in a session, as one text. Names no tenant where the connection is clean. */
export const SESSION = 'SELECT public.session() AS session'

/** In a function of the database: some of the views that it reads are refused in statements. */
const SESSION_FUNCTION = `CREATE FUNCTION public.session() RETURNS text LANGUAGE sql AS $$ SELECT json_build_object(
  'role', current_user, 'login', session_user,
  'set', (SELECT json_object_agg(name, setting ORDER BY name) FROM pg_settings WHERE source = 'session'),
  'tenant', nullif(current_setting('app.tenant_id', true), ''),
  'user', nullif(current_setting('app.user_id', true), ''),
  'notes', nullif(concat(current_setting('transaction.note', true), current_setting('constraints.note', true)), ''),
  'listens', (SELECT json_agg(channel) FROM pg_listening_channels() AS channel),
  'cursors', (SELECT count(*) FROM pg_cursors WHERE is_holdable),
  'prepared', (SELECT count(*) FROM pg_prepared_statements WHERE from_sql),
  'temporary', (SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind IN ('r', 'v')),
  'locks', (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())
)::text $$;`

/** `run(sql)` and `become(tenant)` stand for any function of the user's own that does what raw SQL may not. */
export async function newHostileWorld(): Promise<HostileWorld> {
  const db = await createTestDatabase()
  const role = `hostile_${randomBytes(6).toString('hex')}`
  await runSql(
    db.adminUrl,
    `${SESSION_FUNCTION}
     CREATE ROLE ${role};
     GRANT ${role} TO app_user;
     GRANT INSERT, SELECT ON plans TO app_user;
     CREATE FUNCTION run(sql text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE sql; RETURN 'done'; END $$;
     CREATE PROCEDURE become(id text) LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('app.tenant_id', id, false); END $$`,
  )
  const [a, b] = await seedTenants(db, [randomUUID(), randomUUID()] as const)
  return {
    db,
    a,
    b,
    fill: (sql) => sql.replaceAll('{B}', b.tenantId).replaceAll('{role}', role),
    async drop() {
      await db.drop()
      await runSql(db.adminUrl.replace(`/${db.name}`, '/postgres'), `DROP ROLE IF EXISTS ${role}`)
    },
  }
}

type Query = (sql: string) => Promise<{ rows: Record<string, unknown>[] }>

export async function sessionSeenBy(query: Query): Promise<unknown> {
  return (await query(SESSION)).rows[0]?.['session']
}

/** What is wrong for the next user of a connection: what the session holds, or the error it ends with. */
export async function harmSeenBy(query: Query): Promise<unknown> {
  try {
    return await sessionSeenBy(query)
  } catch (error) {
    return (error as Error).message
  }
}

/** The session of a fresh connection. */
export async function cleanSession(url: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await sessionSeenBy((sql) => client.query(sql))
  } finally {
    await client.end()
  }
}

/** The tenants whose projects a statement sees that names the table as raw SQL does: without its schema. */
export async function tenantsSeenBy(query: Query): Promise<unknown[]> {
  const { rows } = await query('SELECT DISTINCT tenant_id::text AS tenant FROM projects')
  return rows.map(({ tenant }) => tenant)
}

/**
 * Everything that is left to say after an attack of A's: the session holds nothing, A and B each see their own rows and
 * nobody else's, and without a tenant there is nothing to see.
 */
export async function lookAround({ a, b }: Pick<HostileWorld, 'a' | 'b'>, query: Query): Promise<unknown> {
  return {
    b: await withTenant(b.tenantId, () => tenantsSeenBy(query)),
    nobody: await withoutTenant(() => tenantsSeenBy(query)),
    session: await withoutTenant(() => sessionSeenBy(query)),
    a: await withTenant(a.tenantId, () => tenantsSeenBy(query)),
  }
}

export function unharmed({ a, b }: Pick<HostileWorld, 'a' | 'b'>, clean: unknown): unknown {
  return { b: [b.tenantId], nobody: [], session: clean, a: [a.tenantId] }
}
