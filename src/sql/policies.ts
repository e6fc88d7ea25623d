import { checkSettingName } from '../setting-name.js'
import { showValue } from '../show-value.js'
import { checkFlag, checkOptions, invalidOption } from './options.js'
import { quoteIdentifier, quoteLiteral, quoteTable, type TableName } from './quote.js'

/** The type of the tenant column. */
export type TenantColumnType = 'uuid' | 'int' | 'bigint' | 'text'

const sqlTypes: Record<TenantColumnType, string> = { uuid: 'uuid', int: 'integer', bigint: 'bigint', text: 'text' }

export interface TenantSettingOptions {
  /** Type of the tenant column. Default `'uuid'`. */
  type?: TenantColumnType | undefined
  /** The run-time parameter that carries the tenant. Default `'app.tenant_id'`. */
  setting?: string | undefined
}

/** Where a policy finds the tenant in scope. */
export interface TenantScopeOptions extends TenantSettingOptions {
  /**
   * Compare with `tenancy.tenant_id()`, which refuses a tenant that the service did not sign, instead of with the bare
   * setting. Default `false`. `type` and `setting` are then those that the function was made with.
   */
  sealed?: boolean | undefined
}

export interface TenantPolicyOptions extends TenantScopeOptions {
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
 * SQL that turns row-level security off again, for the owner first. Policies stay, and limit nobody.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`
 * @example disableRowLevelSecurity('projects')
 */
export function disableRowLevelSecurity(table: TableName): string {
  const target = quoteTable(table)
  return `ALTER TABLE ${target} NO FORCE ROW LEVEL SECURITY;
ALTER TABLE ${target} DISABLE ROW LEVEL SECURITY;
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
  checkOptions('tenantPolicy', options, ['column', 'type', 'setting', 'sealed', 'name'])
  const { column = 'tenant_id', name = 'tenant_isolation', ...scope } = options
  // The bare column: a cast or a (SELECT …) around either side costs the index or the planner's statistics.
  const ownRow = `${quoteIdentifier(column)} = ${tenantInScope(scope)}`
  return `-- Without a tenant the comparison is NULL: no row is visible and none can be written.
${createPolicy(table, name, ownRow)}`
}

/**
 * SQL that drops the policy of {@link tenantPolicy} or `parentPolicy`. While row-level security is on, the table then
 * shows no rows.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example dropTenantPolicy('projects')
 */
export function dropTenantPolicy(table: TableName, options: { name?: string | undefined } = {}): string {
  checkOptions('dropTenantPolicy', options, ['name'])
  const { name = 'tenant_isolation' } = options
  return `DROP POLICY IF EXISTS ${quoteIdentifier(name)} ON ${quoteTable(table)};\n`
}

/** One condition for reading and for writing. The statements belong into one transaction. */
export function createPolicy(table: TableName, name: string, condition: string, role = 'PUBLIC'): string {
  const policy = quoteIdentifier(name)
  return `${dropTenantPolicy(table, { name })}CREATE POLICY ${policy} ON ${quoteTable(table)}
  AS PERMISSIVE FOR ALL TO ${role}
  USING (${condition})
  WITH CHECK (${condition});
`
}

/** The SQL expression that a policy compares the tenant column with. */
export function tenantInScope({ type, setting, sealed = false }: TenantScopeOptions): string {
  const plain = tenantSetting(type, setting)
  return checkFlag('sealed', sealed) ? 'tenancy.tenant_id()' : plain
}

/**
 * The SQL expression for the tenant in scope, NULL where there is none; also the tenant column's default.
 *
 * @throws TenancyError `CONFIG.INVALID`
 * @example tenantSetting('bigint') // nullif(current_setting('app.tenant_id', true), '')::bigint
 * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SET
 */
export function tenantSetting(type: TenantColumnType = 'uuid', setting = 'app.tenant_id'): string {
  const sqlType = tenantSqlType(type)
  // nullif: after a transaction that set it, the setting is '' on that connection, and ''::uuid would be an error.
  const text = `nullif(current_setting(${quoteLiteral(checkSettingName(setting))}, true), '')`
  return type === 'text' ? text : `${text}::${sqlType}`
}

/** PostgreSQL's name of the tenant column's type. */
export function tenantSqlType(type: TenantColumnType = 'uuid'): string {
  if (Object.hasOwn(sqlTypes, type)) return sqlTypes[type]
  throw invalidOption(
    `The tenant column type is ${showValue(type)}`,
    `Use one of: ${Object.keys(sqlTypes).join(', ')}.`,
  )
}
