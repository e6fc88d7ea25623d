import { readStatement, refuseSessionStatement, type StatementKind } from '../gate/statement.js'
import type { StatementRules } from '../gate/statement-rules.js'

/** What a text asks for, in a mode that has no connection of its own to destroy afterwards. */
export function readPortableStatement(sql: string, rules: StatementRules): StatementKind {
  const statement = rules.judge(readStatement(sql))
  if (statement.kind === 'session') throw refuseSessionStatement(statement)
  return statement.kind
}
