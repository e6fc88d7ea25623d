import { quoteIdentifier, quoteTable, type TableName } from '../sql/quote.js'

/** An index or a unique index, as the Prisma schema has it. */
export interface IndexShape {
  readonly name: string
  readonly columns: readonly string[]
  readonly descending?: readonly string[] | undefined
  /** The condition of a partial index, as the Prisma schema writes it. */
  readonly where?: string | undefined
}

export type IndexKind = 'INDEX' | 'UNIQUE INDEX'

/** One statement; `concurrently` builds without blocking writes, and fails inside a transaction. */
export function createIndex(kind: IndexKind, table: TableName, index: IndexShape, concurrently = false): string {
  const { name, columns, descending = [], where } = index
  const list = columns
    .map((column) => quoteIdentifier(column) + (descending.includes(column) ? ' DESC' : ''))
    .join(', ')
  const how = concurrently ? `${kind} CONCURRENTLY` : kind
  const condition = where === undefined ? '' : ` WHERE ${where}`
  return `CREATE ${how} IF NOT EXISTS ${quoteIdentifier(name)} ON ${quoteTable(table)} (${list})${condition};\n`
}
