import { keyColumns, quoteColumns } from './columns.js'
import { derivedName } from './derived-name.js'
import { dropIndex } from './indexes.js'
import { checkFlag, checkOptions } from './options.js'
import { nameOf, quoteIdentifier, quoteTable, type TableName } from './quote.js'

export interface TenantUniqueOptions {
  /** What is unique within one tenant: the columns without the tenant's. */
  columns: readonly string[]
  /** Column that names the tenant. Default `'tenant_id'`. */
  column?: string | undefined
  /** Name of the index. Default: the one that Prisma gives, such as `projects_tenant_id_name_key`. */
  name?: string | undefined
  /** Build without blocking writes. Default `false`. The statement then fails inside a transaction. */
  concurrently?: boolean | undefined
}

/**
 * SQL of a unique index that begins with the tenant: without it, a refused value would tell one tenant what another one
 * has. It is also what a composite foreign key refers to.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example tenantUnique('projects', { columns: ['name'] })
 * @see https://www.postgresql.org/docs/current/indexes-unique.html
 */
export function tenantUnique(table: TableName, options: TenantUniqueOptions): string {
  checkOptions('tenantUnique', options, ['columns', 'column', 'name', 'concurrently'])
  const { column = 'tenant_id', concurrently } = options
  const columns = keyColumns('columns', column, options.columns)
  const { name = derivedName([nameOf(table), ...columns], 'key') } = options
  return createUnique(table, name, columns, concurrently)
}

export interface UniqueName {
  name: string
  /** Is it a constraint (`ADD CONSTRAINT … UNIQUE`) rather than an index, as Prisma makes it? Default `false`. */
  constraint?: boolean | undefined
  /** Without blocking anybody; for an index only. Default `false`. The statement then fails inside a transaction. */
  concurrently?: boolean | undefined
}

/**
 * SQL that drops a unique index or constraint which does not contain the tenant.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example dropUnique('projects', { name: 'projects_name_key' })
 */
export function dropUnique(table: TableName, options: UniqueName): string {
  checkOptions('dropUnique', options, ['name', 'constraint', 'concurrently'])
  const { name, constraint = false, concurrently } = options
  if (!checkFlag('constraint', constraint)) return dropIndex(table, { name, concurrently })
  return `ALTER TABLE ${quoteTable(table)} DROP CONSTRAINT IF EXISTS ${quoteIdentifier(name)};\n`
}

export interface RestoreUniqueOptions extends UniqueName {
  columns: readonly string[]
}

/**
 * SQL that makes a unique index or constraint without the tenant again, the reverse of {@link dropUnique}. It fails where
 * two tenants have come to use the same value.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example restoreUnique('projects', { name: 'projects_name_key', columns: ['name'] })
 */
export function restoreUnique(table: TableName, options: RestoreUniqueOptions): string {
  checkOptions('restoreUnique', options, ['name', 'columns', 'constraint', 'concurrently'])
  const { name, constraint = false, concurrently } = options
  const columns = keyColumns('columns', undefined, options.columns)
  if (!checkFlag('constraint', constraint)) return createUnique(table, name, columns, concurrently)
  const quoted = quoteIdentifier(name)
  return `ALTER TABLE ${quoteTable(table)} DROP CONSTRAINT IF EXISTS ${quoted}, ADD CONSTRAINT ${quoted} UNIQUE ${quoteColumns(columns)};\n`
}

/** Shared with the primary key, which is built beside the old one. */
export function createUnique(
  table: TableName,
  name: string,
  columns: readonly string[],
  concurrently: boolean | undefined = false,
): string {
  const create = checkFlag('concurrently', concurrently) ? 'CREATE UNIQUE INDEX CONCURRENTLY' : 'CREATE UNIQUE INDEX'
  return `${create} IF NOT EXISTS ${quoteIdentifier(name)} ON ${quoteTable(table)} ${quoteColumns(columns)};\n`
}
