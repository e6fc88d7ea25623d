import { TenancyError } from '../errors.js'
import type { OnlineAction } from '../migration/step.js'
import { sqlState } from './failures.js'
import type { Run } from './session.js'

type CheckAction = Extract<OnlineAction, { kind: 'check' }>

/**
 * Refuses to go on while there are rows that the next action could not bear. Changes nothing.
 *
 * @throws TenancyError `MIGRATION.ROWS` with their number, and the query that lists them in the hint
 */
export async function checkRows(run: Pick<Run, 'client'>, title: string, action: CheckAction): Promise<void> {
  const query = action.sql.trim().replace(/;$/, '')
  // Almost always there is none, and the first row is the whole answer. The line break ends a comment.
  const { rowCount } = await run.client.query(`SELECT FROM (${query}\n) AS found LIMIT 1`)
  if (rowCount === 0) return
  const { rows } = await run.client.query<{ count: string }>(`SELECT count(*) FROM (${query}\n) AS found`)
  const count = Number(rows[0]?.count)
  throw new TenancyError('MIGRATION.ROWS', `${title}: ${action.problem} (${count} ${count === 1 ? 'row' : 'rows'}).`, {
    hint: `${action.hint} This lists them: ${query};`,
    meta: { count },
  })
}

/**
 * The same before anything is changed, as far as it can be asked by then: a check of a column that a step is still to add
 * waits for its turn.
 */
export async function checkRowsAhead(run: Pick<Run, 'client'>, title: string, action: CheckAction): Promise<void> {
  try {
    await checkRows(run, title, action)
  } catch (error) {
    const state = sqlState(error)
    // undefined_column, undefined_table, undefined_function, undefined_object, invalid_schema_name
    if (state === '42703' || state === '42P01' || state === '42883' || state === '42704' || state === '3F000') return
    throw error
  }
}
