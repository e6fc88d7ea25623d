import { keyColumns, type Made } from './rows.js'
import { fieldOf } from './targets.js'

/** A row of the client's. */
export type Row = Readonly<Record<string, unknown>>

/** `where` that names the row for findMany; undefined where the client does not know the columns that tell it. */
export function whereOf(made: Made): Record<string, unknown> | undefined {
  const where: Record<string, unknown> = {}
  for (const column of keyColumns(made)) {
    const field = fieldOf(made.target, column)
    if (!field) return undefined
    where[field.name] = made.row?.[field.name] ?? fromText(field.type, made.values[column] ?? null)
  }
  return where
}

/** PostgreSQL's text of a value as Prisma takes it. */
export function fromText(type: string, text: string | null): unknown {
  if (text === null) return null
  if (type === 'Int' || type === 'Float') return Number(text)
  if (type === 'BigInt') return BigInt(text)
  if (type === 'Boolean') return text === 'true' || text === 't'
  if (type === 'Json') return JSON.parse(text)
  if (type === 'DateTime') return new Date(/\d{2}:\d{2}/.test(text) ? text : `${text}T00:00:00Z`)
  if (type === 'Bytes') return Buffer.from(text.slice(2), 'hex')
  return text
}
