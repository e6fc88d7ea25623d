// Proves that the gate reads SQL as PostgreSQL does: texts put together at random, of which PostgreSQL's own parser (in
// libpg-query) says what they are. Whatever it parses to something that reaches beyond its transaction, the gate refuses.
import { loadModule, parseSync } from 'libpg-query'
import { beforeAll, describe, expect, test } from 'vitest'
import { readStatement } from '../../src/gate/statement.js'
import { scaled } from '../support/scale.js'
import { ATTACKS, REFUSED } from './hostile-statements.js'

const TEXTS = scaled(10_000_000)
const STARTS = [
  'select ',
  'SELECT 1 ',
  'with a as (select 1) ',
  '(select ',
  'explain analyze select ',
  'insert into t select ',
  'set ',
  'update pg_settings set ',
  "SELECT E'a'\n",
  '',
  '',
]
const PIECES = [
  'select',
  '1',
  'a',
  't',
  'insert',
  'merge',
  'into',
  'INTO TEMP x',
  'temp',
  'as',
  'AS',
  'from',
  'FROM t',
  '.',
  ',',
  '(',
  ')',
  '(SELECT 1)',
  'with a as (select 1)',
  'insert into t',
  'values (1)',
  'values',
  "E'a'",
  "'a'",
  '\n',
  "'\\''",
  "' '",
  '--',
  '-- c\n',
  '/*',
  '*/',
  '/* /* */',
  '$$',
  '$a$',
  '$1',
  "set_config('a','b',false)",
  '"set_config"',
  'set_config',
  'U&',
  "U&'a'",
  'U&"a"',
  'u',
  '&',
  '"',
  '""',
  'e',
  'E',
  'n',
  "N'a'",
  "b'1'",
  '1.',
  '1.5e',
  '..',
  ';',
  'update',
  'pg_settings',
  'set',
  "setting='1'",
  'explain',
  'analyze',
  'create temp table y as',
  'table t',
  'union',
  'all',
  'returning 1',
  '::text',
  '[',
  ']',
  "'",
  '\\',
  "''",
  "E'",
  "\\'",
  '$',
  '$b',
  'a$1',
  '0x1',
  '*',
  '-',
  '/',
  '+',
  'local',
  'transaction',
  'begin',
  'commit',
  'and chain',
  'as into',
  'as as',
  '.as',
  '.insert',
  '.into',
  '\r',
  '\t',
  '\u00a0',
  'for update',
  'on conflict do nothing',
  'default',
  'recursive',
  '= 1',
]
const ORDINARY = /^(?:Select|Insert|Update|Delete|Merge|Explain|VariableShow|Lock|Notify)Stmt$/

beforeAll(() => loadModule())

test(`of ${TEXTS} random texts none passes the gate that PostgreSQL reads otherwise`, { timeout: 600_000 }, () => {
  const seed = Number(process.env.TENANCY_SEED ?? Date.now() % 2 ** 31)
  const pick = chooser(seed)
  let parsed = 0
  for (let i = 0; i < TEXTS; i++) {
    let text = pick(STARTS)
    for (let length = pick([1, 2, 3, 4, 5, 6, 7, 8]); length > 0; length--) text += pick(PIECES) + pick(['', ' '])
    const reaches = passes(text) ? whatReachesOut(text) : undefined
    if (reaches !== undefined) parsed++
    if (reaches) expect.fail(`TENANCY_SEED=${seed}: the gate passed ${JSON.stringify(text)}, which has ${reaches}.`)
  }
  // Most are nonsense to both; enough of them are not.
  expect(parsed).toBeGreaterThan(TEXTS / 100)
})

describe('the parser of this test', () => {
  // What stands in a string or has another name; and libpg-query reads no comment between the parts of a string.
  const hidden = /query_to_xml|ts_stat|ts_rewrite|advisory|U&"|e'a' --/i
  test.each(ATTACKS.flatMap(({ sql }) => sql).filter((sql) => !hidden.test(sql)))(
    'sees what is wrong with %j',
    (text) => {
      expect(whatReachesOut(text.replace('{role}', 'somebody'))).toMatch(/./)
      expect(passes(text)).toBe(false)
    },
  )
  test.each(REFUSED)('and the gate refuses %j', (text) => {
    expect(passes(text)).toBe(false)
  })
})

/** Does the gate let it through, as a query or as what ends with its transaction? */
function passes(text: string): boolean {
  try {
    return !['session', 'begin', 'commit', 'rollback', 'savepoint'].includes(readStatement(text).kind)
  } catch {
    return false
  }
}

/** What in this text reaches beyond its transaction, `''` for nothing, undefined where it is no SQL. */
function whatReachesOut(text: string): string | undefined {
  let statements: { stmt?: Record<string, { is_local?: boolean; name?: string }> }[]
  try {
    statements = (parseSync(text) as { stmts?: typeof statements }).stmts ?? []
  } catch {
    return undefined
  }
  if (statements.length > 1) return 'several statements'
  const tree = JSON.stringify(statements)
  if (/"CreateTableAsStmt"/.test(tree)) return 'CREATE TABLE AS'
  if (/"intoClause"/.test(tree)) return 'SELECT INTO'
  if (/"String":\{"sval":"(?:set_config|setseed)"\}\}\]/.test(tree) && /"funcname"/.test(tree)) {
    if (/"funcname":\[(?:\{"String":\{"sval":"[^"]*"\}\},)?\{"String":\{"sval":"(?:set_config|setseed)"/.test(tree))
      return 'a call of set_config'
  }
  const [kind, body] = Object.entries(statements[0]?.stmt ?? {})[0] ?? ['SelectStmt', {}]
  if (kind === 'UpdateStmt' && /"relname":"pg_settings"/.test(tree)) return 'an UPDATE of pg_settings'
  if (kind === 'VariableSetStmt' && (body.is_local || /^TRANSACTION$/.test(body.name ?? ''))) return ''
  if (kind === 'ConstraintsSetStmt') return ''
  return ORDINARY.test(kind) ? '' : kind
}

function chooser(seed: number): <T>(list: readonly T[]) => T {
  let state = seed
  return (list) => {
    // Marsaglia's xorshift: repeatable, and good enough to shuffle with.
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return list[(state >>> 0) % list.length] as (typeof list)[0]
  }
}
