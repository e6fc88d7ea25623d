import type { Attribute } from './attribute.js'
import type { Field, Model } from './model.js'
import type { Line, SchemaFile } from './source.js'

/** Changes to the text of files, collected first and made together, so that every position is the original's. */
export class TextEdits {
  readonly #edits = new Map<SchemaFile, { start: number; end: number; text: string }[]>()

  /** Puts a text in place of another; an empty stretch is an insertion, and insertions at one place keep their order. */
  replace(file: SchemaFile, start: number, end: number, text: string): void {
    const edits = this.#edits.get(file) ?? []
    this.#edits.set(file, edits)
    edits.push({ start, end, text })
  }

  insertLines(file: SchemaFile, after: Line, lines: readonly string[]): void {
    const at = after.end + after.eol.length
    for (const line of lines) this.replace(file, at, at, line === '' ? after.eol : line + after.eol)
  }

  apply(files: readonly SchemaFile[]): SchemaFile[] {
    return files.map((file) => {
      const edits = this.#edits.get(file)
      if (!edits) return file
      let text = ''
      let at = 0
      for (const edit of edits.sort((a, b) => a.start - b.start)) {
        text += file.text.slice(at, edit.start) + edit.text
        at = Math.max(at, edit.end)
      }
      return { ...file, text: text + file.text.slice(at) }
    })
  }
}

/** Takes an attribute off its field, so that what stands before and behind it keeps its column. */
export function removeAttribute(edits: TextEdits, model: Model, field: Field, attribute: Attribute): void {
  const { line, attributes } = field.source
  const { text } = model.block.file
  const following = attributes[attributes.indexOf(attribute) + 1]
  const before = line.start + text.slice(line.start, attribute.start).trimEnd().length
  if (following) edits.replace(model.block.file, attribute.start, following.start, '')
  else edits.replace(model.block.file, before, attribute.end, '')
}

/** Adds an attribute behind those that a field has. */
export function appendAttribute(edits: TextEdits, model: Model, field: Field, attribute: string): void {
  const { line, type, attributes } = field.source
  const last = attributes.at(-1)
  const at = last ? last.end : type.end
  const gap = last ? 1 : Math.max(1, attributeColumn(model, line) - (at - line.start))
  edits.replace(model.block.file, at, at, ' '.repeat(gap) + attribute)
}

/** Drops the `?` of a field, and leaves a space in its place where attributes follow, which stand in a column. */
export function requireField(edits: TextEdits, model: Model, { source }: Field, followed: boolean): void {
  const mark = model.block.file.text.lastIndexOf('?', source.type.end - 1)
  edits.replace(model.block.file, mark, source.type.end, followed ? ' ' : '')
}

/** Adds a field below the primary key, in the columns of the line above. */
export function insertField(edits: TextEdits, model: Model, name: string, type: string, attributes: string): void {
  const { fields, block } = model
  const isKey = (field: Field) => model.primaryKey?.field === field || model.primaryKey?.fields.includes(field.name)
  const above = fields.findLast(isKey) ?? fields[0]
  if (!above) throw new Error(`${model.name} has no fields`)
  const { line } = above.source
  const typeAt = above.source.type.start - line.start
  const start = indentOf(line) + name
  const typed = `${start.padEnd(typeAt - 1)} ${type}`
  edits.insertLines(block.file, line, [`${typed.padEnd(attributeColumn(model, line) - 1)} ${attributes}`])
}

/** Adds `@@…` lines: below the keys that are there, else above the other block attributes, else at the end. */
export function insertBlockAttributes(edits: TextEdits, { block }: Model, attributes: readonly string[]): void {
  const { lines, file } = block
  const isBlank = (line: Line) => line.text.trim() === ''
  const filled = lines.filter((line) => !isBlank(line))
  const lastKey = lines.findLast(({ code }) => /^\s*@@(id|unique|index|fulltext)\b/.test(code))
  const firstOther = lines.findIndex(({ code }) => /^\s*@@/.test(code))
  const indent = indentOf(lastKey ?? lines[firstOther] ?? filled.at(-1) ?? block.closing) || '  '
  const added = attributes.map((each) => indent + each)
  let above = lastKey ? lines.indexOf(lastKey) : lines.findLastIndex((line) => !isBlank(line))
  if (!lastKey && firstOther >= 0) {
    // A comment above an attribute belongs to it.
    above = firstOther - 1
    while (above >= 0 && lines[above]?.code.trim() === '' && !isBlank(lines[above] as Line)) above--
  }
  // A block has fields before its attributes, or Prisma would have refused it.
  const line = lines[Math.max(above, 0)] ?? block.closing
  const isCommentAbove = !lastKey && firstOther > above + 1
  const spaced = [...(lastKey || isBlank(line) ? [] : ['']), ...added, ...(isCommentAbove ? [''] : [])]
  edits.insertLines(file, line, spaced)
}

function indentOf(line: Line): string {
  return /^\s*/.exec(line.code)?.[0] ?? ''
}

/** The column in which attributes stand near a line, counted from the line's start; 0 where there are none. */
function attributeColumn(model: Model, near: Line): number {
  const columns = model.fields.flatMap(({ source: { line, attributes } }) => {
    const first = attributes[0]
    return first ? [{ column: first.start - line.start, distance: Math.abs(line.start - near.start) }] : []
  })
  return columns.sort((a, b) => a.distance - b.distance)[0]?.column ?? 0
}
