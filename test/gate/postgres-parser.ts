// What PostgreSQL's own parser says of a text, in the gate's words.
import { loadModule, parseSync } from 'libpg-query'

import type { StatementKind } from '../../src/gate/statement.js'

/** What the gate must answer: `refused` is an error, and `not a query` leaves it the choice between that and `session`. */
export type Expected = StatementKind | 'refused' | 'not a query'

export const sessionFunctions = [
  'set_config',
  'setseed',
  'pg_advisory_lock',
  'pg_advisory_lock_shared',
  'pg_try_advisory_lock',
  'pg_try_advisory_lock_shared',
  'pg_advisory_unlock_all',
  'query_to_xml',
  'query_to_xmlschema',
  'query_to_xml_and_xmlschema',
  'ts_stat',
  'xpath_table',
] as const

type Node = Readonly<Record<string, unknown>>

const DATA = ['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']
const ALSO_BOUND = ['VariableShowStmt', 'NotifyStmt']
/** LOCK's modes as the parser counts them: up to SHARE UPDATE EXCLUSIVE. */
const LAST_MODE_BESIDE_WRITES = 4
const TRANSACTION: Readonly<Record<string, StatementKind>> = {
  TRANS_STMT_BEGIN: 'begin',
  TRANS_STMT_START: 'begin',
  TRANS_STMT_COMMIT: 'commit',
  TRANS_STMT_ROLLBACK: 'rollback',
  TRANS_STMT_SAVEPOINT: 'savepoint',
  TRANS_STMT_RELEASE: 'savepoint',
  TRANS_STMT_ROLLBACK_TO: 'savepoint',
}

export async function loadParser(): Promise<void> {
  await loadModule()
}

/** Undefined where PostgreSQL would refuse the text itself. */
export function expectedOf(sql: string): Expected | undefined {
  const statements = parse(sql)
  if (statements === undefined) return undefined
  const [statement, ...others] = statements
  if (statement === undefined) return 'query'
  if (others.length > 0) return 'refused'
  const [type = '', node] = only(statement)
  if (reachesBeyondTransaction(statement)) return 'not a query'
  if (DATA.includes(type) || ALSO_BOUND.includes(type)) return 'query'
  if (type === 'LockStmt') return Number(node['mode']) <= LAST_MODE_BESIDE_WRITES ? 'query' : 'not a query'
  if (type === 'ExplainStmt') return DATA.includes(only(node['query'] as Node)[0] ?? '') ? 'query' : 'not a query'
  if (type === 'TransactionStmt')
    return node['chain'] ? 'refused' : (TRANSACTION[String(node['kind'])] ?? 'not a query')
  if (type === 'ConstraintsSetStmt' || (type === 'VariableSetStmt' && /^TRANSACTION/.test(String(node['name']))))
    return 'set-local'
  return 'not a query'
}

/** Does it call a function of the list, create a table as SELECT INTO, or update pg_settings? */
function reachesBeyondTransaction(statement: Node): boolean {
  return some(statement, (key, node) => {
    if (key === 'FuncCall') {
      const name = lastName(node['funcname'])
      // With three arguments it runs no text.
      if (name === 'ts_rewrite') return (node['args'] as unknown[] | undefined)?.length !== 3
      return (sessionFunctions as readonly string[]).includes(name)
    }
    if (node['intoClause'] !== undefined) return true
    if (key === 'UpdateStmt') return (node['relation'] as Node)['relname'] === 'pg_settings'
    return false
  })
}

function some(value: unknown, test: (key: string, node: Node) => boolean): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(
    ([key, child]) => (typeof child === 'object' && child !== null && test(key, child as Node)) || some(child, test),
  )
}

function lastName(names: unknown): string {
  const last = (names as { String?: { sval?: string } }[]).at(-1)
  return last?.String?.sval ?? ''
}

function only(node: Node): [type: string, node: Node] {
  return Object.entries(node)[0] as [string, Node]
}

function parse(sql: string): Node[] | undefined {
  try {
    return (parseSync(sql) as { stmts: { stmt: Node }[] }).stmts.map(({ stmt }) => stmt)
  } catch (error) {
    // The wasm wrapper refuses the empty text before the parser sees it.
    return String(error).includes('cannot be empty') ? [] : undefined
  }
}
