import { checkAggregate, checkCovers } from './aggregate.js'
import type { AcrossUse } from './use.js'

/** Throws where an answer must not be handed out. Rows are lists of values, in the order of the columns. */
export type AnswerCheck = (columns: readonly string[], rows: readonly (readonly unknown[])[]) => void

/**
 * Counts a statement of a use of `acrossTenants`, and refuses it where the use does not allow it.
 *
 * @returns what its answer must pass, where that is anything
 */
export function watch(use: AcrossUse, sql: string): AnswerCheck | undefined {
  use.statements += 1
  const limit = use.aggregateOnly
  if (limit === undefined) return undefined
  checkAggregate(sql, limit)
  return (columns, rows) => checkCovers(columns, rows, limit)
}
