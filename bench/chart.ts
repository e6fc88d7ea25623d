// The picture that README shows: ratios to bare Prisma as bars, one panel per number of callers. Plain SVG, written out;
// the white ground makes it readable on dark pages too.
import { labels, operationNames } from './operations.js'
import { betterDocumented, type Cell, type Environment, type Results } from './results.js'
import { callersLabel } from './table.js'

interface Series {
  readonly label: string
  readonly color: string
  readonly ratio: (cell: Cell) => number
}

const series: readonly Series[] = [
  { label: 'bare Prisma, no RLS', color: '#9aa5b1', ratio: () => 1 },
  { label: 'tenancy({ pool })', color: '#0b7a75', ratio: ({ figures }) => figures.pool.ratio },
  { label: 'tenancy(), portable', color: '#7fb8b4', ratio: ({ figures }) => figures.portable.ratio },
  { label: "Prisma's documented RLS extension", color: '#d9730d', ratio: (cell) => betterDocumented(cell).ratio },
]

const WIDTH = 880
const LEFT = 164
const PANEL = 320
const GAP = 24
const TOP = 112
const BAR = 9
const GROUP = series.length * BAR + 12
const GREY = '#57606a'
const INK = '#1f2328'

/** The results on loopback with statements as Prisma sends them by default. */
export function chart({ environment, rounds, cells }: Results): string {
  const shown = cells.filter(({ network, statements }) => network === 'loopback' && statements === 'unprepared')
  const names = operationNames.filter((name) => shown.some(({ operation }) => operation === name))
  const end = axisEnd(Math.max(1, ...shown.flatMap((cell) => series.map(({ ratio }) => ratio(cell)))))
  const bottom = TOP + names.length * GROUP
  const parts = [
    text(16, 30, 'Time per operation, relative to bare Prisma without row-level security', { size: 17, weight: 600 }),
    text(16, 50, 'Shorter is better; 1 is bare Prisma asking with where: { tenantId }.', { color: GREY }),
    legend(16, 76),
    ...names.map((name, i) => text(LEFT - 8, TOP + i * GROUP + GROUP / 2, labels[name], { anchor: 'end' })),
    ...([1, 16] as const).map((callers, i) =>
      panel(
        LEFT + i * (PANEL + GAP),
        callersLabel(callers),
        names.map((name) => shown.find((cell) => cell.operation === name && cell.callers === callers)),
        end,
      ),
    ),
    text(LEFT + PANEL + GAP / 2, bottom + 36, 'times as long as bare Prisma', { anchor: 'middle', color: GREY }),
    ...caption(environment, rounds).map((line, i) => text(16, bottom + 62 + i * 16, line, { color: GREY, size: 11 })),
  ]
  return svg(bottom + 62 + 16 * 3, parts)
}

function panel(x: number, title: string, cells: readonly (Cell | undefined)[], end: number): string {
  const scale = (ratio: number): number => (ratio / end) * (PANEL - 34)
  const bottom = TOP + cells.length * GROUP
  const parts = [text(x, TOP - 8, title, { weight: 600 })]
  for (let tick = 0; tick <= end; tick += stepOf(end)) {
    const at = x + scale(tick)
    parts.push(line(at, TOP, bottom, '#e3e6ea'), text(at, bottom + 16, String(tick), { anchor: 'middle', color: GREY }))
  }
  cells.forEach((cell, group) => {
    if (cell === undefined) return
    series.forEach(({ color, ratio }, i) => {
      const value = ratio(cell)
      // A figure stands to the right of the line at 1, not on it.
      const y = TOP + group * GROUP + 6 + i * BAR
      parts.push(
        `<rect x="${at(x)}" y="${at(y)}" width="${at(scale(value))}" height="${BAR - 1}" fill="${color}"/>`,
        i === 0
          ? ''
          : text(x + scale(Math.max(value, 1)) + 4, y + BAR - 1.5, value.toFixed(2), { size: 9, color: GREY }),
      )
    })
  })
  parts.push(line(x + scale(1), TOP, bottom, INK, '3 3'))
  return parts.join('\n')
}

function legend(x: number, y: number): string {
  let left = x
  return series
    .map(({ label, color }) => {
      const item = `<rect x="${left}" y="${y - 9}" width="11" height="11" fill="${color}"/>\n${text(left + 17, y, label)}`
      left += 40 + label.length * 6.7
      return item
    })
    .join('\n')
}

function caption({ date, node, prisma, pg, postgresql, cpu, cpuCount }: Environment, rounds: number): string[] {
  return [
    `Medians of ${rounds} interleaved rounds on loopback, statements not prepared. Measured ${date.slice(0, 10)} on ${cpuCount} × ${cpu}:`,
    `Prisma ${prisma}, pg ${pg}, PostgreSQL ${postgresql} (fsync off) and Node ${node} on one machine, pools of 16 connections.`,
    'Documented extension: the better of its two forms. More tables, and the raw figures: npm run bench, bench/results/bench.json.',
  ]
}

function stepOf(end: number): number {
  return [1, 2, 5, 10].find((step) => end / step <= 8) ?? 20
}

/** Where the axis ends: the next whole step beyond the longest bar. */
function axisEnd(longest: number): number {
  const step = stepOf(Math.ceil(longest))
  return Math.ceil(longest / step) * step
}

interface TextStyle {
  readonly size?: number
  readonly weight?: number
  readonly anchor?: 'start' | 'middle' | 'end'
  readonly color?: string
}

function text(x: number, y: number, content: string, style: TextStyle = {}): string {
  const { size = 12, weight = 400, anchor = 'start', color = INK } = style
  const attributes = `font-size="${size}" font-weight="${weight}" text-anchor="${anchor}" fill="${color}"`
  return `<text x="${at(x)}" y="${at(y)}" ${attributes}>${escapeXml(content)}</text>`
}

function line(x: number, from: number, to: number, color: string, dashes = 'none'): string {
  return `<line x1="${at(x)}" y1="${from}" x2="${at(x)}" y2="${to}" stroke="${color}" stroke-dasharray="${dashes}"/>`
}

function svg(height: number, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" role="img">
<title>Time per operation relative to bare Prisma without row-level security</title>
<rect width="100%" height="100%" fill="#ffffff"/>
${parts.filter((part) => part !== '').join('\n')}
</svg>
`
}

export function escapeXml(content: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return content.replace(/[&<>"']/g, (character) => entities[character] as string)
}

/** A coordinate as short as it can be. */
function at(value: number): number {
  return Number(value.toFixed(1))
}
