/** A piece of an SQL text that means something: comments, strings and white space are gone. */
export interface Token {
  /** `word`: a keyword or bare identifier, in lower case. `quoted`: a quoted identifier, as written inside its quotes. */
  readonly kind: 'word' | 'quoted' | 'literal' | 'symbol'
  readonly text: string
}

const WORD = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y
const NUMBER = /(?:\.[0-9]|[0-9])[0-9A-Za-z_.]*/y
const PARAMETER = /\$[0-9]+/y
const DOLLAR_QUOTE = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y
const SPACE = /[ \t\n\r\f\v]+/y
// A line comment ends at either line break; where there is none, with the text.
const REST_OF_LINE = /[^\n\r]*/y

/**
 * The tokens of an SQL text, by PostgreSQL's own lexical rules with `standard_conforming_strings` on
 * (https://www.postgresql.org/docs/current/sql-syntax-lexical.html). `undefined` where the text ends inside a string,
 * a comment or a quoted identifier, and for `U&"…"`, which can spell any name without writing it.
 */
export function tokens(sql: string): Token[] | undefined {
  const found: Token[] = []
  let at = 0
  while (at < sql.length) {
    const char = sql[at] as string
    const next = sql[at + 1]
    if (skip(SPACE)) continue
    if (char === '-' && next === '-') {
      skip(REST_OF_LINE)
    } else if (char === '/' && next === '*') {
      const end = endOfBlockComment(sql, at)
      if (end === undefined) return undefined
      at = end
    } else if (char === "'") {
      if (!string(false)) return undefined
    } else if (char === '"') {
      const end = endOfQuoted(sql, at, '"', false)
      if (end === undefined) return undefined
      found.push({ kind: 'quoted', text: sql.slice(at + 1, end - 1).replaceAll('""', '"') })
      at = end
    } else if (match(PARAMETER)) {
      found.push({ kind: 'literal', text: '' })
    } else if (char === '$') {
      const tag = match(DOLLAR_QUOTE)
      if (tag === undefined) {
        found.push({ kind: 'symbol', text: char })
        at += 1
      } else {
        const end = sql.indexOf(tag, at)
        if (end === -1) return undefined
        found.push({ kind: 'literal', text: '' })
        at = end + tag.length
      }
    } else if (match(NUMBER)) {
      found.push({ kind: 'literal', text: '' })
    } else {
      const word = match(WORD)
      if (word === undefined) {
        found.push({ kind: 'symbol', text: char })
        at += 1
      } else {
        const lower = asciiLower(word)
        const after = sql[at]
        if (after === "'" && /^[ebxn]$/.test(lower)) {
          if (!string(lower === 'e')) return undefined
        } else if (lower === 'u' && after === '&' && sql[at + 1] === '"') {
          return undefined
        } else {
          found.push({ kind: 'word', text: lower })
        }
      }
    }
  }
  return found

  function match(pattern: RegExp): string | undefined {
    pattern.lastIndex = at
    const text = pattern.exec(sql)?.[0]
    if (text !== undefined) at += text.length
    return text
  }

  function skip(pattern: RegExp): boolean {
    return match(pattern) !== undefined
  }

  function string(backslashes: boolean): boolean {
    let next: number | undefined = at
    while (next !== undefined) {
      const end = endOfQuoted(sql, next, "'", backslashes)
      if (end === undefined) return false
      at = end
      next = continuation(sql, at)
    }
    found.push({ kind: 'literal', text: '' })
    return true
  }
}

function endOfQuoted(sql: string, start: number, quote: string, backslashes: boolean): number | undefined {
  for (let at = start + 1; at < sql.length; at += 1) {
    if (backslashes && sql[at] === '\\') at += 1
    else if (sql[at] === quote) {
      if (sql[at + 1] !== quote) return at + 1
      at += 1
    }
  }
  return undefined
}

/** Where a string goes on after a line break. It goes on as it began: the second part of E'…' knows backslashes too. */
function continuation(sql: string, end: number): number | undefined {
  let newline = false
  for (let at = end; at < sql.length; at += 1) {
    const char = sql[at] as string
    if (char === '\n' || char === '\r') newline = true
    else if (char === '-' && sql[at + 1] === '-') {
      while (at + 1 < sql.length && !/[\n\r]/.test(sql[at + 1] as string)) at += 1
    } else if (!/[ \t\f\v]/.test(char)) return char === "'" && newline ? at : undefined
  }
  return undefined
}

function endOfBlockComment(sql: string, start: number): number | undefined {
  let depth = 0
  for (let at = start; at < sql.length; at += 1) {
    if (sql[at] === '/' && sql[at + 1] === '*') {
      depth += 1
      at += 1
    } else if (sql[at] === '*' && sql[at + 1] === '/') {
      depth -= 1
      at += 1
      if (depth === 0) return at + 1
    }
  }
  return undefined
}

/** PostgreSQL folds only ASCII letters in multi-byte encodings. */
function asciiLower(word: string): string {
  return word.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

export function isSymbol(token: Token | undefined, text: string): boolean {
  return token?.kind === 'symbol' && token.text === text
}

export function isWord(token: Token | undefined, text: string): boolean {
  return token?.kind === 'word' && token.text === text
}
