import { showValue } from '../show-value.js'
import { quoteColumns } from './columns.js'
import { derivedName, hashedName } from './derived-name.js'
import { checkFlag, checkOptions, invalidOption } from './options.js'
import {
  checkIdentifier,
  dollarQuote,
  nameOf,
  quoteIdentifier,
  quoteIndex,
  quoteLiteral,
  quoteTable,
  type TableName,
} from './quote.js'

export interface TenantIndexOptions {
  /** Column that names the tenant, first in every index. Default `'tenant_id'`. */
  column?: string | undefined
  /**
   * The columns that follow it, one list an index, or `{ columns, name }` for an index with a name of its own. Default
   * `[['id']]`; `[]` where the schema has its own indexes that begin with the tenant.
   */
  indexes?: readonly (readonly string[] | NamedIndex)[] | undefined
  /** Build without blocking writes. Default `false`. The SQL then fails inside a transaction. */
  concurrently?: boolean | undefined
}

export interface NamedIndex {
  readonly columns: readonly string[]
  readonly name: string
}

/**
 * SQL of the indexes that a tenant's queries need: each begins with the tenant column, since every query under the
 * policy filters by it. The names are those that Prisma gives (`projects_tenant_id_id_idx`), shortened where necessary.
 *
 * With `concurrently: true` send the statements one by one, on one connection, outside any transaction, as `psql -v
 * ON_ERROR_STOP=1 -f` does. The last of them fails if an index is invalid: an interrupted build leaves one behind,
 * PostgreSQL does not use it, and IF NOT EXISTS is content with it. It is not dropped here, because another session may
 * be building it right now.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example tenantIndexes('projects', { indexes: [['id'], ['created_at']] })
 * @see https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY
 */
export function tenantIndexes(table: TableName, options: TenantIndexOptions = {}): string {
  checkOptions('tenantIndexes', options, ['column', 'indexes', 'concurrently'])
  const { concurrently = false } = options
  const create = checkFlag('concurrently', concurrently) ? 'CREATE INDEX CONCURRENTLY' : 'CREATE INDEX'
  const target = quoteTable(table)
  const named = namedIndexes(table, options)
  if (named.length === 0) return ''

  const statements = named.map(({ name, columns }) => {
    return `${create} IF NOT EXISTS ${quoteIdentifier(name)} ON ${target} ${quoteColumns(columns)};\n`
  })
  const comment = '-- The tenant comes first: every query under the policy filters by it.\n'
  const names = named.map(({ name }) => name)
  return comment + statements.join('') + (concurrently ? refuseInvalid(target, names) : '')
}

/**
 * SQL that drops the indexes of {@link tenantIndexes}, given the same options.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example dropTenantIndexes('projects', { indexes: [['id'], ['created_at']] })
 */
export function dropTenantIndexes(table: TableName, options: TenantIndexOptions = {}): string {
  checkOptions('dropTenantIndexes', options, ['column', 'indexes', 'concurrently'])
  const { concurrently } = options
  return namedIndexes(table, options)
    .map(({ name }) => dropIndex(table, { name, concurrently }))
    .join('')
}

/**
 * SQL that drops an index of the table. With `concurrently: true` nobody is blocked, and it fails inside a transaction.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example dropIndex('projects', { name: 'projects_tenant_id_name_key' })
 * @see https://www.postgresql.org/docs/current/sql-dropindex.html
 */
export function dropIndex(table: TableName, options: { name: string; concurrently?: boolean | undefined }): string {
  checkOptions('dropIndex', options, ['name', 'concurrently'])
  const { name, concurrently = false } = options
  const drop = checkFlag('concurrently', concurrently) ? 'DROP INDEX CONCURRENTLY' : 'DROP INDEX'
  return `${drop} IF EXISTS ${quoteIndex(table, name)};\n`
}

function namedIndexes(table: TableName, { column = 'tenant_id', indexes = [['id']] }: TenantIndexOptions) {
  const named = new Map<string, string[]>()
  for (const { columns, name } of columnLists(column, indexes)) {
    const parts = [nameOf(table), ...columns]
    const plain = name === undefined ? derivedName(parts, 'idx') : name
    if (name !== undefined && named.has(name)) {
      throw invalidOption(`Two indexes are named ${showValue(name)}`, 'Give each a name of its own.')
    }
    named.set(named.has(plain) ? hashedName(parts, 'idx') : plain, columns)
  }
  return [...named].map(([name, columns]) => ({ name, columns }))
}

function columnLists(column: string, indexes: unknown): { columns: string[]; name?: string }[] {
  if (!Array.isArray(indexes)) {
    throw invalidOption(
      `The option indexes is ${showValue(indexes)}`,
      "Pass lists of columns, such as [['id'], ['created_at']].",
    )
  }
  const seen = new Set<string>()
  return indexes.map((entry: unknown) => {
    const { following, name } = parseEntry(entry)
    const columns: string[] = [column, ...following]
    columns.forEach(quoteIdentifier)
    const shown = columns.map(showValue).join(', ')
    if (new Set(columns).size < columns.length) {
      throw invalidOption(
        `The index on ${shown} names a column twice`,
        'Leave the tenant column and repetitions out of the list.',
      )
    }
    if (seen.has(JSON.stringify(columns))) {
      throw invalidOption(`The index on ${shown} is listed twice`, 'Take one of the two lists out.')
    }
    seen.add(JSON.stringify(columns))
    return name === undefined ? { columns } : { columns, name }
  })
}

function parseEntry(entry: unknown): { following: string[]; name?: string } {
  const named = typeof entry === 'object' && entry !== null && !Array.isArray(entry)
  if (named) checkOptions('An index', entry, ['columns', 'name'])
  const following: unknown = named ? (entry as NamedIndex).columns : entry
  if (!Array.isArray(following) || following.length === 0) {
    const what = Array.isArray(following) ? 'an empty list' : showValue(following)
    throw invalidOption(
      `An entry of the option indexes is ${what}`,
      "Write every index as a list of columns, such as ['id'].",
    )
  }
  return named ? { following, name: checkIdentifier((entry as NamedIndex).name) } : { following }
}

function refuseInvalid(target: string, names: string[]): string {
  return `-- IF NOT EXISTS is content with the invalid index that an interrupted build leaves behind, so look.
DO ${dollarQuote(`
DECLARE
  broken regclass;
BEGIN
  SELECT indexrelid INTO broken FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
  WHERE indrelid = ${quoteLiteral(target)}::regclass AND NOT indisvalid
    AND relname IN (${names.map(quoteLiteral).join(', ')});
  IF FOUND THEN
    RAISE EXCEPTION 'Index % is invalid: its build was interrupted, or still goes on.', broken
      USING HINT = format('If nobody is building it: DROP INDEX CONCURRENTLY %s; then run this again.', broken);
  END IF;
END
`)};
`
}
