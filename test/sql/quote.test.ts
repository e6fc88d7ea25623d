// Proves that names and texts reach SQL exactly as given or are refused. live.test.ts asks PostgreSQL the same question.
import { expect, test } from 'vitest'
import { dollarQuote, quoteIdentifier, quoteLiteral, quoteTable, type TableName } from '../../src/sql/quote.js'
import { refused } from './refused.js'

test.each([
  ['projects', '"projects"'],
  ['Projects', '"Projects"'],
  ['select', '"select"'],
  ['public.projects', '"public.projects"'],
  ['we"ird.Table', '"we""ird.Table"'],
  ['"', '""""'],
  ['x"; DROP TABLE y; --', '"x""; DROP TABLE y; --"'],
  ["o'neil\\", '"o\'neil\\"'],
  ['projets_été_🏢', '"projets_été_🏢"'],
  [' ', '" "'],
  ['a'.repeat(63), `"${'a'.repeat(63)}"`],
  ['"'.repeat(63), `"${'"'.repeat(126)}"`],
  ['é'.repeat(31), `"${'é'.repeat(31)}"`],
])('the name %j becomes %s', (name, quoted) => {
  expect(quoteIdentifier(name)).toBe(quoted)
})

test.each([
  ['', '"" is not a name', "Pass the name as a string, such as 'projects'."],
  [undefined, 'undefined is not a name', "Pass the name as a string, such as 'projects'."],
  [null, 'null is not a name', "Pass the name as a string, such as 'projects'."],
  [7, 'the number 7 is not a name', "Pass the name as a string, such as 'projects'."],
  [['a'], 'an array is not a name', "Pass the name as a string, such as 'projects'."],
  [{ toString: () => 'a' }, 'an object is not a name', "Pass the name as a string, such as 'projects'."],
  [
    'a\0b',
    'The name "a\\u0000b" contains the character \\u0000',
    'Take that character out: PostgreSQL cannot store it.',
  ],
  [
    'a\ud83c',
    'The name "a\\ud83c" contains half of a surrogate pair',
    'Take that character out: PostgreSQL cannot store it.',
  ],
  [
    '\udfe2\ud83c',
    'The name "\\udfe2\\ud83c" contains half of a surrogate pair',
    'Take that character out: PostgreSQL cannot store it.',
  ],
  [
    'a'.repeat(64),
    `The name "${'a'.repeat(40)}…" is 64 bytes long`,
    'Shorten it to 63 bytes of UTF-8: PostgreSQL would cut it off there, and two names could become one.',
  ],
  [
    'é'.repeat(32),
    `The name "${'é'.repeat(32)}" is 64 bytes long`,
    'Shorten it to 63 bytes of UTF-8: PostgreSQL would cut it off there, and two names could become one.',
  ],
])('the name %j is refused with a hint', (name, sentence, hint) => {
  const message = `${sentence}.`
  expect(refused(() => quoteIdentifier(name as string))).toEqual({ code: 'SQL.INVALID_IDENTIFIER', message, hint })
})

test.each<[TableName, string]>([
  ['projects', '"projects"'],
  ['crm.projects', '"crm.projects"'],
  [{ schema: 'crm', table: 'projects' }, '"crm"."projects"'],
  [{ table: 'b"."c', schema: 'a.b' }, '"a.b"."b"".""c"'],
])('the table %j becomes %s', (table, quoted) => {
  expect(quoteTable(table)).toBe(quoted)
})

test.each([
  undefined,
  null,
  1,
  [],
  ['a', 'b'],
  {},
  { table: 'a' },
  { schema: 'a', name: 'b' },
  { schema: 'a', table: 'b', db: 'c' },
])('%j is refused as a table', (table) => {
  expect(refused(() => quoteTable(table as never))).toMatchObject({
    code: 'SQL.INVALID_IDENTIFIER',
    hint: "Pass 'projects' or { schema: 'public', table: 'projects' }.",
  })
})

test.each([
  [{ schema: '', table: 'a' }, '"" is not a name.'],
  [{ schema: 'a', table: undefined }, 'undefined is not a name.'],
])('a table is refused for either of its names: %j', (table, message) => {
  expect(refused(() => quoteTable(table as never))).toMatchObject({ code: 'SQL.INVALID_IDENTIFIER', message })
})

test.each([
  ['', "''"],
  ['plain', "'plain'"],
  ["it's", "'it''s'"],
  ["'; DROP TABLE x; --", "'''; DROP TABLE x; --'"],
  ['a\\b', "E'a\\\\b'"],
  ["\\'", "E'\\\\'''"],
  ['line\nline', "'line\nline'"],
  ['$1 {} %s', "'$1 {} %s'"],
])('the text %j becomes %s', (text, quoted) => {
  expect(quoteLiteral(text)).toBe(quoted)
})

test.each([
  ['secret\0', 'A text for SQL contains the character \\u0000.'],
  ['secret\ud800', 'A text for SQL contains half of a surrogate pair.'],
  [5, 'A text for SQL is not a string.'],
])('the text %j is refused, and not shown, since it may be a password', (text, message) => {
  expect(refused(() => quoteLiteral(text as string))).toEqual({
    code: 'CONFIG.INVALID',
    message,
    hint: 'Pass a string of whole Unicode characters other than \\u0000: PostgreSQL cannot store anything else.',
  })
})

test.each([
  ['\nNULL;\n', '$tenancy$\nNULL;\n$tenancy$'],
  ['a $tenancy$ b', '$tenancy1$a $tenancy$ b$tenancy1$'],
  ['a $tenancy$ $tenancy1$ b', '$tenancy2$a $tenancy$ $tenancy1$ b$tenancy2$'],
  ['ends in $tenancy', '$tenancy1$ends in $tenancy$tenancy1$'],
])('the body %j cannot close its own dollar quotes', (body, quoted) => {
  expect(dollarQuote(body)).toBe(quoted)
})
