// The results against the goals this library has set itself. It judges aloud and fails nothing: timings are not tests.
import { oneStatement } from './operations.js'
import type { Callers, Network } from './options.js'
import { betterDocumented, type Cell } from './results.js'
import { medianRatio } from './statistics.js'
import { callersLabel, networkLabels, statementLabels } from './table.js'

interface Goal {
  readonly title: string
  readonly network: Network
  readonly operations: readonly string[]
  readonly figure: (cell: Cell) => number
  /** The worst cell decides, and it must be on this side of the limit. */
  readonly side: 'at most' | 'at least'
  readonly limit: number
}

const poolRatio = ({ figures }: Cell): number => figures.pool.ratio
/** What sealing adds: the same mode, in the same rounds, on a database of its own. */
const sealing = ({ figures }: Cell): number => medianRatio(figures.sealed.rounds, figures.pool.rounds)
const speedUp = (cell: Cell): number => medianRatio(betterDocumented(cell).rounds, cell.figures.pool.rounds)

const goals: readonly Goal[] = (
  [
    ['loopback', 1.15],
    ['1ms', 1.05],
  ] as const
).flatMap(([network, limit]): Goal[] => [
  { title: 'one statement / bare', network, operations: oneStatement, figure: poolRatio, side: 'at most', limit },
  { title: 'sealed / not sealed', network, operations: oneStatement, figure: sealing, side: 'at most', limit: 1.05 },
  { title: 'transaction / bare', network, operations: ['transaction'], figure: poolRatio, side: 'at most', limit: 1 },
  {
    title: 'documented / one statement',
    network,
    operations: oneStatement,
    figure: speedUp,
    side: 'at least',
    limit: 2.5,
  },
])

export interface Verdict {
  readonly text: string
  readonly met: boolean
}

export function verdicts(cells: readonly Cell[]): Verdict[] {
  const found: Verdict[] = []
  for (const statements of ['unprepared', 'prepared'] as const)
    for (const goal of goals)
      for (const callers of [1, 16] as const) {
        const verdict = judge(
          goal,
          callers,
          cells.filter(
            (cell) => cell.statements === statements && cell.network === goal.network && cell.callers === callers,
          ),
          statementLabels[statements],
        )
        if (verdict) found.push(verdict)
      }
  return found
}

function judge(goal: Goal, callers: Callers, block: readonly Cell[], statements: string): Verdict | undefined {
  const figures = block
    .filter(({ operation }) => goal.operations.includes(operation))
    .map((cell) => ({ value: goal.figure(cell), operation: cell.operation }))
    .sort((a, b) => (goal.side === 'at most' ? b.value - a.value : a.value - b.value))
  const [worst] = figures
  if (worst === undefined) return undefined
  const met = goal.side === 'at most' ? worst.value <= goal.limit : worst.value >= goal.limit
  const columns = [
    met ? 'met   ' : 'MISSED',
    goal.title.padEnd(27),
    `${goal.side} ${goal.limit.toFixed(2)}`.padEnd(14),
    worst.value.toFixed(2).padStart(6),
    `(${worst.operation})`.padEnd(15),
    `${callersLabel(callers)}, ${networkLabels[goal.network]}, ${statements}`,
  ]
  return { text: columns.join(' '), met }
}
