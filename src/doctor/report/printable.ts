// A name may hold what moves a cursor, colours a terminal or turns the direction of text. Whoever reads a report must see
// that it is there, and nothing of it may act.
const acts = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/**
 * Text on one line, with every invisible character written out.
 *
 * @example printable('red\u001b[31m') // 'red\u{1b}[31m', as text
 */
export function printable(text: string): string {
  return text.replaceAll(acts, writtenOut)
}

/** The same for SQL, which keeps its lines. */
export function printableLines(text: string): string {
  return text.replaceAll(acts, (character) => (character === '\n' ? character : writtenOut(character)))
}

function writtenOut(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`
}
