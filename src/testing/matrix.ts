import type { Leak } from './trial.js'

/** What came of one attack on one model. */
export interface Cell {
  readonly outcome: 'held' | 'leaked' | 'not applicable'
  /** Attempts that tenant a's own success was shown for, and that ended with nothing. */
  readonly tried: number
  /** Why nothing could be tried. */
  readonly reason?: string
  readonly leak?: Leak
}

/** Everything that was tried: models × attacks. */
export interface IsolationMatrix {
  /** By model, or by `schema.table` where no model has the table; then by attack. */
  readonly cells: Readonly<Record<string, Readonly<Record<string, Cell>>>>
  /** In the order in which they were tried. */
  readonly attacks: readonly string[]
  readonly leaks: readonly Leak[]
  /** Facts beside the matrix: surrogate keys that can be guessed at, models left out, rows that could not be removed. */
  readonly notes: readonly string[]
  readonly role: string
  readonly milliseconds: number
}

/** How many attempts ended as they should. */
export function attempts({ cells }: IsolationMatrix): number {
  return Object.values(cells).reduce((sum, row) => sum + Object.values(row).reduce((n, { tried }) => n + tried, 0), 0)
}

const signs = { held: '✓', leaked: '✗', 'not applicable': '·' } as const

/**
 * The matrix as text: a line a model, a column an attack, then each leak and the notes.
 *
 * @example console.log(formatMatrix(await assertTenantIsolation(prisma, { tenants: [a, b], print: false })))
 */
export function formatMatrix(matrix: IsolationMatrix): string {
  const names = Object.keys(matrix.cells)
  const width = Math.max(5, ...names.map((name) => name.length))
  const heads = matrix.attacks.map((name) => name.split(' '))
  const columns = matrix.attacks.map((_, i) => Math.max(...(heads[i] as string[]).map((word) => word.length)))
  const line = (first: string, cells: readonly string[]) =>
    `${first.padEnd(width)}  ${cells.map((cell, i) => centred(cell, columns[i] as number)).join(' ')}`.trimEnd()
  const top = heads.some((words) => words.length > 1)
    ? [
        line(
          '',
          heads.map(([first, second]) => (second ? (first as string) : '')),
        ),
      ]
    : []
  const held = attempts(matrix)
  const attacked = names.length
  return [
    ...top,
    line(
      '',
      heads.map((words) => words.at(-1) as string),
    ),
    ...names.map((name) =>
      line(
        name,
        matrix.attacks.map((attack) => signs[matrix.cells[name]?.[attack]?.outcome ?? 'not applicable']),
      ),
    ),
    '',
    `✓ held   ✗ leaked   · not applicable`,
    `${attacked} ${attacked === 1 ? 'model' : 'models and tables'}, ${held} attempts held, ${matrix.leaks.length} ${matrix.leaks.length === 1 ? 'leak' : 'leaks'}, as the role "${matrix.role}", in ${(matrix.milliseconds / 1000).toFixed(1)} s`,
    ...matrix.leaks.map((leak) => `\n✗ ${leak.model}, ${leak.attack}: ${leak.what}\n  ${leak.cause}`),
    ...(matrix.notes.length > 0 ? ['', ...matrix.notes.map((note) => `note: ${note}`)] : []),
  ].join('\n')
}

function centred(text: string, width: number): string {
  const left = Math.floor((width - text.length) / 2)
  return `${' '.repeat(Math.max(left, 0))}${text}`.padEnd(width)
}
