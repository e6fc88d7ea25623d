import { derivedName } from './derived-name.js'
import { checkOptions } from './options.js'
import { type TenantSettingOptions, tenantSetting, tenantSqlType } from './policies.js'
import { nameOf, quoteIdentifier, quoteTable, type TableName } from './quote.js'

export interface TenantColumnName {
  /** Column that names the tenant. Default `'tenant_id'`. */
  column?: string | undefined
}

export interface TenantColumnOptions extends TenantColumnName, TenantSettingOptions {}

/**
 * SQL that gives a table the tenant column, where it has none, and the tenant in scope as the column's default. Rows that
 * are there already get NULL, so that nothing is rewritten: `backfillTenant` fills them, `requireTenant` comes last.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example tenantColumn('projects', { type: 'bigint' })
 * @see https://www.postgresql.org/docs/current/sql-altertable.html
 */
export function tenantColumn(table: TableName, options: TenantColumnOptions = {}): string {
  checkOptions('tenantColumn', options, ['column', 'type', 'setting'])
  const { column = 'tenant_id', type } = options
  return `-- Without a default here: with one, every row would be rewritten under an exclusive lock.
ALTER TABLE ${quoteTable(table)} ADD COLUMN IF NOT EXISTS ${quoteIdentifier(column)} ${tenantSqlType(type)};
${tenantDefault(table, options)}`
}

/**
 * SQL that drops the tenant column, with what it holds. What depends on it (policies, foreign keys) is dropped before.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example dropTenantColumn('projects')
 */
export function dropTenantColumn(table: TableName, options: TenantColumnName = {}): string {
  checkOptions('dropTenantColumn', options, ['column'])
  return `ALTER TABLE ${quoteTable(table)} DROP COLUMN IF EXISTS ${columnOf(options)};\n`
}

/**
 * SQL that makes the tenant in scope the default of a tenant column that is there already.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example tenantDefault('projects', { column: 'customer_id', type: 'int' })
 */
export function tenantDefault(table: TableName, options: TenantColumnOptions = {}): string {
  checkOptions('tenantDefault', options, ['column', 'type', 'setting'])
  const value = tenantSetting(options.type, options.setting)
  return `-- A row that names no tenant belongs to the one in scope.
${alterColumn(table, options)} SET DEFAULT ${value};
`
}

/**
 * SQL that takes the default away again. Another one that the column had before does not come back.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example dropTenantDefault('projects')
 */
export function dropTenantDefault(table: TableName, options: TenantColumnName = {}): string {
  checkOptions('dropTenantDefault', options, ['column'])
  return `${alterColumn(table, options)} DROP DEFAULT;\n`
}

/**
 * SQL that lets no row be without a tenant. It reads the whole table under an exclusive lock;
 * {@link requireTenantOnline} does not.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example requireTenant('projects')
 * @see https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-SET-DROP-NOT-NULL
 */
export function requireTenant(table: TableName, options: TenantColumnName = {}): string {
  checkOptions('requireTenant', options, ['column'])
  return `${alterColumn(table, options)} SET NOT NULL;\n`
}

/**
 * The same for a table in use, as statements to send one by one, each in a transaction of its own. Only the second reads
 * the table, and it stops neither reads nor writes. Interrupted, all of them can be sent again.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example for (const statement of requireTenantOnline('projects')) await client.query(statement)
 * @see https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
 */
export function requireTenantOnline(table: TableName, options: TenantColumnName = {}): string[] {
  checkOptions('requireTenantOnline', options, ['column'])
  const { column = 'tenant_id' } = options
  const alter = `ALTER TABLE ${quoteTable(table)}`
  const check = quoteIdentifier(derivedName([nameOf(table), column], 'is_set'))
  return [
    `${alter} DROP CONSTRAINT IF EXISTS ${check}, ADD CONSTRAINT ${check} CHECK (${columnOf(options)} IS NOT NULL) NOT VALID;\n`,
    `${alter} VALIDATE CONSTRAINT ${check};\n`,
    // In one statement with the next, the constraint would be dropped first, and the table read after all.
    `-- The valid constraint spares PostgreSQL the look at every row.\n${requireTenant(table, options)}`,
    `${alter} DROP CONSTRAINT IF EXISTS ${check};\n`,
  ]
}

/**
 * SQL that lets rows be without a tenant again, the reverse of {@link requireTenant}.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example allowNoTenant('projects')
 */
export function allowNoTenant(table: TableName, options: TenantColumnName = {}): string {
  checkOptions('allowNoTenant', options, ['column'])
  return `${alterColumn(table, options)} DROP NOT NULL;\n`
}

function alterColumn(table: TableName, options: TenantColumnName): string {
  return `ALTER TABLE ${quoteTable(table)} ALTER COLUMN ${columnOf(options)}`
}

function columnOf({ column = 'tenant_id' }: TenantColumnName): string {
  return quoteIdentifier(column)
}
