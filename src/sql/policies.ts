import { checkSettingName } from '../setting-name.js'
import { showValue } from '../show-value.js'
import { checkOptions, invalidOption } from './options.js'
import { quoteIdentifier, quoteLiteral, quoteTable, type TableName } from './quote.js'

/** The type of the tenant column. */
export type TenantColumnType = 'uuid' | 'int' | 'bigint' | 'text'

const casts: Record<TenantColumnType, string> = { uuid: '::uuid', int: '::integer', bigint: '::bigint', text: '' }

export interface TenantSettingOptions {
  /** Type of the tenant column. Default `'uuid'`. */
  type?: TenantColumnType | undefined
  /** The run-time parameter that carries the tenant. Default `'app.tenant_id'`. */
  setting?: string | undefined
}

export interface TenantPolicyOptions extends TenantSettingOptions {
  /** Column that names the tenant. Default `'tenant_id'`. */
  column?: string | undefined
  /** Name of the policy. Default `'tenant_isolation'`. A policy under another name stays, and widens this one. */
  name?: string | undefined
}

/**
 * SQL that turns row-level security on, for the table's owner too. A table without a policy then shows no rows at all,
 * so create the policy first.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`
 * @example enableRowLevelSecurity('projects')
 * @see https://www.postgresql.org/docs/current/ddl-rowsecurity.html
 */
export function enableRowLevelSecurity(table: TableName): string {
  const target = quoteTable(table)
  return `ALTER TABLE ${target} ENABLE ROW LEVEL SECURITY;
-- The owner of a table skips its policies unless they are forced.
ALTER TABLE ${target} FORCE ROW LEVEL SECURITY;
`
}

/**
 * SQL of the policy that limits a table to the tenant in the setting, for reading and for writing. Where no tenant is
 * set, no row is visible and none can be written.
 *
 * One policy that is PERMISSIVE, FOR ALL and TO PUBLIC:
 * - PERMISSIVE, because a table with restrictive policies alone shows nothing to anybody, and because a host without
 *   BYPASSRLS needs a second policy for its migrator, which a restrictive one would cancel.
 * - FOR ALL, so that no command is forgotten and USING and WITH CHECK cannot drift apart.
 * - TO PUBLIC, so that a role granted the table later, and the owner under FORCE, are limited as well.
 *
 * Run both statements in one transaction: between them the table shows no rows.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example tenantPolicy('projects', { column: 'customer_id', type: 'bigint' })
 * @see https://www.postgresql.org/docs/current/sql-createpolicy.html
 */
export function tenantPolicy(table: TableName, options: TenantPolicyOptions = {}): string {
  checkOptions('tenantPolicy', options, ['column', 'type', 'setting', 'name'])
  const { column = 'tenant_id', name = 'tenant_isolation', type, setting } = options
  const target = quoteTable(table)
  const policy = quoteIdentifier(name)
  // The bare column: a cast or a (SELECT …) around either side costs the index or the planner's statistics.
  const ownRow = `${quoteIdentifier(column)} = ${tenantSetting(type, setting)}`
  return `-- Without a tenant the comparison is NULL: no row is visible and none can be written.
DROP POLICY IF EXISTS ${policy} ON ${target};
CREATE POLICY ${policy} ON ${target}
  AS PERMISSIVE FOR ALL TO PUBLIC
  USING (${ownRow})
  WITH CHECK (${ownRow});
`
}

/**
 * The SQL expression for the tenant in scope, NULL where there is none; also the tenant column's default.
 *
 * @throws TenancyError `CONFIG.INVALID`
 * @example tenantSetting('bigint') // nullif(current_setting('app.tenant_id', true), '')::bigint
 * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SET
 */
export function tenantSetting(type: TenantColumnType = 'uuid', setting = 'app.tenant_id'): string {
  if (!Object.hasOwn(casts, type)) {
    throw invalidOption(`The tenant column type is ${showValue(type)}`, `Use one of: ${Object.keys(casts).join(', ')}.`)
  }
  // nullif: after a transaction that set it, the setting is '' on that connection, and ''::uuid would be an error.
  return `nullif(current_setting(${quoteLiteral(checkSettingName(setting))}, true), '')${casts[type]}`
}
