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
  const lines = diffLines(linesOf(before), linesOf(after))
  return `--- a/${path}\n+++ b/${path}\n${hunksOf(lines).join('')}`
}

/** A last line without a line break is another one than the same with it, and says so in a patch. */
function linesOf(text: string): string[] {
  const lines = text.split('\n')
  const last = lines.pop()
  return last ? [...lines, `${last}\n\\ No newline at end of file`] : lines
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

/** Changes that are near each other share a hunk. */
function hunksOf(lines: readonly DiffLine[]): string[] {
  const ranges: { start: number; end: number }[] = []
  for (const [n, { mark }] of lines.entries()) {
    if (mark === ' ') continue
    const last = ranges.at(-1)
    const end = Math.min(n + CONTEXT + 1, lines.length)
    if (last && n - CONTEXT <= last.end) last.end = end
    else ranges.push({ start: Math.max(0, n - CONTEXT), end })
  }
  let passed = 0
  let from = 0
  let to = 0
  return ranges.map(({ start, end }) => {
    // What is between two hunks is equal.
    from += start - passed
    to += start - passed
    passed = end
    const body = lines.slice(start, end)
    const old = body.filter(({ mark }) => mark !== '+').length
    const now = body.filter(({ mark }) => mark !== '-').length
    const head = `@@ -${place(from, old)} +${place(to, now)} @@\n`
    from += old
    to += now
    return head + body.map(({ mark, text }) => `${mark}${text}\n`).join('')
  })
}

/** Where a hunk stands: of no lines, behind the line before it. */
function place(before: number, length: number): string {
  return `${length === 0 ? before : before + 1},${length}`
}
