const CONTEXT = 3

interface DiffLine {
  readonly mark: ' ' | '-' | '+'
  readonly text: string
}

/**
 * The difference between two texts as `patch` and `git apply` read it; empty for equal ones.
 *
 * @see https://www.gnu.org/software/diffutils/manual/html_node/Detailed-Unified.html
 */
export function unifiedDiff(path: string, before: string, after: string): string {
  if (before === after) return ''
  const lines = diffLines(before.split('\n'), after.split('\n'))
  const hunks = hunksOf(lines)
  return `--- a/${path}\n+++ b/${path}\n${hunks.map((hunk) => hunkText(lines, hunk)).join('')}`
}

/**
 * Walks through both and, where they part, goes on from the nearest pair of equal lines. For changes of a few lines each
 * this is what a longer search would find, in the time that reading takes.
 */
function diffLines(before: readonly string[], after: readonly string[]): DiffLine[] {
  const lines: DiffLine[] = []
  let a = 0
  let b = 0
  while (a < before.length || b < after.length) {
    if (a < before.length && before[a] === after[b]) {
      lines.push({ mark: ' ', text: before[a] as string })
      a++
      b++
      continue
    }
    const [gone, come] = nearestMeeting(before, a, after, b)
    for (const text of before.slice(a, a + gone)) lines.push({ mark: '-', text })
    for (const text of after.slice(b, b + come)) lines.push({ mark: '+', text })
    a += gone
    b += come
  }
  return lines
}

/** How many lines to pass over on both sides until they are equal again. A blank line or a brace alone is no proof. */
function nearestMeeting(before: readonly string[], a: number, after: readonly string[], b: number): [number, number] {
  const most = before.length - a + (after.length - b)
  for (let sum = 1; sum < most; sum++) {
    for (let gone = Math.max(0, sum - (after.length - b)); gone <= Math.min(sum, before.length - a); gone++) {
      if (meets(before, a + gone, after, b + sum - gone)) return [gone, sum - gone]
    }
  }
  return [before.length - a, after.length - b]
}

function meets(before: readonly string[], a: number, after: readonly string[], b: number): boolean {
  const line = before[a]
  if (line === undefined || line !== after[b]) return false
  return /\w/.test(line) || before[a + 1] === after[b + 1]
}

interface Hunk {
  readonly start: number
  readonly end: number
}

/** Changes that are near each other share a hunk. */
function hunksOf(lines: readonly DiffLine[]): Hunk[] {
  const hunks: { start: number; end: number }[] = []
  for (const [n, { mark }] of lines.entries()) {
    if (mark === ' ') continue
    const last = hunks.at(-1)
    if (last && n - CONTEXT <= last.end) last.end = n + CONTEXT + 1
    else hunks.push({ start: Math.max(0, n - CONTEXT), end: n + CONTEXT + 1 })
  }
  return hunks.map(({ start, end }) => ({ start, end: Math.min(end, lines.length) }))
}

function hunkText(lines: readonly DiffLine[], { start, end }: Hunk): string {
  const count = (mark: '-' | '+', part: readonly DiffLine[]) => part.filter((line) => line.mark !== mark).length
  const head = lines.slice(0, start)
  const body = lines.slice(start, end)
  // What follows the last line break of a file is no line.
  const shown = end === lines.length && body.at(-1)?.mark === ' ' && body.at(-1)?.text === '' ? body.slice(0, -1) : body
  const from = `${count('+', head) + 1},${count('+', shown)}`
  const to = `${count('-', head) + 1},${count('-', shown)}`
  return `@@ -${from} +${to} @@\n${shown.map(({ mark, text }) => `${mark}${text}\n`).join('')}`
}
