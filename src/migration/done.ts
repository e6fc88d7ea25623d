import { quoteLiteral, quoteTable, type TableName } from '../sql/quote.js'
import type { Step } from './step.js'

// Boolean SQL expressions over the catalog. Each answers false, and never an error, where table, column or role is missing.

/** Anything that runs SQL, such as a `pg.Client`. */
export interface Queryable {
  query(text: string): Promise<{ rows: unknown[] }>
}

/** The steps that a database does not have yet. */
export async function stepsLeft(db: Queryable, steps: readonly Step[]): Promise<Step[]> {
  if (steps.length === 0) return []
  // An array, since a row has at most 1,664 columns.
  const { rows } = await db.query(
    `SELECT ARRAY[${steps.map(({ done }) => `(${done}\n)`).join(', ')}]::boolean[] AS done`,
  )
  const { done } = rows[0] as { done: (boolean | null)[] }
  return steps.filter((_, index) => done[index] !== true)
}

export function columnIs(table: TableName, column: string, condition: string): string {
  return `EXISTS (SELECT FROM pg_attribute WHERE attrelid = ${regclass(table)} AND attname = ${quoteLiteral(column)}
    AND NOT attisdropped AND ${condition})`
}

export function indexIsUsable(table: TableName, name: string): string {
  return `EXISTS (SELECT FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid = ${regclass(table)} AND relname = ${quoteLiteral(name)} AND indisvalid AND indisready)`
}

export function indexIsGone(table: TableName, name: string): string {
  return `NOT EXISTS (SELECT FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid = ${regclass(table)} AND relname = ${quoteLiteral(name)})`
}

/** A valid constraint on these columns, in this order. */
export function constraintIs(table: TableName, name: string, columns: readonly string[], condition = 'true'): string {
  return `EXISTS (SELECT FROM pg_constraint WHERE conrelid = ${regclass(table)} AND conname = ${quoteLiteral(name)}
    AND convalidated AND ${condition}
    AND ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS key (number, place)
      JOIN pg_attribute ON attrelid = conrelid AND attnum = key.number ORDER BY key.place)
      = ARRAY[${columns.map(quoteLiteral).join(', ')}])`
}

export function constraintIsGone(table: TableName, name: string): string {
  return `NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = ${regclass(table)} AND conname = ${quoteLiteral(name)})`
}

/** The policy with this comment, and row-level security on, for the owner too. */
export function policyIs(table: TableName, name: string, comment: string): string {
  return `EXISTS (SELECT FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid
    WHERE polrelid = ${regclass(table)} AND polname = ${quoteLiteral(name)} AND relrowsecurity AND relforcerowsecurity
      AND obj_description(pg_policy.oid, 'pg_policy') = ${quoteLiteral(comment)})`
}

export function triggerIs(table: TableName, name: string): string {
  return `EXISTS (SELECT FROM pg_trigger WHERE tgrelid = ${regclass(table)} AND tgname = ${quoteLiteral(name)} AND tgenabled = 'O')`
}

export function regclass(table: TableName): string {
  return `to_regclass(${quoteLiteral(quoteTable(table))})`
}
