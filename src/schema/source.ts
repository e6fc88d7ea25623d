/** One file of a Prisma schema. */
export interface SchemaFile {
  readonly path: string
  readonly text: string
}

/** A stretch of a file's text. */
export interface Span {
  readonly start: number
  readonly end: number
}

export type BlockKind = 'model' | 'view' | 'enum' | 'type' | 'generator' | 'datasource'

/** A block, such as `model User { … }`, line by line. */
export interface Block {
  readonly kind: BlockKind
  readonly name: string
  readonly file: SchemaFile
  /** The lines between the braces. */
  readonly lines: readonly Line[]
  /** The line of the closing brace. */
  readonly closing: Line
}

/** A line without its line break. */
export interface Line extends Span {
  /** As it stands in the file. */
  readonly text: string
  /** The same length, with comments blanked out. */
  readonly code: string
  /** `'\n'`, `'\r\n'`, `'\r'`, or `''` at the end of the file. */
  readonly eol: string
}

const opening = /^\s*(model|view|enum|type|generator|datasource)\s+([\w\u0080-\uffff-]+)\s*\{\s*$/
const closing = /^\s*\}\s*$/

/**
 * The blocks of a file that Prisma has accepted. Prisma's grammar is made of lines: a field, a block attribute and both
 * braces each have one of their own, so no more than that has to be understood here.
 *
 * @see https://www.prisma.io/docs/orm/prisma-schema/overview#syntax
 */
export function blocksOf(file: SchemaFile): Block[] {
  const blocks: Block[] = []
  let open: { kind: BlockKind; name: string; lines: Line[] } | undefined
  for (const line of linesOf(file.text)) {
    if (open !== undefined) {
      if (closing.test(line.code)) {
        blocks.push({ ...open, file, closing: line })
        open = undefined
      } else open.lines.push(line)
    } else {
      const found = opening.exec(line.code)
      if (found) open = { kind: found[1] as BlockKind, name: found[2] as string, lines: [] }
    }
  }
  return blocks
}

const lineBreaks = /\r\n|\n|\r|$/g

function linesOf(text: string): Line[] {
  const lines: Line[] = []
  let start = 0
  let inComment = false
  for (const { 0: eol, index: end } of text.matchAll(lineBreaks)) {
    const line = text.slice(start, end)
    // Most lines have no comment, and need no second look.
    const blanked: Blanked =
      inComment || line.includes('/') ? blankComments(line, inComment) : { code: line, inComment }
    inComment = blanked.inComment
    if (end > start || eol !== '') lines.push({ start, end, text: line, code: blanked.code, eol })
    start = end + eol.length
  }
  return lines
}

/** A string, a comment to the end of the line, the beginning of a comment over several lines. */
const next = /"(?:[^"\\]|\\.)*"|\/\/|\/\*/g

interface Blanked {
  readonly code: string
  readonly inComment: boolean
}

function blankComments(line: string, within: boolean): Blanked {
  let code = ''
  let at = 0
  let inComment = within
  while (at < line.length) {
    if (inComment) {
      const end = line.indexOf('*/', at)
      const until = end < 0 ? line.length : end + 2
      code += ' '.repeat(until - at)
      at = until
      inComment = end < 0
      continue
    }
    next.lastIndex = at
    const found = next.exec(line)
    const token = found?.[0]
    if (found === null || token === undefined) return { code: code + line.slice(at), inComment }
    code += line.slice(at, found.index)
    at = found.index
    if (token === '//') return { code: code + ' '.repeat(line.length - at), inComment }
    if (token === '/*') {
      inComment = true
      code += '  '
      at += 2
    } else {
      code += token
      at += token.length
    }
  }
  return { code, inComment }
}
