import { TenancyError } from '../errors.js'
import { type Token, tokens } from './lexer.js'

/**
 * What an SQL text asks for, as far as a shared connection is concerned.
 *
 * - `query`: reads or writes rows; runs bound
 * - `set-local`: `SET LOCAL`, `SET TRANSACTION`, `SET CONSTRAINTS`; ends with the transaction
 * - `begin`, `commit`, `rollback`: opens or ends a transaction
 * - `savepoint`: `SAVEPOINT`, `ROLLBACK TO`, `RELEASE`; sent alone, since it must work in an aborted transaction
 * - `session`: changes the connection for whoever uses it next
 */
export type StatementKind = 'query' | 'set-local' | 'begin' | 'commit' | 'rollback' | 'savepoint' | 'session'

export interface Statement {
  readonly kind: StatementKind
  /** For `session`: what makes it one. */
  readonly why?: string
  /** For `set-local`: `SET TRANSACTION`, which must come before the transaction's first query. */
  readonly beforeFirstQuery?: true
}

const MAX_CACHED = 2000
const MAX_CACHED_LENGTH = 16_384
const verdicts = new Map<string, Statement | TenancyError>()

/**
 * Reads an SQL text before it is sent.
 *
 * @throws TenancyError `QUERY.UNSUPPORTED` where no connection may carry it: several statements in one text, chained
 * or prepared transactions, COPY, a text that ends inside a string or comment
 */
export function readStatement(sql: string): Statement {
  let verdict = verdicts.get(sql)
  if (verdict === undefined) {
    // The protocol ends a text at NUL: the server would read another statement than the one that is checked here.
    if (typeof sql !== 'string' || sql.includes('\0')) {
      throw unsupported('A statement is a text without NUL.', { hint: 'Take the NUL character out.' })
    }
    verdict = judge(sql)
    // Prisma sends the same few texts again and again; raw SQL with values pasted in does not, and must not pile up.
    if (verdicts.size >= MAX_CACHED) verdicts.clear()
    if (sql.length <= MAX_CACHED_LENGTH) verdicts.set(sql, verdict)
  }
  if (verdict instanceof TenancyError) throw verdict
  return verdict
}

/** The refusal of a `session` statement, for every pool that was not told it owns its connections. */
export function refuseSessionStatement(why: string): TenancyError {
  return unsupported(`The statement was not sent: ${why}.`, {
    hint: 'Use SET LOCAL or pg_advisory_xact_lock inside a transaction, run DDL as the migrator role, set connections up in onConnect of the pool; TenantPool({ directConnections: true }) allows it on connections that no pooler shares.',
  })
}

const DATA = new Set(['select', 'with', 'values', 'table', 'insert', 'update', 'delete', 'merge', '('])
const PLAIN = new Set(['show', 'lock', 'notify'])
// Functions that change the session (setseed: what random() answers next), take a lock that outlives the transaction, or run SQL that stands in a string.
const SESSION_FUNCTIONS = new Set([
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
  'ts_rewrite',
])
const LOCAL_SETTINGS = new Set([
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'transaction_timeout',
  'work_mem',
  'synchronous_commit',
  'jit',
  'random_page_cost',
  'plan_cache_mode',
])
const query: Statement = { kind: 'query' }

function judge(sql: string): Statement | TenancyError {
  const found = tokens(sql)
  if (found === undefined) {
    return unsupported('The statement was not sent: it ends inside a string or a comment, or spells a name as U&"…".', {
      hint: 'Close the string or comment, and write names plainly.',
    })
  }
  while (isSymbol(found.at(-1), ';')) found.pop()
  while (isSymbol(found[0], ';')) found.shift()
  if (found.some((token) => isSymbol(token, ';'))) {
    return unsupported('The text holds several statements, and only one can be bound to the tenant at a time.', {
      hint: 'Send them one by one, inside prisma.$transaction(async (tx) => …) where they belong together.',
    })
  }
  const why = reachesBeyondTransaction(found)
  if (why !== undefined) return { kind: 'session', why }
  return byKeyword(found)
}

function byKeyword(found: Token[]): Statement | TenancyError {
  const words = found.map((token) => (token.kind === 'quoted' || token.kind === 'literal' ? '' : token.text))
  const first = words[0]
  if (first === undefined || DATA.has(first) || PLAIN.has(first)) return query
  switch (first) {
    case 'explain':
      return DATA.has(explained(words) ?? '')
        ? query
        : session('EXPLAIN of such a statement can leave something in the session')
    case 'begin':
      return transactionControl('begin', words.slice(1))
    case 'start':
      if (words[1] === 'transaction') return transactionControl('begin', words.slice(2))
      break
    case 'commit':
    case 'end':
      return transactionControl('commit', words.slice(1))
    case 'rollback':
    case 'abort':
      return transactionControl('rollback', words.slice(1))
    case 'savepoint':
    case 'release':
      return { kind: 'savepoint' }
    case 'set':
      // SET transaction.name = … is a session's setting like any other.
      if (['.', '=', 'to'].includes(words[2] ?? '')) return session('SET changes the session')
      // And so is SET LOCAL jit.name = …, which may be where the tenant stands.
      if (words[1] === 'local' && words[3] === '.') return session('SET changes the session')
      if (words[1] === 'transaction') return { kind: 'set-local', beforeFirstQuery: true }
      if (words[1] === 'constraints') return { kind: 'set-local' }
      if (words[1] === 'local' && LOCAL_SETTINGS.has(words[2] ?? '')) return { kind: 'set-local' }
      if (words[1] === 'local' && /^enable_[a-z]+$/.test(words[2] ?? '')) return { kind: 'set-local' }
      return session('SET changes the session')
    case 'copy':
      return unsupported('COPY was not sent: it cannot be bound to the tenant in one flight.', {
        hint: 'Insert with createMany or INSERT … SELECT FROM unnest($1::…[]), or COPY as the migrator role on a pg.Client of its own.',
      })
  }
  return session(
    `${/^[a-z]+$/.test(first) ? first.toUpperCase() : 'it'} can leave something in the session, or is not for the app role`,
  )
}

const BEGIN_MODES =
  /^(?:work |transaction )?(?:(?:isolation level (?:serializable|repeatable read|read committed|read uncommitted)|read (?:write|only)|(?:not )?deferrable) ?(?:, )?)*$/

function transactionControl(kind: 'begin' | 'commit' | 'rollback', rest: string[]): Statement | TenancyError {
  const text = rest.length === 0 ? '' : `${rest.join(' ')} `
  if (kind === 'begin' && BEGIN_MODES.test(text)) return { kind }
  if (kind === 'rollback' && /^(?:work |transaction )?to /.test(text)) return { kind: 'savepoint' }
  if (kind !== 'begin' && /^(?:work |transaction )?(?:and no chain )?$/.test(text)) return { kind }
  return unsupported('The statement was not sent: chained and prepared transactions are not bound to a tenant.', {
    hint: 'End the transaction plainly and open a new one.',
  })
}

/** The first keyword of what EXPLAIN explains. */
function explained(words: string[]): string | undefined {
  let at = 1
  if (words[at] === '(' && !DATA.has(words[at + 1] ?? '')) {
    const end = words.indexOf(')')
    if (end === -1) return undefined
    at = end + 1
  }
  while (words[at] === 'analyze' || words[at] === 'analyse' || words[at] === 'verbose') at += 1
  return words[at]
}

/** What in this statement outlives its transaction, or undefined. */
function reachesBeyondTransaction(found: Token[]): string | undefined {
  let updates = false
  let settingsView = false
  let label = false
  // One for each open parenthesis: has its SELECT been read?
  const selects = [false]
  for (const [at, token] of found.entries()) {
    const before = found[at - 1]
    // After a dot or AS even a reserved word is a mere name, AS itself among them.
    label = isSymbol(before, '.') || (isWord(before, 'as') && !label)
    if (isSymbol(token, '(')) selects.push(false)
    if (isSymbol(token, ')') && selects.length > 1) selects.pop()
    if (token.kind !== 'word' && token.kind !== 'quoted') continue
    if (SESSION_FUNCTIONS.has(token.text) && isSymbol(found[at + 1], '(')) return `it calls ${token.text}()`
    if (token.text === 'pg_settings') settingsView = true
    if (token.kind !== 'word') continue
    if (token.text === 'update') updates = true
    if (label) continue
    if (token.text === 'select') selects[selects.length - 1] = true
    // INSERT and MERGE are no reserved words: SELECT 1 insert INTO … makes a table, with a column of that name.
    if (token.text === 'into' && (selects.at(-1) || !(isWord(before, 'insert') || isWord(before, 'merge'))))
      return 'SELECT INTO creates a table'
  }
  // An UPDATE of this view is SET by another name.
  return updates && settingsView ? 'it updates pg_settings' : undefined
}

function session(why: string): Statement {
  return { kind: 'session', why }
}

function isSymbol(token: Token | undefined, text: string): boolean {
  return token?.kind === 'symbol' && token.text === text
}

function isWord(token: Token | undefined, text: string): boolean {
  return token?.kind === 'word' && token.text === text
}

function unsupported(message: string, details: { hint: string }): TenancyError {
  return new TenancyError('QUERY.UNSUPPORTED', message, details)
}
