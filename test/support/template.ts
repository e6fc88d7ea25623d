// The database that every test file gets a copy of: schema, roles and policies, written by hand. Tests of the library
// measure it against this, so nothing here comes from the library's own SQL generator.
import { readFile } from 'node:fs/promises'

import { runSql, urlOf } from './postgres.js'

export const TEMPLATE = 'tenancy_template'

/** Each role's password is its name. */
export const ROLES = { owner: 'app_owner', app: 'app_user', bypass: 'bypass_user' } as const

/** Creates the roles and the template database; on a server that has them already, from scratch. */
export async function createTemplate(adminUrl: string): Promise<void> {
  await runSql(adminUrl, rolesSql())
  await runSql(adminUrl, `DROP DATABASE IF EXISTS ${TEMPLATE} WITH (FORCE)`)
  await runSql(adminUrl, `CREATE DATABASE ${TEMPLATE} OWNER ${ROLES.owner}`)
  const ownerUrl = urlOf(adminUrl, { database: TEMPLATE, user: ROLES.owner, password: ROLES.owner })
  const schema = await readFile(new URL('schema.sql', import.meta.url), 'utf8')
  // One script is one simple query, and that is one transaction.
  await runSql(
    ownerUrl,
    [schema, handWrittenPolicies('projects'), handWrittenPolicies('tasks'), grantsSql()].join('\n'),
  )
}

export async function dropTemplate(adminUrl: string): Promise<void> {
  await runSql(adminUrl, `DROP DATABASE IF EXISTS ${TEMPLATE} WITH (FORCE)`)
}

function rolesSql(): string {
  // Roles belong to the server, not to the database, and CREATE ROLE knows no IF NOT EXISTS.
  const role = (name: string, attributes: string): string => `
    DO $$ BEGIN CREATE ROLE ${name}; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
    ALTER ROLE ${name} LOGIN PASSWORD '${name}' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION ${attributes};`
  return role(ROLES.owner, 'NOBYPASSRLS') + role(ROLES.app, 'NOBYPASSRLS') + role(ROLES.bypass, 'BYPASSRLS')
}

function handWrittenPolicies(table: 'projects' | 'tasks'): string {
  // After a transaction-local set_config the setting is '' and not NULL on that connection, hence nullif.
  const ownTenant = `tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid`
  return `
    ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
    CREATE POLICY tenant_isolation ON ${table} USING (${ownTenant}) WITH CHECK (${ownTenant});`
}

function grantsSql(): string {
  return `
    GRANT SELECT, INSERT, UPDATE, DELETE ON plans, projects, tasks TO ${ROLES.app};
    GRANT SELECT ON plans, projects, tasks TO ${ROLES.bypass};`
}
