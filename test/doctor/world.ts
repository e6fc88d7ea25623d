// The clean world of the doctor's tests: two tenants with rows, tables and roles as this library's own SQL makes them, and
// the doctor says nothing. Every fault is planted on a fresh copy of it.
import { randomBytes } from 'node:crypto'

import {
  protectTable,
  quoteIdentifier,
  tenantColumn,
  tenantForeignKey,
  tenantRoles,
  tenantUnique,
} from '../../src/sql/index.js'
import { runSql, type TestDatabase, type TestServer, urlOf } from '../support/postgres.js'

export const a = 'aaaaaaaa-0000-4000-8000-00000000000a'
export const b = 'bbbbbbbb-0000-4000-8000-00000000000b'

/** The password of each is its name. The owner is no superuser, and its policies are forced on it. */
export const roles = {
  app: 'doctor_app',
  owner: 'doctor_owner',
  migrator: 'doctor_migrator',
  bypass: 'doctor_bypass',
} as const

/** What the doctor is told about the world. */
export const worldOptions = {
  appRole: roles.app,
  trustedRoles: [roles.migrator, roles.bypass],
} as const

export interface World {
  readonly adminUrl: string
  urlFor(role: string): string
  drop(): Promise<void>
}

export interface WorldTemplate {
  /** A copy, with the grants of the database itself, which a copy does not take over. */
  copy(): Promise<World>
  drop(): Promise<void>
}

export async function createWorldTemplate(server: TestServer): Promise<WorldTemplate> {
  const { adminUrl, createDatabase } = server
  await runSql(adminUrl, ownerSql)
  const template = await createDatabase()
  await runSql(template.adminUrl, `GRANT USAGE, CREATE ON SCHEMA public TO ${roles.owner}`)
  await runSql(urlOf(template.adminUrl, { user: roles.owner, password: roles.owner }), tablesSql)
  await runSql(template.adminUrl, `${rolesSql()}${rowsSql}`)
  return {
    copy: async () => {
      const database = await createDatabase({ template: template.name })
      await runSql(database.adminUrl, rolesSql())
      return worldOf(database)
    },
    drop: template.drop,
  }
}

function worldOf(database: TestDatabase): World {
  return { adminUrl: database.adminUrl, urlFor: (role) => database.urlFor(role, role), drop: database.drop }
}

/** A name for a role that only one fault needs: roles belong to the whole server. */
export function ownRole(purpose: string): string {
  return `doctor_${purpose}_${randomBytes(4).toString('hex')}`
}

// Another test file may be creating it in this very moment.
const ownerSql = `DO $$ BEGIN CREATE ROLE ${roles.owner}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
ALTER ROLE ${roles.owner} LOGIN PASSWORD '${roles.owner}' NOSUPERUSER NOBYPASSRLS;`

function rolesSql(): string {
  const passwords = [roles.app, roles.migrator, roles.bypass].map(
    (role) => `ALTER ROLE ${quoteIdentifier(role)} PASSWORD '${role}';`,
  )
  return `SELECT pg_advisory_xact_lock(5005);
${tenantRoles({ ...roles, shared: ['plans'] })}
${passwords.join('\n')}
`
}

const tablesSql = `
CREATE TABLE plans (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE companies (id uuid PRIMARY KEY, name text NOT NULL, plan_id integer NOT NULL REFERENCES plans);

CREATE TABLE projects (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, archived boolean NOT NULL DEFAULT false);
${tenantColumn('projects')}
ALTER TABLE projects ALTER COLUMN tenant_id SET NOT NULL;
${tenantUnique('projects', { columns: ['id'] })}${tenantUnique('projects', { columns: ['name'] })}
${protectTable('projects', { indexes: [] })}

CREATE TABLE tasks (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), project_id uuid NOT NULL, title text NOT NULL, done boolean NOT NULL DEFAULT false);
${tenantColumn('tasks')}
ALTER TABLE tasks ALTER COLUMN tenant_id SET NOT NULL;
${tenantUnique('tasks', { columns: ['id'] })}
${tenantForeignKey('tasks', { columns: ['project_id'], references: { table: 'projects', columns: ['id'] }, onDelete: 'CASCADE' })}
${protectTable('tasks', { indexes: [['project_id']] })}
`

const rowsSql = `
INSERT INTO plans VALUES (1, 'free'), (2, 'paid');
INSERT INTO companies VALUES ('${a}', 'A', 1), ('${b}', 'B', 2);
INSERT INTO projects (id, tenant_id, name) VALUES
  ('a0000000-0000-4000-8000-000000000001', '${a}', 'first'), ('a0000000-0000-4000-8000-000000000002', '${a}', 'second'),
  ('b0000000-0000-4000-8000-000000000001', '${b}', 'first');
INSERT INTO tasks (id, tenant_id, project_id, title) VALUES
  ('a1000000-0000-4000-8000-000000000001', '${a}', 'a0000000-0000-4000-8000-000000000001', 'a task'),
  ('a1000000-0000-4000-8000-000000000002', '${a}', 'a0000000-0000-4000-8000-000000000002', 'another task'),
  ('b1000000-0000-4000-8000-000000000001', '${b}', 'b0000000-0000-4000-8000-000000000001', 'a task');
`
