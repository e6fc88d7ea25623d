import { keyColumns, quoteColumns } from './columns.js'
import { derivedName, hashedName } from './derived-name.js'
import { checkOptions } from './options.js'
import { nameOf, quoteIdentifier, quoteTable, type TableName } from './quote.js'
import { createUnique } from './unique.js'

export interface TenantPrimaryKeyOptions {
  /** The primary key's columns without the tenant's, such as `['code']`. */
  columns: readonly string[]
  /** Column that names the tenant. Default `'tenant_id'`. */
  column?: string | undefined
  /** Name of the primary key, the old and the new. Default: PostgreSQL's and Prisma's, such as `countries_pkey`. */
  name?: string | undefined
}

/**
 * SQL that puts the tenant in front of a natural primary key, so that two tenants can use the same one and neither learns
 * of the other's. Foreign keys that refer to the old key have to be dropped before.
 *
 * The table is locked while the key's index is built; {@link tenantPrimaryKeyOnline} builds it beforehand.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example tenantPrimaryKey('labels', { columns: ['code'] })
 * @see https://www.postgresql.org/docs/current/sql-altertable.html
 */
export function tenantPrimaryKey(table: TableName, options: TenantPrimaryKeyOptions): string {
  checkOptions('tenantPrimaryKey', options, ['columns', 'column', 'name'])
  return replacePrimaryKey(table, quoteColumns(columnsOf(options)), options.name)
}

/**
 * The same for a table in use, as statements to send one by one, outside any transaction: the index is built without
 * blocking writes, then becomes the key. An index that an interrupted build left behind invalid makes the second one
 * fail: drop it and send both again.
 *
 * `index` is the index's name while it is built; the key's own name is what it gets in the end.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example for (const statement of tenantPrimaryKeyOnline('labels', { columns: ['code'] })) await client.query(statement)
 * @see https://www.postgresql.org/docs/current/sql-altertable.html
 */
export function tenantPrimaryKeyOnline(
  table: TableName,
  options: TenantPrimaryKeyOptions & { index?: string | undefined },
): string[] {
  checkOptions('tenantPrimaryKeyOnline', options, ['columns', 'column', 'name', 'index'])
  const columns = columnsOf(options)
  const { index = hashedName([nameOf(table), ...columns], 'pkey') } = options
  return [
    createUnique(table, index, columns, true),
    replacePrimaryKey(table, `USING INDEX ${quoteIdentifier(index)}`, options.name),
  ]
}

/**
 * SQL that takes the tenant out of the primary key again. It fails where two tenants have come to use the same one.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example restorePrimaryKey('labels', { columns: ['code'] })
 */
export function restorePrimaryKey(table: TableName, options: Omit<TenantPrimaryKeyOptions, 'column'>): string {
  checkOptions('restorePrimaryKey', options, ['columns', 'name'])
  const columns = keyColumns('columns', undefined, options.columns)
  return replacePrimaryKey(table, quoteColumns(columns), options.name)
}

function columnsOf({ column = 'tenant_id', columns }: TenantPrimaryKeyOptions): string[] {
  return keyColumns('columns', column, columns)
}

function replacePrimaryKey(table: TableName, key: string, given = derivedName([nameOf(table)], 'pkey')): string {
  const name = quoteIdentifier(given)
  return `ALTER TABLE ${quoteTable(table)} DROP CONSTRAINT IF EXISTS ${name}, ADD CONSTRAINT ${name} PRIMARY KEY ${key};\n`
}
