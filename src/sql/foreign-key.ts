import { showValue } from '../show-value.js'
import { keyColumns, quoteColumns } from './columns.js'
import { derivedName } from './derived-name.js'
import { checkOptions, invalidOption } from './options.js'
import { nameOf, quoteIdentifier, quoteTable, type TableName } from './quote.js'

/** What happens to a row whose parent is deleted or gets another key. */
export type ReferentialAction = (typeof actions)[number]

const actions = ['NO ACTION', 'RESTRICT', 'CASCADE', 'SET NULL', 'SET DEFAULT'] as const

export interface ForeignKeyOptions {
  /** The key's columns, without the tenant's. */
  columns: readonly string[]
  /** The parent and the columns that the key refers to, in the same order, without the tenant's. */
  references: { readonly table: TableName; readonly columns: readonly string[] }
  /** Default `'NO ACTION'`. */
  onDelete?: ReferentialAction | undefined
  /** The columns that `SET NULL` or `SET DEFAULT` on delete changes. Default: all of the key, the tenant's included. */
  onDeleteColumns?: readonly string[] | undefined
  /** Default `'NO ACTION'`. */
  onUpdate?: ReferentialAction | undefined
  /** Default: the name that Prisma gives, such as `tasks_tenant_id_project_id_fkey`. */
  name?: string | undefined
}

export interface TenantForeignKeyOptions extends ForeignKeyOptions {
  /** Column that names the tenant. Default `'tenant_id'`. */
  column?: string | undefined
  /** The parent's tenant column. Default: `column`. */
  parentColumn?: string | undefined
}

const own = ['columns', 'references', 'onDelete', 'onDeleteColumns', 'onUpdate', 'name']
const withTenant = [...own, 'column', 'parentColumn']

/**
 * SQL of a foreign key that contains the tenant. PostgreSQL checks foreign keys past all policies: without the tenant in
 * it, a row could point at another tenant's row, learn that it exists, and be deleted along with it.
 *
 * The parent needs a unique index on the same columns: `tenantUnique`. Where the key may be set to NULL, the table needs
 * `keepTenant`: Prisma's `disconnect` and SET NULL empty every column of the key, the tenant's included.
 *
 * Both tables are locked while every row is checked; {@link tenantForeignKeyOnline} checks without.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example tenantForeignKey('tasks', { columns: ['project_id'], references: { table: 'projects', columns: ['id'] } })
 * @see https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-FK
 */
export function tenantForeignKey(table: TableName, options: TenantForeignKeyOptions): string {
  checkOptions('tenantForeignKey', options, withTenant)
  return addForeignKey(table, tenantKey(table, options), '')
}

/**
 * The same for tables in use, as statements to send one by one, each in a transaction of its own. The first holds for new
 * rows at once; the second checks the old ones and stops neither reads nor writes.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example for (const statement of tenantForeignKeyOnline('tasks', key)) await client.query(statement)
 * @see https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
 */
export function tenantForeignKeyOnline(table: TableName, options: TenantForeignKeyOptions): string[] {
  checkOptions('tenantForeignKeyOnline', options, withTenant)
  const key = tenantKey(table, options)
  const validate = `ALTER TABLE ${quoteTable(table)} VALIDATE CONSTRAINT ${quoteIdentifier(key.name)};\n`
  return [addForeignKey(table, key, ' NOT VALID'), validate]
}

/**
 * SQL that drops a foreign key: the reverse of {@link tenantForeignKey}, and what comes before it where it replaces one
 * without the tenant.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example dropForeignKey('tasks', { name: 'tasks_project_id_fkey' })
 */
export function dropForeignKey(table: TableName, options: { name: string }): string {
  checkOptions('dropForeignKey', options, ['name'])
  return `ALTER TABLE ${quoteTable(table)} DROP CONSTRAINT IF EXISTS ${quoteIdentifier(options.name)};\n`
}

/**
 * SQL of a foreign key without the tenant, the reverse of {@link dropForeignKey}.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example restoreForeignKey('tasks', { columns: ['project_id'], references: { table: 'projects', columns: ['id'] } })
 */
export function restoreForeignKey(table: TableName, options: ForeignKeyOptions): string {
  checkOptions('restoreForeignKey', options, own)
  return addForeignKey(table, checkedKey(table, options), '')
}

interface CheckedKey {
  readonly name: string
  readonly columns: readonly string[]
  readonly parent: string
  readonly referred: readonly string[]
  readonly reactions: string
}

function tenantKey(table: TableName, options: TenantForeignKeyOptions): CheckedKey {
  const { column = 'tenant_id', parentColumn = column } = options
  return checkedKey(table, options, column, parentColumn)
}

function checkedKey(table: TableName, options: ForeignKeyOptions, tenant?: string, parentTenant?: string): CheckedKey {
  const columns = keyColumns('columns', tenant, options.columns)
  checkOptions('references', options.references, ['table', 'columns'])
  const referred = keyColumns('references.columns', parentTenant, options.references.columns)
  if (columns.length !== referred.length) {
    throw invalidOption(
      `The foreign key has ${columns.length} columns and refers to ${referred.length}`,
      'List as many columns in references.columns as in columns.',
    )
  }
  const { name = derivedName([nameOf(table), ...columns], 'fkey') } = options
  return {
    name,
    columns,
    parent: quoteTable(options.references.table),
    referred,
    reactions: onDelete(options, columns) + reaction('ON UPDATE', 'onUpdate', options.onUpdate),
  }
}

function addForeignKey(table: TableName, key: CheckedKey, notValid: string): string {
  const name = quoteIdentifier(key.name)
  return `ALTER TABLE ${quoteTable(table)} DROP CONSTRAINT IF EXISTS ${name}, ADD CONSTRAINT ${name}
  FOREIGN KEY ${quoteColumns(key.columns)} REFERENCES ${key.parent} ${quoteColumns(key.referred)}${key.reactions}${notValid};
`
}

function onDelete({ onDelete, onDeleteColumns }: ForeignKeyOptions, columns: readonly string[]): string {
  const whole = reaction('ON DELETE', 'onDelete', onDelete)
  if (onDeleteColumns === undefined) return whole
  const some = keyColumns('onDeleteColumns', undefined, onDeleteColumns)
  const stray = some.find((column) => !columns.includes(column))
  if (stray === undefined && (onDelete === 'SET NULL' || onDelete === 'SET DEFAULT'))
    return `${whole} ${quoteColumns(some)}`
  throw invalidOption(
    stray === undefined
      ? `The option onDeleteColumns is given, and onDelete is ${showValue(onDelete)}`
      : `The option onDeleteColumns names ${showValue(stray)}, which is not a column of the key`,
    "List columns of the key that onDelete: 'SET NULL' is to empty.",
  )
}

function reaction(event: string, option: string, action: ReferentialAction | undefined): string {
  if (action === undefined || action === 'NO ACTION') return ''
  if (actions.includes(action)) return ` ${event} ${action}`
  throw invalidOption(`The option ${option} is ${showValue(action)}`, `Use one of: ${actions.join(', ')}.`)
}
