// Proves with PostgreSQL's own parser that every function of /sql returns SQL, and that no name and no text changes its
// shape: whatever is given, the tree is the one of plain names, with the given names where the plain ones stood.
import fc from 'fast-check'
import { loadModule, parseSync } from 'libpg-query'
import { beforeAll, describe, expect, test } from 'vitest'
import * as sql from '../../src/sql/index.js'
import { type Choice, everyCall } from './every-call.js'
import { refused } from './refused.js'

beforeAll(loadModule)

// Every plain name is found again in the tree, also inside a name that was made from it.
const plain: Choice = { names: Array.from({ length: 12 }, (_, n) => `zq${n}x`), text: 'zqtextx' }
const textsOf = (call: (choice: Choice) => string | readonly string[], choice: Choice): string[] => {
  const texts = call(choice)
  return typeof texts === 'string' ? [texts] : [...texts]
}

test('every function of the entry is in the list', () => {
  const functions = Object.entries(sql).flatMap(([name, value]) => (typeof value === 'function' ? [name] : []))
  // The seal has tests of its own, and takes no name of a table.
  expect(Object.keys(everyCall).sort()).toEqual(functions.filter((name) => !/seal/i.test(name)).sort())
})

test.each(Object.entries(everyCall))('%s returns SQL that PostgreSQL can parse', (_, call) => {
  for (const text of textsOf(call, plain)) expect(parseSync(text).stmts.length).toBeGreaterThan(0)
})

/** The path at which two trees differ in anything but what was given; undefined where nowhere. */
function difference(expected: unknown, actual: unknown, given: Choice, path = ''): string | undefined {
  if (typeof expected === 'string' && typeof actual === 'string') {
    return sameText(expected, actual, given) ? undefined : path
  }
  if (typeof expected !== 'object' || typeof actual !== 'object' || expected === null || actual === null) {
    return expected === actual ? undefined : path
  }
  const keys = Object.keys(expected).filter((key) => !positions.has(key))
  if (
    keys.join() !==
    Object.keys(actual)
      .filter((key) => !positions.has(key))
      .join()
  )
    return path
  const [left, right] = [expected as Record<string, unknown>, actual as Record<string, unknown>]
  for (const key of keys) {
    const found = difference(left[key], right[key], given, `${path}.${key}`)
    if (found !== undefined) return found
  }
  return undefined
}

function sameText(expected: string, actual: string, given: Choice): boolean {
  const index = plain.names.indexOf(expected)
  if (index >= 0) return actual === given.names[index]
  if (expected === plain.text) return actual === given.text
  // The body of a DO or a function is text to this parser: what is quoted in it is taken out by PostgreSQL's own rules.
  if (expected.includes('BEGIN\n')) return bare(expected) === bare(actual)
  // A name that was made from given ones is theirs joined, or shortened with a hash.
  if (/zq\w+x/.test(expected)) return Buffer.byteLength(actual) <= 63
  // A parent's alias in a policy is another word where the table itself is called so.
  return expected.replace(/^parent(?=\d*$)/, 'ancestor') === actual.replace(/^parent(?=\d*$)/, 'ancestor')
}

const positions = new Set(['location', 'stmt_location', 'stmt_len', 'rexpr_list_start', 'list_start', 'list_end'])

/** Without what stands between quotes, comments left alone: an apostrophe in one opens nothing. */
function bare(body: string): string {
  return body.replaceAll(/--[^\n]*|"(?:[^"]|"")*"|E'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'/gs, (piece) =>
    piece.startsWith('--') ? piece : piece.startsWith('"') ? '""' : "''",
  )
}

/** Characters that have a meaning somewhere: in a name, a literal, a comment, dollar quotes, format(). */
const pieces = fc.constantFrom(
  ...[
    '"',
    '""',
    "'",
    "''",
    '\\',
    '$',
    '$$',
    '$tenancy$',
    '$tenancy',
    '--',
    '/*',
    '*/',
    ';',
    '\n',
    '\r',
    '\t',
    '%',
    '%I',
  ],
  ...[
    '.',
    ',',
    '(',
    ')',
    ' ',
    'a',
    'A',
    'é',
    '🏢',
    'İ',
    '\u2028',
    '\u00a0',
    '\ufeff',
    'select',
    'user',
    'U&',
    'E',
    '::',
  ],
  ...['{}', '$1', 'parent', 'tenancy', 'DROP TABLE x', 'true', 'NULL', '\u202e', '\u0001'],
)
const fits = (name: string) => Buffer.byteLength(name) >= 1 && Buffer.byteLength(name) <= 63
const reserved = (name: string) => name === 'public' || name === 'none' || name.startsWith('pg_')
const name = fc
  .oneof(
    fc.array(pieces, { minLength: 1, maxLength: 8 }).map((list) => list.join('')),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
    fc.constantFrom('x'.repeat(63), 'é'.repeat(31), `${'"'.repeat(63)}`, "'".repeat(63), 'order', 'ORDER', 'a.b', '_'),
  )
  .filter((value) => fits(value) && !value.includes('\0') && !reserved(value))
const choice: fc.Arbitrary<Choice> = fc.record({
  names: fc.uniqueArray(name, { minLength: 12, maxLength: 12 }),
  text: fc.oneof(name, fc.string({ unit: 'binary', minLength: 1 })).filter((value) => !value.includes('\0')),
})

test.each(Object.entries(everyCall))('no name and no text changes the shape of %s', (_, call) => {
  const expected = textsOf(call, plain).map((text) => parseSync(text))
  fc.assert(
    fc.property(choice, (given) => {
      const trees = textsOf(call, given).map((text) => parseSync(text))
      expect(difference(expected, trees, given)).toBeUndefined()
    }),
    { numRuns: 200 },
  )
})

describe('the comparison of shapes', () => {
  test.each([
    ['another statement', 'DROP TABLE zq1x', 'DROP TABLE a; DROP TABLE b'],
    ['another kind of statement', 'DROP TABLE zq1x', 'DROP VIEW a'],
    ['another option', 'DROP TABLE zq1x', 'DROP TABLE a CASCADE'],
    ['another condition', 'DELETE FROM t WHERE zq1x = 1', 'DELETE FROM t WHERE a = 1 OR true'],
    ['another constant', 'SELECT zq1x = 1', 'SELECT a = 2'],
    ['a name that was not given', 'DROP TABLE t', 'DROP TABLE u'],
    ['a name that became another', 'DROP TABLE zq1x', 'DROP TABLE b'],
    ['another body', 'DO $$BEGIN\n DROP TABLE "zq1x"; END$$', 'DO $$BEGIN\n DROP TABLE "a"; DROP TABLE "b"; END$$'],
    ['a literal that ends early', "DO $$BEGIN\n SELECT 'zq1x'; END$$", "DO $$BEGIN\n SELECT 'a' || b || ''; END$$"],
  ])('notices %s', (_, expected, actual) => {
    const given = { ...plain, names: plain.names.with(1, 'a') }
    expect(difference(parseSync(expected), parseSync(actual), given)).toBeDefined()
    expect(difference(parseSync(expected), parseSync(expected.replaceAll('zq1x', 'a')), given)).toBeUndefined()
  })
})

test.each([
  ['empty', ''],
  ['of 64 bytes', 'x'.repeat(64)],
  ['of 64 bytes in 32 characters', 'é'.repeat(32)],
  ['with a NUL', 'a\0b'],
  ['with half a surrogate pair', 'a\ud800'],
  ['that is no text', 7],
  ['null', null],
])('a name that is %s is refused by every function, wherever it is given', (_, bad) => {
  for (const [called, call] of Object.entries(everyCall)) {
    const uses = textsOf(call, plain).join('')
    for (const [index, used] of plain.names.entries()) {
      if (!uses.includes(used)) continue
      const names = plain.names.with(index, bad as string)
      expect(refused(() => call({ ...plain, names })).code, `${called}, name ${index}`).toBe('SQL.INVALID_IDENTIFIER')
    }
  }
})
