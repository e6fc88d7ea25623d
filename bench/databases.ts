// One server, and for each contestant a database of its own with the same rows: what one writes, nobody else reads past.
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'

import pg from 'pg'
import { enableRowLevelSecurity, sealTenants, tenantPolicy } from 'prisma-extension-tenancy/sql'

import { addSealKey } from '../src/seal-keys.js'

import { startEmbeddedPostgres } from '../test/support/embedded-postgres.js'
import { runSql, urlOf } from '../test/support/postgres.js'
import { CREATED } from './operations.js'

export interface Tenant {
  readonly id: string
  readonly projectIds: readonly string[]
}

/** What stands between a tenant and the others' rows: nothing, row-level security, or that with a check of seals. */
export type Policies = 'none' | 'plain' | 'sealed'

/** Made anew for every run: a key is nothing to keep in code. */
export const SEAL = { keyId: 'bench', key: randomBytes(32) }

export interface Databases {
  readonly serverVersion: string
  readonly host: string
  readonly port: number
  readonly tenants: readonly Tenant[]
  /** The app role's URL on a new copy of the rows. */
  create(name: string, policies: Policies): Promise<string>
  /** Takes out what was created since, from every database. */
  clean(): Promise<void>
  stop(): Promise<void>
}

const APP = 'bench_app'
const TENANTS = 50
const PROJECTS = 200
const TASKS = 3
const tables = ['projects', 'tasks']

export async function startDatabases(): Promise<Databases> {
  const server = await startEmbeddedPostgres({ major: 15 })
  const on = (database: string): string => urlOf(server.adminUrl, { database })
  // Vacuum runs between rounds, in everybody's database, and not in the middle of somebody's measurement.
  await runSql(server.adminUrl, 'ALTER SYSTEM SET autovacuum = off')
  await runSql(server.adminUrl, 'SELECT pg_reload_conf()')
  await runSql(server.adminUrl, `CREATE ROLE ${APP} LOGIN PASSWORD '${APP}' NOSUPERUSER NOBYPASSRLS`)
  await runSql(server.adminUrl, 'CREATE DATABASE rows')
  const schema = await readFile(new URL('../test/support/schema.sql', import.meta.url), 'utf8')
  await runSql(on('rows'), `${schema}\n${rowsSql()}`)
  const [version] = await runSql<{ server_version: string }>(server.adminUrl, 'SHOW server_version')
  const tenants = await runSql<{ id: string; projectIds: string[] }>(
    on('rows'),
    `SELECT tenant_id AS id, array_agg(id ORDER BY name)::text[] AS "projectIds" FROM projects GROUP BY 1 ORDER BY 1`,
  )

  const admins: pg.Client[] = []
  return {
    serverVersion: version?.server_version ?? '',
    host: server.host,
    port: server.port,
    tenants,
    async create(name, policies) {
      await runSql(server.adminUrl, `CREATE DATABASE ${name} TEMPLATE rows`)
      const admin = new pg.Client({ connectionString: on(name) })
      await admin.connect()
      admins.push(admin)
      const sealed = policies === 'sealed'
      if (sealed) await admin.query(sealTenants())
      if (sealed) await addSealKey(admin, SEAL)
      if (policies !== 'none')
        for (const table of tables) await admin.query(tenantPolicy(table, { sealed }) + enableRowLevelSecurity(table))
      await vacuum(admin)
      return urlOf(server.adminUrl, { database: name, user: APP, password: APP })
    },
    async clean() {
      for (const admin of admins) {
        await admin.query(`DELETE FROM projects WHERE name LIKE '${CREATED}%'`)
        await vacuum(admin)
      }
    },
    async stop() {
      for (const admin of admins) await admin.end()
      await server.stop()
    },
  }
}

async function vacuum(admin: pg.Client): Promise<void> {
  // This server commits asynchronously, and VACUUM marks no page as visible to all before its commits are on disk:
  // whoever was vacuumed too early would have no index-only scans.
  await admin.query('CHECKPOINT')
  for (const table of tables) await admin.query(`VACUUM (ANALYZE) ${table}`)
}

/** Ids are scattered as random ones are, and the same in every run. */
function rowsSql(): string {
  return `
    INSERT INTO projects (id, tenant_id, name, created_at)
    SELECT md5('project ' || t || ' ' || p)::uuid, md5('tenant ' || t)::uuid, 'Project ' || p, now() - p * interval '1 hour'
    FROM generate_series(1, ${TENANTS}) t, generate_series(1, ${PROJECTS}) p;
    INSERT INTO tasks (id, tenant_id, project_id, title)
    SELECT md5('task ' || k || id)::uuid, tenant_id, id, 'Task ' || k FROM projects, generate_series(1, ${TASKS}) k;
    GRANT SELECT, INSERT, UPDATE, DELETE ON plans, projects, tasks TO ${APP};`
}
