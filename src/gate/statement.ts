import { TenancyError } from '../errors.js'
import { isSymbol, type Token, tokens } from './lexer.js'
import { mayBeSetLocally } from './local-settings.js'
import { reachesBeyondTransaction } from './reach.js'
import { Verdicts } from './verdicts.js'

/**
 * What an SQL text asks for, as far as a shared connection is concerned.
 *
 * - `query`: reads or writes rows; runs bound
 * - `set-local`: `SET LOCAL`, `SET TRANSACTION`, `SET CONSTRAINTS`; ends with the transaction
 * - `begin`, `commit`, `rollback`: opens or ends a transaction
 * - `savepoint`: `SAVEPOINT`, `ROLLBACK TO`, `RELEASE`; sent alone, since it must work in an aborted transaction
 * - `session`: changes the connection for its next user, or what other tenants share
 */
export type StatementKind = 'query' | 'set-local' | 'begin' | 'commit' | 'rollback' | 'savepoint' | 'session'

export interface Statement {
  readonly kind: StatementKind
  /** For `session`: what makes it one, and what to do instead. */
  readonly why?: string
  readonly hint?: string
  /** For `set-local`: `SET TRANSACTION`, which must come before the transaction's first query. */
  readonly beforeFirstQuery?: true
  /** For `query`: what it calls and which statistics views it reads, for `StatementRules` to judge. */
  readonly calls?: readonly string[]
  readonly views?: readonly string[]
  /** For `query`: it is EXPLAIN. */
  readonly explains?: true
}

/** A refusal in words: each time it is thrown it is an error of its own, with the stack of its own caller. */
interface Refusal {
  readonly refused: string
  readonly hint: string
}

const MAX_CACHED_BYTES = 4 * 2 ** 20
const verdicts = new Verdicts<Statement | Refusal>(MAX_CACHED_BYTES)

/**
 * Reads an SQL text before it is sent.
 *
 * @throws TenancyError `QUERY.UNSUPPORTED` where no connection may carry it: several statements in one text, chained
 * or prepared transactions, COPY, a text that ends inside a string or comment
 */
export function readStatement(sql: string): Statement {
  let verdict = verdicts.get(sql)
  if (verdict === undefined) {
    verdict = judge(sql)
    if (typeof sql === 'string') verdicts.keep(sql, verdict, sizeOf(verdict))
  }
  if ('refused' in verdict) throw unsupported(verdict.refused, verdict)
  return verdict
}

/** The refusal of a `session` statement, for every pool that was not told it owns its connections. */
export function refuseSessionStatement({ why = 'it changes the session', hint }: Statement): TenancyError {
  return unsupported(`The statement was not sent: ${why}.`, {
    hint:
      hint ??
      'Use SET LOCAL or pg_advisory_xact_lock inside a transaction, run DDL as the migrator role, set connections up in onConnect of the pool; TenantPool({ directConnections: true }) allows it on connections that no pooler shares.',
  })
}

const DATA = new Set(['select', 'with', 'values', 'table', 'insert', 'update', 'delete', 'merge', '('])
const PLAIN = new Set(['show', 'notify'])
// Commands that PostgreSQL has, and an app role no use for on a shared connection.
const OTHERS = new Set(
  'alter analyze analyse call checkpoint close cluster comment create deallocate declare delete discard do drop execute fetch grant import listen load move prepare reassign refresh reindex reset revoke security truncate unlisten vacuum'.split(
    ' ',
  ),
)
// To these modes every tenant's reads and writes are nothing (https://www.postgresql.org/docs/current/explicit-locking.html).
const LOCKS_THAT_LET_OTHERS_WRITE = /^(?:access share|row share|row exclusive|share update exclusive)$/
// Views that show the SQL texts of other tenants, and counts that tell their values.
const SHARED_VIEWS = /^(?:pg_stat(?:io)?_.*|pg_prepared_statements|pg_cursors)$/
const query: Statement = { kind: 'query' }

function judge(sql: string): Statement | Refusal {
  // The protocol ends a text at NUL: the server would read another statement than the one that is checked here.
  if (typeof sql !== 'string' || sql.includes('\0'))
    return refusal('A statement is a text without NUL.', 'Take the NUL character out.')
  const all = tokens(sql)
  if (all === undefined) {
    return refusal(
      'The statement was not sent: it ends inside a string or a comment, or spells a name as U&"…".',
      'Close the string or comment, and write names plainly.',
    )
  }
  let [start, end] = [0, all.length]
  while (end > start && isSymbol(all[end - 1], ';')) end -= 1
  while (start < end && isSymbol(all[start], ';')) start += 1
  const found = all.slice(start, end)
  if (found.some((token) => isSymbol(token, ';'))) {
    return refusal(
      'The text holds several statements, and only one can be bound to the tenant at a time.',
      'Send them one by one, inside prisma.$transaction(async (tx) => …) where they belong together.',
    )
  }
  const why = reachesBeyondTransaction(found)
  if (why !== undefined) return { kind: 'session', why }
  return byKeyword(found)
}

function byKeyword(found: Token[]): Statement | Refusal {
  const words = found.map((token) => (token.kind === 'quoted' || token.kind === 'literal' ? '' : token.text))
  const first = words[0]
  if (first === undefined || DATA.has(first) || PLAIN.has(first)) return naming(found, query)
  switch (first) {
    case 'explain':
      if (!DATA.has(explained(words) ?? ''))
        return session('EXPLAIN of such a statement can leave something in the session')
      return naming(found, { kind: 'query', explains: true })
    case 'lock':
      if (LOCKS_THAT_LET_OTHERS_WRITE.test(lockMode(words))) return query
      return session(
        `a lock ${lockMode(words) ? `IN ${lockMode(words).toUpperCase()} MODE` : 'in ACCESS EXCLUSIVE MODE, the default,'} stops the reads or writes of every tenant`,
        'SELECT pg_advisory_xact_lock($1) with tenantLockKey(…) for one tenant, or SELECT … FOR UPDATE for its rows.',
      )
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
      if (words[1] === 'transaction') return { kind: 'set-local', beforeFirstQuery: true }
      if (words[1] === 'constraints') return { kind: 'set-local' }
      if (words[1] !== 'local') return session('SET changes the session')
      if (mayBeSetLocally(words.slice(2))) return { kind: 'set-local' }
      return session(
        'SET LOCAL of this setting could change what is read, or whose',
        "SET LOCAL works for time limits, planner and formatting settings. Declare settings of your own: settings: ['app.user_id'], and give them to withTenant.",
      )
    case 'copy':
      return refusal(
        'COPY was not sent: it cannot be bound to the tenant in one flight.',
        'Insert with createMany or INSERT … SELECT FROM unnest($1::…[]), or COPY as the migrator role on a pg.Client of its own.',
      )
  }
  if (OTHERS.has(first))
    return session(`${first.toUpperCase()} can leave something in the session, or is not for the app role`)
  return session(
    `it begins with ${/^[a-z_]{1,30}$/.test(first) ? `"${first}"` : 'no keyword'}, and not with SELECT, WITH, VALUES, TABLE, INSERT, UPDATE, DELETE, MERGE, EXPLAIN or SHOW`,
    'Look at how the statement begins.',
  )
}

/** The lock mode of LOCK, or `''` where it names none. */
function lockMode(words: string[]): string {
  const start = words.lastIndexOf('in')
  const [mode] = /^[a-z ]+(?= mode(?: nowait)?$)/.exec(words.slice(start + 1).join(' ')) ?? []
  return start === -1 ? '' : (mode ?? '')
}

/** The query with the names in it on which a catalog decides. */
function naming(found: Token[], statement: Statement): Statement {
  const calls = new Set<string>()
  const views = new Set<string>()
  for (const [at, { kind, text }] of found.entries()) {
    if (kind !== 'word' && kind !== 'quoted') continue
    if (isSymbol(found[at + 1], '(')) calls.add(asPostgresCutsIt(text))
    else if (SHARED_VIEWS.test(text)) views.add(text)
  }
  if (calls.size === 0 && views.size === 0) return statement
  return { ...statement, ...(calls.size > 0 && { calls: [...calls] }), ...(views.size > 0 && { views: [...views] }) }
}

/** PostgreSQL uses a name's first 63 bytes, in whole characters. */
function asPostgresCutsIt(name: string): string {
  // No UTF-16 unit takes more than three bytes.
  if (name.length <= 21 || Buffer.byteLength(name) <= 63) return name
  return Buffer.from(name)
    .subarray(0, 63)
    .toString()
    .replace(/\ufffd+$/, '')
}

function sizeOf(verdict: Statement | Refusal): number {
  if ('refused' in verdict) return 0
  // Names are parts of the text, and kept by reference to it.
  return ((verdict.calls?.length ?? 0) + (verdict.views?.length ?? 0)) * 40
}

const BEGIN_MODES =
  /^(?:work |transaction )?(?:(?:isolation level (?:serializable|repeatable read|read committed|read uncommitted)|read (?:write|only)|(?:not )?deferrable) ?(?:, )?)*$/

function transactionControl(kind: 'begin' | 'commit' | 'rollback', rest: string[]): Statement | Refusal {
  const text = rest.length === 0 ? '' : `${rest.join(' ')} `
  if (kind === 'begin' && BEGIN_MODES.test(text)) return { kind }
  if (kind === 'rollback' && /^(?:work |transaction )?to /.test(text)) return { kind: 'savepoint' }
  if (kind !== 'begin' && /^(?:work |transaction )?(?:and no chain )?$/.test(text)) return { kind }
  return refusal(
    'The statement was not sent: chained and prepared transactions are not bound to a tenant.',
    'End the transaction plainly and open a new one.',
  )
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

function session(why: string, hint?: string): Statement {
  return hint === undefined ? { kind: 'session', why } : { kind: 'session', why, hint }
}

function refusal(refused: string, hint: string): Refusal {
  return { refused, hint }
}

function unsupported(message: string, details: { hint: string }): TenancyError {
  return new TenancyError('QUERY.UNSUPPORTED', message, details)
}
