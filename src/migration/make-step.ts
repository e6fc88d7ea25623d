import { createHash } from 'node:crypto'
import { quoteTable } from '../sql/quote.js'
import type { OnlineAction, Step } from './step.js'

export interface StepParts extends Omit<Step, 'key' | 'down'> {
  /** What the step makes, such as `policy`. */
  readonly what: string
  /** Its name, where a table can have several. */
  readonly name?: string | undefined
  readonly down?: string | undefined
  /** What the end state depends on besides `sql`. */
  readonly dependsOn?: string | undefined
}

/** A step whose key tells what it makes, of what, and by which SQL: another SQL is another step. */
export function makeStep({ what, name, dependsOn = '', down = '', ...step }: StepParts): Step {
  const subject = [step.table === undefined ? [] : quoteTable(step.table), name ?? []].flat()
  return { ...step, down, key: [what, ...subject, fingerprint(step.sql + dependsOn)].join(' ') }
}

/** Eight hexadecimal digits, equal for equal text. */
export function fingerprint(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}

export const transaction = (sql: string): OnlineAction => ({ kind: 'transaction', sql })
export const statement = (sql: string): OnlineAction => ({ kind: 'statement', sql })
