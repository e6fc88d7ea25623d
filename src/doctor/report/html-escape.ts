import { printable, printableLines } from './printable.js'

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Text for an element or an attribute in double quotes, on one line. */
export function escapeHtml(text: string): string {
  return escaped(printable(text))
}

/** The same, with its lines kept, for `<pre>`. */
export function escapeLines(text: string): string {
  return escaped(printableLines(text))
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character)
}
