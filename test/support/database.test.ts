// Proves that the database the tests run on is protected, so that a test which sees nothing was stopped by a policy.
import { randomUUID } from 'node:crypto'

import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { createTestDatabase, rowsSeenBySuperuser, seedTenants, type TenantDatabase } from './database.js'
import { runSql } from './postgres.js'

let db: TenantDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())

test('the app role is neither owner nor superuser nor BYPASSRLS', async () => {
  const [role] = await runSql(
    db.appUrl,
    `SELECT current_user, rolsuper, rolbypassrls, rolcreaterole, rolreplication,
            (SELECT count(*)::int FROM pg_class WHERE pg_has_role(relowner, 'MEMBER')) AS relations,
            (SELECT count(*)::int FROM pg_database WHERE pg_has_role(datdba, 'MEMBER')) AS databases,
            (SELECT count(*)::int FROM pg_auth_members WHERE member = pg_roles.oid) AS memberships
     FROM pg_roles WHERE rolname = current_user`,
  )
  expect(role).toEqual({
    current_user: 'app_user',
    rolsuper: false,
    rolbypassrls: false,
    rolcreaterole: false,
    rolreplication: false,
    relations: 0,
    databases: 0,
    memberships: 0,
  })
})

test('the tables belong to a role that is not a superuser, and force their policies on it', async () => {
  const tables = await rowsSeenBySuperuser(
    db,
    `SELECT relname, relowner::regrole::text AS owner, relrowsecurity AS enabled, relforcerowsecurity AS forced
     FROM pg_class WHERE relname IN ('plans', 'projects', 'tasks') ORDER BY relname`,
  )
  expect(tables).toEqual([
    { relname: 'plans', owner: 'app_owner', enabled: false, forced: false },
    { relname: 'projects', owner: 'app_owner', enabled: true, forced: true },
    { relname: 'tasks', owner: 'app_owner', enabled: true, forced: true },
  ])
})

test.each(['appUrl', 'ownerUrl'] as const)(
  'with %s a tenant sees its own rows, and without a tenant nothing is seen',
  async (url) => {
    const [a, b] = await seedTenants(db, [randomUUID(), randomUUID()], { projects: 2, tasks: 3 })
    const both = [[a.tenantId, b.tenantId]]
    expect(await rowsSeenBySuperuser(db, 'SELECT id FROM projects WHERE tenant_id = ANY ($1)', both)).toHaveLength(4)
    expect(await rowsSeenBySuperuser(db, 'SELECT id FROM tasks WHERE tenant_id = ANY ($1)', both)).toHaveLength(12)

    const client = new pg.Client({ connectionString: db[url] })
    await client.connect()
    try {
      const ids = async (table: string) =>
        (await client.query(`SELECT id FROM ${table}`)).rows.map(({ id }) => id).sort()
      expect(await ids('projects')).toEqual([])
      await client.query("SELECT set_config('app.tenant_id', $1, false)", [a.tenantId])
      expect(await ids('projects')).toEqual([...a.projectIds].sort())
      expect(await ids('tasks')).toEqual([...a.taskIds].sort())
      const theft = client.query('UPDATE projects SET tenant_id = $1', [b.tenantId])
      await expect(theft).rejects.toMatchObject({ code: '42501' })
    } finally {
      await client.end()
    }
  },
)

test('the app role may create temporary tables and nothing else', async () => {
  await runSql(db.appUrl, 'CREATE TEMP TABLE projects (id uuid)')
  await expect(runSql(db.appUrl, 'CREATE TABLE own (id uuid)')).rejects.toMatchObject({ code: '42501' })
  await expect(runSql(db.appUrl, 'CREATE SCHEMA own')).rejects.toMatchObject({ code: '42501' })
})

test('the bypass role reads across tenants and writes nothing', async () => {
  const [a] = await seedTenants(db, [randomUUID()])
  const rows = await runSql(db.bypassUrl, 'SELECT id FROM projects WHERE tenant_id = $1', [a.tenantId])
  expect(rows).toHaveLength(a.projectIds.length)
  await expect(runSql(db.bypassUrl, 'DELETE FROM projects')).rejects.toMatchObject({ code: '42501' })
})
