import { checkOptions } from './options.js'
import { createPolicy, dropTenantPolicy } from './policies.js'
import { quoteRole, type TableName } from './quote.js'

export interface MigratorPolicyOptions {
  /** The role that sees and writes all rows. */
  migrator: string
  /** Name of the policy. Default `'tenant_migrator'`. */
  name?: string | undefined
}

/**
 * SQL of a second policy, for the migrator alone, on hosts that let nobody have BYPASSRLS: it sees and writes every row of
 * the table, and so does each member of that role. The service's queries are planned as before.
 *
 * COPY FROM and a `pg_dump` without `--enable-row-security` stay refused: PostgreSQL asks for BYPASSRLS there.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example migratorPolicy('projects', { migrator: 'app_migrator' })
 * @see https://www.postgresql.org/docs/current/ddl-rowsecurity.html
 */
export function migratorPolicy(table: TableName, options: MigratorPolicyOptions): string {
  checkOptions('migratorPolicy', options, ['migrator', 'name'])
  const { migrator, name = 'tenant_migrator' } = options
  return `-- Policies are joined by OR, and this one is for the migrator alone.
${createPolicy(table, name, 'true', quoteRole(migrator))}`
}

/**
 * SQL that drops the policy of {@link migratorPolicy}.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example dropMigratorPolicy('projects')
 */
export function dropMigratorPolicy(table: TableName, options: { name?: string | undefined } = {}): string {
  checkOptions('dropMigratorPolicy', options, ['name'])
  const { name = 'tenant_migrator' } = options
  return dropTenantPolicy(table, { name })
}
