// What a run found, in the form in which it is kept.
import { readFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'

import { type ContestantName, contestantNames } from './contestants.js'
import type { Samples } from './measure.js'
import type { OperationName } from './operations.js'
import type { Callers, Network, Statements } from './options.js'
import { median, medianRatio } from './statistics.js'

export interface Figure {
  /** Median of the rounds, in microseconds per operation. */
  readonly micros: number
  /** Median of the rounds' ratios to bare Prisma. */
  readonly ratio: number
  /** Microseconds per operation of every round. */
  readonly rounds: readonly number[]
}

export interface Cell {
  readonly operation: OperationName
  readonly callers: Callers
  readonly network: Network
  readonly statements: Statements
  readonly figures: Readonly<Record<ContestantName, Figure>>
}

export interface Environment {
  readonly date: string
  readonly node: string
  readonly prisma: string
  readonly adapterPg: string
  readonly pg: string
  readonly postgresql: string
  readonly cpu: string
  readonly cpuCount: number
  readonly memoryGiB: number
  /** Load average over the last minute, before the run: what else the machine was doing. */
  readonly load: number
}

export interface Results {
  readonly environment: Environment
  readonly rounds: number
  readonly sliceMs: number
  readonly cells: readonly Cell[]
}

export function figuresOf(samples: Samples): Cell['figures'] {
  const entries = contestantNames.map((name): [ContestantName, Figure] => [
    name,
    {
      micros: rounded(median(samples[name]), 1),
      ratio: rounded(medianRatio(samples[name], samples.bare), 3),
      rounds: samples[name].map((micros) => rounded(micros, 1)),
    },
  ])
  return Object.fromEntries(entries) as Cell['figures']
}

export function environment(): Omit<Environment, 'postgresql'> {
  // Read as files: not every package exports its package.json.
  const version = (name: string): string =>
    JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version
  const [cpu] = cpus()
  return {
    date: new Date().toISOString(),
    node: process.versions.node,
    prisma: version('@prisma/client'),
    adapterPg: version('@prisma/adapter-pg'),
    pg: version('pg'),
    cpu: cpu?.model.trim() ?? 'unknown',
    cpuCount: cpus().length,
    memoryGiB: rounded(totalmem() / 2 ** 30, 1),
    load: rounded(loadavg()[0] ?? 0, 1),
  }
}

/** The cells of one table, in the order in which they were measured. */
export function blocksOf(cells: readonly Cell[]): Cell[][] {
  const blocks = new Map<string, Cell[]>()
  for (const cell of cells) {
    const key = [cell.statements, cell.network, cell.callers].join()
    blocks.set(key, [...(blocks.get(key) ?? []), cell])
  }
  return [...blocks.values()]
}

/** The form of the documented extension that did better. In the transaction only one form does the operation at all. */
export function betterDocumented({ operation, figures }: Pick<Cell, 'operation' | 'figures'>): Figure {
  const { documentedBatch, documentedInteractive } = figures
  if (operation === 'transaction') return documentedInteractive
  return documentedBatch.ratio < documentedInteractive.ratio ? documentedBatch : documentedInteractive
}

/** The file that is kept: the rounds of a figure on one line, or the file would be lines of one number each. */
export function toJson(results: Results): string {
  const lists = /\[\s+([-\d.,\s]+?)\s+\]/g
  return `${JSON.stringify(results, undefined, 2).replace(lists, (_, list: string) => `[${list.replace(/\s+/g, ' ')}]`)}\n`
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
