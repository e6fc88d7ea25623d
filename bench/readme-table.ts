// The table of README's chapter 'What it costs', from the kept results; a test says when README holds another.
import { labels, type OperationName } from './operations.js'
import type { Callers, Network } from './options.js'
import { betterDocumented, type Cell } from './results.js'

const shown: readonly OperationName[] = [
  'findFirst',
  'findUnique',
  'findMany',
  'count',
  'create',
  'transaction',
  'tenFindUnique',
]

const columns: readonly [string, Callers, Network, (cell: Cell) => number][] = [
  ['1 caller, loopback', 1, 'loopback', poolRatio],
  ['16 callers, loopback', 16, 'loopback', poolRatio],
  ['1 caller, 1 ms each way', 1, '1ms', poolRatio],
  ['documented extension, 1 caller, loopback', 1, 'loopback', (cell) => betterDocumented(cell).ratio],
]

/** Ratios to bare Prisma, with statements as Prisma sends them by default. */
export function readmeTable(cells: readonly Cell[]): string {
  const ratio = (operation: OperationName, [, callers, network, figure]: (typeof columns)[number]): string => {
    const cell = cells.find(
      (each) =>
        each.operation === operation &&
        each.callers === callers &&
        each.network === network &&
        each.statements === 'unprepared',
    )
    return cell === undefined ? '–' : figure(cell).toFixed(2)
  }
  return [
    `| | ${columns.map(([title]) => title).join(' | ')} |`,
    `|${'---|'.repeat(columns.length + 1)}`,
    ...shown.map((name) => `| ${labels[name]} | ${columns.map((column) => ratio(name, column)).join(' | ')} |`),
  ].join('\n')
}

function poolRatio({ figures }: Cell): number {
  return figures.pool.ratio
}
