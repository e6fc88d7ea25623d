// One cell: one operation, all contestants in turn, round after round.
import type { Contestant, ContestantName } from './contestants.js'
import type { Tenant } from './databases.js'
import type { Turn } from './operations.js'

export interface Plan {
  readonly callers: number
  readonly rounds: number
  readonly sliceMs: number
  readonly tenants: readonly Tenant[]
  /** Between rounds, unmeasured. */
  afterRound(): Promise<void>
}

/** Microseconds per operation, one figure a round. */
export type Samples = Record<ContestantName, number[]>

type Go = (caller: number, n: number) => Promise<unknown>

export async function measure(
  contestants: readonly Contestant[],
  operation: (turn: Turn) => Promise<unknown>,
  plan: Plan,
): Promise<Samples> {
  const samples: Partial<Samples> = {}
  const entries = []
  for (const contestant of contestants) {
    // Each caller is another tenant, as requests are.
    const go: Go = async (caller, n) => {
      await tickOfItsOwn()
      return contestant.turn(plan.tenants[caller] as Tenant, n, operation)
    }
    contestant.prepare()
    await runFor(plan.sliceMs, plan.callers, go)
    const each = await runFor(plan.sliceMs, plan.callers, go)
    // The same time for everybody, not the same count: the fast ones need more operations for a figure that holds.
    const perCaller = Math.max(1, Math.round((plan.sliceMs * 1000) / each / plan.callers))
    const figures: number[] = []
    samples[contestant.name] = figures
    entries.push({ contestant, go, perCaller, figures })
  }
  await plan.afterRound()
  for (let round = 0; round < plan.rounds; round += 1) {
    for (const { contestant, go, perCaller, figures } of inOrderOf(round, entries)) {
      contestant.prepare()
      collectGarbage()
      await run(Math.ceil(perCaller / 10), plan.callers, go)
      figures.push(await run(perCaller, plan.callers, go))
    }
    await plan.afterRound()
  }
  return samples as Samples
}

/** Everybody begins once in a while, and every second round runs backwards: rotation alone keeps the same neighbours. */
export function inOrderOf<T>(round: number, entries: readonly T[]): T[] {
  const first = round % entries.length
  const rotated = [...entries.slice(first), ...entries.slice(0, first)]
  const [head, ...rest] = rotated
  return round % 2 === 0 || head === undefined ? rotated : [head, ...rest.reverse()]
}

let counter = 0
function next(): number {
  counter += 1
  return counter
}

/** Microseconds per operation of `count` operations of each caller. */
async function run(count: number, callers: number, go: Go): Promise<number> {
  const start = process.hrtime.bigint()
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      for (let i = 0; i < count; i += 1) await go(caller, next())
    }),
  )
  return Number(process.hrtime.bigint() - start) / 1000 / (count * callers)
}

async function runFor(ms: number, callers: number, go: Go): Promise<number> {
  const start = performance.now()
  let done = 0
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      do {
        await go(caller, next())
        done += 1
      } while (performance.now() - start < ms)
    }),
  )
  return ((performance.now() - start) * 1000) / done
}

/**
 * Requests come from the network one by one. Callers that run in step would have the findUnique of all their tenants
 * merged into one statement by bare Prisma, and never come out of step again.
 */
function tickOfItsOwn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Young garbage only: a full collection also throws away code that has not run for a while. */
function collectGarbage(): void {
  const gc = (globalThis as { gc?: (options: { type: 'minor' }) => void }).gc
  gc?.({ type: 'minor' })
}
