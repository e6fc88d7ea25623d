import assert from 'node:assert/strict'
import type { Company } from '../companies.js'
import type { Stage } from '../stage.js'

export interface Attack {
  readonly tried: string
  /** Answers with how it ended; throws where it got through, or where there was nothing to get at. */
  attempt(stage: Stage): Promise<string>
}

/** Runs what has to be refused with this code, and answers with the sentence for it. */
export async function refused(code: string, run: () => PromiseLike<unknown>): Promise<string> {
  const error = await Promise.resolve(run()).then(
    () => assert.fail(`it went through, and ${code} was to refuse it`),
    (error: unknown) => error,
  )
  const { code: actual } = error as { code?: unknown }
  if (actual !== code) throw error
  return `refused: ${code}`
}

export interface Row {
  readonly id: string
  readonly tenant_id: string
}

/** The company's rows as they really are. An attack on nothing proves nothing, so there must be some. */
export async function rowsOf(
  { truth }: Stage,
  company: Company,
  table: 'projects' | 'tasks',
): Promise<[Row, ...Row[]]> {
  const [first, ...others] = await truth<Row>(`SELECT * FROM ${table} WHERE tenant_id = $1 ORDER BY id`, [company.id])
  assert.ok(first, `${company.name} has no ${table}`)
  return [first, ...others]
}

/** Runs an attack on the victim's rows, and has every one of them afterwards as it was before. */
export async function leavesUntouched(stage: Stage, attack: () => Promise<string>): Promise<string> {
  const rows = async (): Promise<Row[][]> => [
    await rowsOf(stage, stage.victim, 'projects'),
    await rowsOf(stage, stage.victim, 'tasks'),
  ]
  const before = await rows()
  const ended = await attack()
  assert.deepEqual(await rows(), before, `${stage.victim.name}'s rows have changed`)
  return ended
}
