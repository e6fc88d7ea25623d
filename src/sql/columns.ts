import { showValue } from '../show-value.js'
import { invalidOption } from './options.js'
import { checkIdentifier, quoteIdentifier } from './quote.js'

/**
 * The columns of a key: the tenant first where there is one, none of them twice.
 *
 * @throws TenancyError `CONFIG.INVALID`, `SQL.INVALID_IDENTIFIER`
 */
export function keyColumns(option: string, tenant: string | undefined, columns: unknown): string[] {
  if (!Array.isArray(columns) || columns.length === 0) {
    const what = Array.isArray(columns) ? 'an empty list' : showValue(columns)
    throw invalidOption(`The option ${option} is ${what}`, `Pass a list of columns, such as ${option}: ['id'].`)
  }
  const key: string[] = tenant === undefined ? [...columns] : [tenant, ...columns]
  key.forEach(checkIdentifier)
  if (new Set(key).size < key.length) {
    throw invalidOption(
      `The key on ${key.map(showValue).join(', ')} names a column twice`,
      'Leave the tenant column and repetitions out of the list.',
    )
  }
  return key
}

/** `("tenant_id", "id")` */
export function quoteColumns(columns: readonly string[]): string {
  return `(${columns.map(quoteIdentifier).join(', ')})`
}

/** A column of a foreign key, and the parent's column that it refers to. */
export type KeyPair = readonly [childColumn: string, parentColumn: string]

/**
 * The condition that two rows belong together by a foreign key: `parent."id" = child."project_id"`.
 *
 * @throws TenancyError `CONFIG.INVALID`, `SQL.INVALID_IDENTIFIER`
 */
export function keyPairs(keys: unknown, child: string, parent: string): string {
  const pairs = Array.isArray(keys) && keys.length > 0 && keys.every((pair) => Array.isArray(pair) && pair.length === 2)
  if (!pairs) {
    throw invalidOption(
      'The option keys is not a list of pairs of columns',
      "Write the foreign key as keys: [['project_id', 'id']], the table's own column first.",
    )
  }
  return (keys as KeyPair[])
    .map(([own, referred]) => `${parent}.${quoteIdentifier(referred)} = ${child}.${quoteIdentifier(own)}`)
    .join(' AND ')
}
