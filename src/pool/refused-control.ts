import { readStatement } from '../gate/statement.js'
import { isPrismaQuery } from '../prisma-internals.js'
import type { RefusedControl } from './admission.js'
import { readInput } from './query-input.js'

/**
 * What to make of a refused statement that opens or ends a transaction; throws the refusal of any other.
 *
 * Many libraries send BEGIN before their `try`, and a client whose BEGIN fails there is never given back: its refusal is
 * held until the next statement. SET TRANSACTION follows it. ROLLBACK needs no scope, since it can only undo.
 * Prisma's adapter gives back what it could not BEGIN.
 */
export function admitControl(refusal: unknown, config: unknown, values: unknown): RefusedControl {
  const text = textOf(config)
  const fromPrisma = isPrismaQuery(config)
  // Any BEGIN, one that the gate itself refuses among them.
  if (/^\s*(?:begin|start)\b/i.test(text) && !fromPrisma)
    return { refusal, statement: { kind: 'begin' }, input: readInput('BEGIN', undefined), fromPrisma }
  const statement = controlOf(text)
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

function controlOf(text: string): RefusedControl['statement'] | undefined {
  try {
    const statement = readStatement(text)
    return statement.kind === 'rollback' || statement.beforeFirstQuery ? statement : undefined
  } catch {
    return undefined
  }
}
