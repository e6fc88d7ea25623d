import type { Span } from './source.js'

/** `@name(…)` on a field or `@@name(…)` in a block; `name` is without the at signs. Positions are the file's. */
export interface Attribute extends Span {
  readonly name: string
  readonly args: readonly Argument[]
}

/** One argument, as it stands in the text. */
export interface Argument extends Span {
  /** undefined where it was given by position. */
  readonly name: string | undefined
  readonly value: string
}

const start = /@@?\s*([\w\u0080-\uffff.-]+)\s*/y

/** The attributes in a line's code from a position on. `offset` is the place of the code in its file. */
export function attributesOf(code: string, from: number, offset: number): Attribute[] {
  const attributes: Attribute[] = []
  for (let at = code.indexOf('@', from); at >= 0; at = code.indexOf('@', at)) {
    start.lastIndex = at
    const found = start.exec(code)
    if (!found) break
    const afterName = start.lastIndex
    const withArguments = code[afterName] === '('
    const end = withArguments ? closingOf(code, afterName) + 1 : at + found[0].trimEnd().length
    const args = withArguments ? argumentsOf(code, afterName + 1, end - 1, offset) : []
    attributes.push({ name: found[1] as string, args, start: offset + at, end: offset + end })
    at = end
  }
  return attributes
}

/** The argument of this name; `position` says which one it is where it has no name. */
export function argument(attribute: Attribute, name: string, position?: number): Argument | undefined {
  const named = attribute.args.find((each) => each.name === name)
  if (named || position === undefined) return named
  const given = attribute.args[position]
  return given && given.name === undefined ? given : undefined
}

/** The text of a string argument. */
export function stringOf(argument: Argument | undefined): string | undefined {
  return argument && /^"/.test(argument.value) ? unquote(argument.value) : undefined
}

/** A field in a list such as `[email, createdAt(sort: Desc)]`, with what stands behind it. */
export interface ListedField {
  readonly name: string
  readonly text: string
  readonly descending: boolean
}

export function fieldsIn(argument: Argument | undefined): ListedField[] {
  const list = argument?.value.trim() ?? ''
  if (!list.startsWith('[')) return []
  return splitTop(list, 1, list.length - 1).map(({ start, end }) => {
    const text = list.slice(start, end).trim()
    const name = /^[^(\s]+/.exec(text)?.[0] ?? text
    return { name, text, descending: /\bsort\s*:\s*Desc\b/.test(text) }
  })
}

const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t', '0': '\0' }

export function unquote(literal: string): string {
  return literal.slice(1, -1).replaceAll(/\\(u[0-9a-fA-F]{4}|.)/g, (_, escaped: string) => {
    if (escaped.length === 5) return String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
    return escapes[escaped] ?? escaped
  })
}

/** Prisma's string literal of a text. */
export function quote(text: string): string {
  return JSON.stringify(text)
}

function argumentsOf(code: string, from: number, to: number, offset: number): Argument[] {
  return splitTop(code, from, to).map((span) => {
    const text = code.slice(span.start, span.end)
    const named = /^\s*([\w\u0080-\uffff-]+)\s*:/.exec(text)
    const value = named ? text.slice(named[0].length) : text
    const blanks = text.length - text.trimStart().length
    return {
      name: named?.[1],
      value: value.trim(),
      start: offset + span.start + blanks,
      end: offset + span.start + text.trimEnd().length,
    }
  })
}

/** The parts between the commas that are in no bracket and no string. */
function splitTop(code: string, from: number, to: number): Span[] {
  const parts: Span[] = []
  let start = from
  let at = from
  while (at < to) {
    const character = code[at] as string
    if (character === ',') {
      parts.push({ start, end: at })
      start = at + 1
    }
    at = '([{"'.includes(character) ? closingOf(code, at) + 1 : at + 1
  }
  if (code.slice(start, to).trim() !== '') parts.push({ start, end: to })
  return parts
}

const brackets: Record<string, string> = { '(': ')', '[': ']', '{': '}' }

/** Where the bracket or the string that opens here is closed. */
function closingOf(code: string, open: number): number {
  const character = code[open] as string
  const close = brackets[character]
  for (let at = open + 1; at < code.length; at++) {
    const here = code[at] as string
    if (close === undefined) {
      if (here === '\\') at++
      else if (here === '"') return at
    } else if (here === close) return at
    else if ('([{"'.includes(here)) at = closingOf(code, at)
  }
  return code.length - 1
}
