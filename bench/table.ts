// The results as text: one table for each combination of callers, network and statements.
import { type ContestantName, contestantNames } from './contestants.js'
import { labels, type OperationName } from './operations.js'
import type { Cell } from './results.js'

const headings: Record<ContestantName, string> = {
  bare: 'bare Prisma',
  documentedBatch: 'documented, batch',
  documentedInteractive: 'documented, interact.',
  portable: 'portable mode',
  pool: 'pool mode',
  sealed: 'pool mode, sealed',
}

/** Where a contestant cannot do quite what the others do. */
const marks: Partial<Record<OperationName, Partial<Record<ContestantName, string>>>> = {
  transaction: { documentedBatch: '¹', documentedInteractive: '²' },
}

export const footnotes = `Microseconds per operation, and the ratio to bare Prisma (median of the rounds' ratios). Bare Prisma asks with
where: { tenantId } on tables without row-level security. Each caller is another tenant and asks in a tick of its own.
Portable and pool mode open a scope for every operation; the documented extension's client, one per request in its
description, is made once. The tracking of async contexts that scopes need is off while the others run.
Sealed is pool mode on a database whose policies check what was bound against a key.
¹ Not interactive: $transaction([set the tenant, three statements]), written by hand on the base client. Inside an
  interactive transaction the extension would take each operation out of it, into a transaction of its own.
² Written by hand on the base client, setting the tenant first: the extension cannot be used there, as above.`

export const networkLabels = { loopback: 'loopback', '1ms': '1 ms more in each direction' } as const
export const statementLabels = { unprepared: 'not prepared (default)', prepared: 'prepared' } as const

export function table(cells: readonly Cell[]): string {
  const [first] = cells
  if (first === undefined) return ''
  const lines = [
    `${callersLabel(first.callers)}, ${networkLabels[first.network]}, statements ${statementLabels[first.statements]}`,
    ''.padEnd(22) + contestantNames.map((name) => headings[name].padStart(22)).join(''),
    ...cells.map(
      (cell) => labels[cell.operation].padEnd(22) + contestantNames.map((name) => column(cell, name)).join(''),
    ),
  ]
  return lines.join('\n')
}

export function callersLabel(callers: number): string {
  return callers === 1 ? '1 caller' : `${callers} callers`
}

function column({ operation, figures }: Cell, name: ContestantName): string {
  const { micros, ratio } = figures[name]
  const mark = marks[operation]?.[name] ?? ' '
  return `${micros.toFixed(0)}${name === 'bare' ? '' : ratio.toFixed(2).padStart(7)}${mark}`.padStart(22)
}
