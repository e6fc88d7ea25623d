// What `npm run bench` measures: everything, or what the command line leaves of it.
import { parseArgs } from 'node:util'

import { type OperationName, operationNames } from './operations.js'

export const callerCounts = [1, 16] as const
export const networks = ['loopback', '1ms'] as const
export const statementForms = ['unprepared', 'prepared'] as const

export type Callers = (typeof callerCounts)[number]
export type Network = (typeof networks)[number]
export type Statements = (typeof statementForms)[number]

export interface BenchOptions {
  readonly quick: boolean
  readonly only: readonly OperationName[]
  readonly callers: readonly Callers[]
  readonly networks: readonly Network[]
  readonly statements: readonly Statements[]
  /** Nothing left out: only then are the results kept. */
  readonly complete: boolean
  readonly rounds: number
  /** How long one contestant is measured in one round, in milliseconds. */
  readonly sliceMs: number
}

export const usage = `npm run bench -- [options]      without any: everything, about 8 minutes

  --quick                  about a minute: short measurements, not prepared only; keeps no results
  --only a,b               ${operationNames.join(', ')}
  --callers n              ${callerCounts.join(', ')}
  --network name           ${networks.join(', ')} (added in each direction)
  --statements form        ${statementForms.join(', ')}
  --frameworks [n] [name]  something else: each framework's entry beside withTenant by hand, n requests
`

/** @throws Error with a sentence for the terminal */
export function readOptions(args: readonly string[]): BenchOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      callers: { type: 'string' },
      network: { type: 'string' },
      statements: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  const { quick, only, callers, network, statements } = values
  const filtered = [only, callers, network, statements].some((value) => value !== undefined)
  return {
    quick,
    only: choose('only', operationNames, only),
    callers: choose('callers', callerCounts, callers),
    networks: choose('network', networks, network),
    statements: choose('statements', statementForms, statements ?? (quick ? 'unprepared' : undefined)),
    complete: !quick && !filtered,
    rounds: quick ? 5 : 7,
    sliceMs: quick ? 25 : 100,
  }
}

function choose<T extends string | number>(option: string, known: readonly T[], given: string | undefined): T[] {
  if (given === undefined) return [...known]
  return given.split(',').map((text) => {
    const found = known.find((value) => String(value) === text.trim())
    if (found === undefined) throw new Error(`--${option} '${text}' is unknown: give ${known.join(', ')}.`)
    return found
  })
}
