import { readStatement, refuseSessionStatement, type StatementKind } from '../gate/statement.js'

/** What a text asks for, in a mode that has no connection of its own to destroy afterwards. */
export function readPortableStatement(sql: string): StatementKind {
  const { kind, why } = readStatement(sql)
  if (kind === 'session') throw refuseSessionStatement(why ?? 'it changes the session')
  return kind
}
