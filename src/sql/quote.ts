import { TenancyError } from '../errors.js'
import { showValue } from '../show-value.js'

/**
 * A table: its name, looked up on the search path, or its schema and name. A string is one identifier and never split:
 * `'public.projects'` is a table with a dot in its name; write `{ schema: 'public', table: 'projects' }`.
 */
export type TableName = string | { schema: string; table: string }

/** NAMEDATALEN - 1: what is longer, PostgreSQL cuts off without an error. */
export const longestIdentifier = 63

const docsUrl = 'https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS'
const loneSurrogate = /\p{Surrogate}/u

/**
 * An identifier in double quotes, exactly as given: upper case, dots, spaces and reserved words included.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER` for what PostgreSQL would refuse or silently change: no string, empty,
 * longer than 63 bytes in UTF-8, a NUL, half of a surrogate pair.
 * @example quoteIdentifier('we"ird') // "we""ird"
 * @see https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS
 */
export function quoteIdentifier(name: string): string {
  return `"${checkIdentifier(name).replaceAll('"', '""')}"`
}

/**
 * A table in double quotes, with its schema if it was given.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, as {@link quoteIdentifier}
 * @example quoteTable({ schema: 'crm', table: 'projects' }) // "crm"."projects"
 */
export function quoteTable(table: TableName): string {
  if (typeof table === 'string') return quoteIdentifier(table)
  const known = typeof table === 'object' && table !== null && Object.keys(table).sort().join() === 'schema,table'
  if (!known) {
    throw refusal(`${showValue(table)} is not a table`, "Pass 'projects' or { schema: 'public', table: 'projects' }.")
  }
  return `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.table)}`
}

/**
 * A role in double quotes. PostgreSQL reads `public` and `none` as keywords in the place of a role, quoted or not: a grant
 * to everybody.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, as {@link quoteIdentifier}, and for names that PostgreSQL reserves
 * @example quoteRole('app_user') // "app_user"
 */
export function quoteRole(role: string): string {
  const reserved = checkIdentifier(role) === 'public' || role === 'none' || role.startsWith('pg_')
  if (!reserved) return quoteIdentifier(role)
  throw new TenancyError('SQL.INVALID_IDENTIFIER', `The role name ${showValue(role)} is reserved by PostgreSQL.`, {
    hint: "Choose another, such as 'app_user'.",
    docsUrl: 'https://www.postgresql.org/docs/current/sql-createrole.html',
  })
}

/** The name of an index of the table, with its schema if that was given: PostgreSQL keeps an index beside its table. */
export function quoteIndex(table: TableName, index: string): string {
  return quoteTable(typeof table === 'string' ? index : { ...table, table: index })
}

/** The bare name of a checked table. */
export function nameOf(table: TableName): string {
  quoteTable(table)
  return typeof table === 'string' ? table : table.table
}

/** A name in a comment for people, which a line break in it would end. */
export function showName(name: string): string {
  return checkIdentifier(name).replaceAll(/\p{C}/gu, '?')
}

/**
 * Text as a string literal that means the same whatever `standard_conforming_strings` is: with a backslash in it, it
 * becomes an `E'…'`.
 *
 * @throws TenancyError `CONFIG.INVALID` for a NUL or half of a surrogate pair; the text may be secret, so it is not shown
 * @example quoteLiteral("it's") // 'it''s'
 * @see https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-STRINGS-ESCAPE
 */
export function quoteLiteral(text: string): string {
  const problem = typeof text === 'string' ? unstorable(text) : 'is not a string'
  if (problem !== undefined) {
    throw new TenancyError('CONFIG.INVALID', `A text for SQL ${problem}.`, {
      hint: 'Pass a string of whole Unicode characters other than \\u0000: PostgreSQL cannot store anything else.',
      docsUrl: 'https://www.postgresql.org/docs/current/datatype-character.html',
    })
  }
  const doubled = text.replaceAll("'", "''")
  return doubled.includes('\\') ? `E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`
}

/**
 * A body for `DO` or `CREATE FUNCTION` between dollar quotes that the body cannot close, whatever names it contains.
 *
 * @example `DO ${dollarQuote('\nBEGIN\n  NULL;\nEND\n')};` // DO $tenancy$ … $tenancy$;
 * @see https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-DOLLAR-QUOTING
 */
export function dollarQuote(body: string): string {
  let tag = '$tenancy$'
  // Searched in body and closing tag together: a body that ends in '$tenancy' would close one character early.
  for (let n = 1; `${body}${tag}`.indexOf(tag) < body.length; n++) tag = `$tenancy${n}$`
  return `${tag}${body}${tag}`
}

/** The name itself, if PostgreSQL would keep it unchanged. */
export function checkIdentifier(name: string): string {
  if (typeof name !== 'string' || name === '') {
    throw refusal(`${showValue(name)} is not a name`, "Pass the name as a string, such as 'projects'.")
  }
  const problem = unstorable(name)
  if (problem !== undefined) {
    throw refusal(`The name ${showValue(name)} ${problem}`, 'Take that character out: PostgreSQL cannot store it.')
  }
  const bytes = Buffer.byteLength(name)
  if (bytes > longestIdentifier) {
    throw refusal(
      `The name ${showValue(name)} is ${bytes} bytes long`,
      'Shorten it to 63 bytes of UTF-8: PostgreSQL would cut it off there, and two names could become one.',
    )
  }
  return name
}

function unstorable(text: string): string | undefined {
  if (text.includes('\0')) return 'contains the character \\u0000'
  if (loneSurrogate.test(text)) return 'contains half of a surrogate pair'
  return undefined
}

function refusal(sentence: string, hint: string): TenancyError {
  return new TenancyError('SQL.INVALID_IDENTIFIER', `${sentence}.`, { hint, docsUrl })
}
