import { isSymbol, isWord, type Token } from './lexer.js'

/**
 * Functions that could name another tenant or that leave the transaction, refused before any catalog was read: they change
 * the session (setseed: what random() answers next), take a lock that outlives the transaction, or run SQL that stands
 * in a string.
 */
export const SESSION_FUNCTIONS: ReadonlySet<string> = new Set([
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
])

/** What stands between an open parenthesis or bracket and its end. */
interface Level {
  /** Whether its SELECT has been read. */
  select: boolean
  commas: number
  /** Whether these are the arguments of ts_rewrite. With two of them it runs a text as SQL. */
  readonly rewrites: boolean
}

const RUNS_TEXT = 'it calls ts_rewrite() with a query, whose text it runs'

/** What in this statement outlives its transaction, or undefined. */
export function reachesBeyondTransaction(found: Token[]): string | undefined {
  let label = false
  const levels: Level[] = [{ select: false, commas: 0, rewrites: false }]
  for (const [at, token] of found.entries()) {
    const before = found[at - 1]
    const level = levels.at(-1) as Level
    // After a dot or AS even a reserved word is a mere name, AS itself among them.
    label = isSymbol(before, '.') || (isWord(before, 'as') && !label)
    if (token.kind === 'symbol') {
      if (token.text === ',') level.commas += 1
      if (token.text === '(' || token.text === '[')
        levels.push({ select: false, commas: 0, rewrites: isRewrite(before) && token.text === '(' })
      if ((token.text === ')' || token.text === ']') && levels.length > 1) {
        levels.pop()
        if (level.rewrites && level.commas !== 2) return RUNS_TEXT
      }
    }
    if (token.kind !== 'word' && token.kind !== 'quoted') continue
    if (SESSION_FUNCTIONS.has(token.text) && isSymbol(found[at + 1], '(')) return `it calls ${token.text}()`
    if (token.text === 'pg_settings' && isUpdated(found, at)) return 'it updates pg_settings'
    if (token.kind !== 'word' || label) continue
    if (token.text === 'select') level.select = true
    // INSERT and MERGE are no reserved words: SELECT 1 insert INTO … makes a table, with a column of that name.
    if (token.text === 'into' && (level.select || !(isWord(before, 'insert') || isWord(before, 'merge'))))
      return 'SELECT INTO creates a table'
  }
  return levels.some(({ rewrites }) => rewrites) ? RUNS_TEXT : undefined
}

function isRewrite(token: Token | undefined): boolean {
  return (token?.kind === 'word' || token?.kind === 'quoted') && token.text === 'ts_rewrite'
}

/** Whether the name at this place is the table of an UPDATE: of the view pg_settings, that is SET by another name. */
function isUpdated(found: Token[], at: number): boolean {
  let before = at - 1
  // A name has at most its schema and its database before it.
  for (let part = 0; part < 2 && isSymbol(found[before], '.'); part += 1) before -= 2
  if (isSymbol(found[before], '(')) before -= 1
  if (isWord(found[before], 'only')) before -= 1
  return isWord(found[before], 'update')
}
