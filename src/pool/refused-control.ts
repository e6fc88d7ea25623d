import { readStatement } from '../gate/statement.js'
import { isPrismaQuery } from '../prisma-internals.js'
import type { RefusedControl } from './admission.js'
import { readInput } from './query-input.js'

/**
 * What to make of a refused statement that opens or ends a transaction; throws the refusal of any other.
 *
 * Many libraries send BEGIN before their `try`, and a client whose BEGIN fails there is never given back: its refusal is
 * held until the next statement. SET TRANSACTION follows it. ROLLBACK needs no scope, since it can only undo.
 * A text that is more than a BEGIN has no statement after it to be refused in its place, and is refused at once.
 * Prisma's adapter gives back what it could not BEGIN.
 */
export function admitControl(refusal: unknown, config: unknown, values: unknown): RefusedControl {
  const fromPrisma = isPrismaQuery(config)
  const statement = controlOf(textOf(config), fromPrisma)
  if (statement === undefined) throw refusal
  return { refusal, statement, input: readInput(config, values), fromPrisma }
}

function textOf(config: unknown): string {
  try {
    const text = typeof config === 'string' ? config : (config as { text?: unknown } | null | undefined)?.text
    return typeof text === 'string' ? text : ''
  } catch {
    return ''
  }
}

function controlOf(text: string, fromPrisma: boolean): RefusedControl['statement'] | undefined {
  try {
    const statement = readStatement(text)
    const { kind, beforeFirstQuery } = statement
    return kind === 'rollback' || beforeFirstQuery || (kind === 'begin' && !fromPrisma) ? statement : undefined
  } catch {
    return undefined
  }
}
