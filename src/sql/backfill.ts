import { showValue } from '../show-value.js'
import { type KeyPair, keyPairs } from './columns.js'
import { checkOptions, invalidOption } from './options.js'
import { type TenantColumnType, tenantSqlType } from './policies.js'
import { quoteIdentifier, quoteLiteral, quoteTable, type TableName } from './quote.js'

/** Where rows without a tenant get theirs from: one tenant for all of them, or each from its parent row. */
export type TenantSource =
  | { readonly tenant: string }
  | {
      readonly parent: {
        readonly table: TableName
        /** The parent's tenant column. Default `'tenant_id'`. */
        readonly column?: string | undefined
        /** The foreign key: pairs of a column of the table and the parent's column that it refers to. */
        readonly keys: readonly KeyPair[]
      }
    }

export interface BackfillOptions {
  /** Column that names the tenant. Default `'tenant_id'`. */
  column?: string | undefined
  /** Its type. Default `'uuid'`. */
  type?: TenantColumnType | undefined
  from: TenantSource
}

/**
 * SQL that gives every row without a tenant its tenant, in one statement; run again, it finds none. On a large table in
 * use, update in batches instead, with {@link backfillValue}.
 *
 * Run it before row-level security is on, or as a role that skips policies: others see no row without a tenant, the
 * table's owner included, and the statement would update none.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example backfillTenant('tasks', { from: { parent: { table: 'projects', keys: [['project_id', 'id']] } } })
 */
export function backfillTenant(table: TableName, options: BackfillOptions): string {
  checkOptions('backfillTenant', options, ['column', 'type', 'from'])
  const { column: name = 'tenant_id' } = options
  const column = quoteIdentifier(name)
  const value = backfillValue(options)
  return `UPDATE ${quoteTable(table)} AS "child" SET ${column} = ${value} WHERE "child".${column} IS NULL;\n`
}

/**
 * The SQL expression for the tenant of a row of the table, which the statement around it names `"child"`.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example backfillValue({ type: 'int', from: { tenant: '42' } }) // '42'::integer
 */
export function backfillValue(options: Pick<BackfillOptions, 'type' | 'from'>): string {
  const { type, from } = options
  const sqlType = tenantSqlType(type)
  checkOptions('from', from, ['tenant', 'parent'])
  const both = { ...from }
  if ('tenant' in both === 'parent' in both) {
    throw invalidOption('The option from names neither a tenant nor a parent, or both', "Write from: { tenant: '…' }.")
  }
  if ('tenant' in from) {
    if (typeof from.tenant === 'string' && from.tenant !== '') return `${quoteLiteral(from.tenant)}::${sqlType}`
    throw invalidOption(`The tenant to fill in is ${showValue(from.tenant)}`, "Write its id as text, such as '42'.")
  }
  checkOptions('from.parent', from.parent, ['table', 'column', 'keys'])
  const { table, column = 'tenant_id', keys } = from.parent
  const tenant = `"parent".${quoteIdentifier(column)}`
  return `(SELECT ${tenant} FROM ${quoteTable(table)} AS "parent" WHERE ${keyPairs(keys, '"child"', '"parent"')})`
}
