// A database for one test file, and ground truth about its rows that no policy and no library stands in front of.
import { randomUUID } from 'node:crypto'

import type { QueryResultRow } from 'pg'

import { runSql, startPostgres, type TestServer } from './postgres.js'
import { ROLES, TEMPLATE } from './template.js'

export interface TenantDatabase {
  readonly name: string
  /** Owns the database and its tables; FORCE makes the policies apply to it all the same. */
  readonly ownerUrl: string
  /** What the service logs in with. */
  readonly appUrl: string
  /** BYPASSRLS, may only read. */
  readonly bypassUrl: string
  readonly adminUrl: string
  drop(): Promise<void>
}

export interface SeededTenant {
  readonly tenantId: string
  readonly projectIds: string[]
  readonly taskIds: string[]
}

/** A copy of the template, which global-setup.ts made; on a `server` of your own, call `createTemplate` first. */
export async function createTestDatabase(server?: TestServer): Promise<TenantDatabase> {
  const { createDatabase, adminUrl } = server ?? (await startPostgres())
  const database = await createDatabase({ template: TEMPLATE })
  // A copy takes over neither the owner nor the grants of the database itself. TEMP is everybody's by default; it is
  // granted all the same, because attacks with temporary tables have to be possible here for a test to stop them.
  await runSql(
    adminUrl,
    `ALTER DATABASE ${database.name} OWNER TO ${ROLES.owner};
     GRANT TEMPORARY ON DATABASE ${database.name} TO ${ROLES.app}`,
  )
  return {
    name: database.name,
    ownerUrl: database.urlFor(ROLES.owner, ROLES.owner),
    appUrl: database.urlFor(ROLES.app, ROLES.app),
    bypassUrl: database.urlFor(ROLES.bypass, ROLES.bypass),
    adminUrl: database.adminUrl,
    drop: database.drop,
  }
}

/**
 * Gives each tenant `projects` projects with `tasks` tasks each, as a superuser: neither a policy nor a setting is asked.
 * Names repeat from tenant to tenant, ids do not. Answers in the order of `tenantIds`.
 */
export async function seedTenants<const Ids extends readonly string[]>(
  db: Pick<TenantDatabase, 'adminUrl'>,
  tenantIds: Ids,
  { projects = 3, tasks = 2 }: { readonly projects?: number; readonly tasks?: number } = {},
): Promise<{ [Index in keyof Ids]: SeededTenant }> {
  const projectRows: { id: string; tenant_id: string; name: string }[] = []
  const taskRows: { id: string; tenant_id: string; project_id: string; title: string }[] = []
  const seeded = tenantIds.map((tenantId): SeededTenant => {
    const projectIds = Array.from({ length: projects }, () => randomUUID())
    projectRows.push(...projectIds.map((id, index) => ({ id, tenant_id: tenantId, name: `Project ${index + 1}` })))
    const taskIds = projectIds.flatMap((projectId) =>
      Array.from({ length: tasks }, (_, index) => {
        const id = randomUUID()
        taskRows.push({ id, tenant_id: tenantId, project_id: projectId, title: `Task ${index + 1}` })
        return id
      }),
    )
    return { tenantId, projectIds, taskIds }
  })
  await runSql(
    db.adminUrl,
    `WITH inserted AS (
       INSERT INTO projects (id, tenant_id, name)
       SELECT id, tenant_id, name FROM json_to_recordset($1) AS row (id uuid, tenant_id uuid, name text)
     )
     INSERT INTO tasks (id, tenant_id, project_id, title)
     SELECT id, tenant_id, project_id, title
     FROM json_to_recordset($2) AS row (id uuid, tenant_id uuid, project_id uuid, title text)`,
    [JSON.stringify(projectRows), JSON.stringify(taskRows)],
  )
  return seeded as { [Index in keyof Ids]: SeededTenant }
}

/** What is really there. A test that expects nothing to be seen first shows with this that there was something to see. */
export function rowsSeenBySuperuser<Row extends QueryResultRow = Record<string, unknown>>(
  db: Pick<TenantDatabase, 'adminUrl'>,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  return runSql<Row>(db.adminUrl, sql, values)
}
