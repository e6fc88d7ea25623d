// Tenants that ask for each other's rows in the same tick, and what of the answers was wrong.
import { withTenant } from '../../src/context.js'
import type { SeededTenant } from '../support/database.js'
import type { TenantPrisma } from '../support/modes.js'

/** Rounds that share a tick: Prisma merges and sends all of them in the async context of whichever came first. */
const ROUNDS_A_TICK = 25

export interface RaceResult {
  rounds: number
  answers: number
  /** One sentence for each answer that was not its asker's. */
  wrong: string[]
}

/**
 * In each round every tenant asks for one row of one of them: with the same shape, with shapes of its own, and every
 * fifth round inside an array transaction.
 */
export async function race(
  prisma: TenantPrisma,
  tenants: readonly SeededTenant[],
  rounds: number,
): Promise<RaceResult> {
  const result: RaceResult = { rounds: 0, answers: 0, wrong: [] }
  while (result.rounds < rounds) {
    const tick = Array.from({ length: ROUNDS_A_TICK }, () => round(prisma, tenants, result.rounds++, result))
    await Promise.all(tick.flat())
  }
  return result
}

function round(prisma: TenantPrisma, tenants: readonly SeededTenant[], n: number, result: RaceResult): Promise<void>[] {
  const owner = tenants[n % tenants.length] as SeededTenant
  const id = owner.projectIds[n % owner.projectIds.length] as string
  // Who asks first decides whose context Prisma sends from: it changes from round to round.
  const askers = tenants.map((_, i) => tenants[(i + n) % tenants.length] as SeededTenant)
  return askers.map(async (asker, i) => {
    const answers = await withTenant(asker.tenantId, async () => {
      if (n % 5 === 4) {
        const [one, many] = await prisma.$transaction([
          prisma.project.findUnique({ where: { id } }),
          prisma.project.findMany({ where: { id } }),
        ])
        return [one, ...many]
      }
      if ((n + i) % 3 === 2)
        return [await prisma.project.findUnique({ where: { id }, select: { id: true, tenantId: true } })]
      return [await prisma.project.findUnique({ where: { id } })]
    })
    for (const answer of answers) {
      result.answers += 1
      const expected = asker === owner ? asker.tenantId : undefined
      if (answer?.tenantId !== expected) {
        result.wrong.push(
          `round ${n}: ${expected === undefined ? 'a stranger received a row' : 'the owner did not receive his row'}`,
        )
      }
    }
    if (answers.length === 0 || (asker === owner && n % 5 === 4 && answers.length !== 2))
      result.wrong.push(`round ${n}: an answer is missing`)
  })
}
