import assert from 'node:assert/strict'
import { withTenant } from 'prisma-extension-tenancy'
import type { Claims } from './claims.js'
import { OPERATIONS } from './operations.js'
import { besidePlainPrisma } from './plain-prisma.js'
import type { Stage } from './stage.js'

/** One flight for one statement, at most n + 1 for a transaction of n: what binding the tenant adds is none. */
export async function countFlights(stage: Stage, claims: Claims): Promise<void> {
  const { inside, proxy, database } = stage
  await besidePlainPrisma(stage, proxy.url(database.superuserUrl), async (plain, subject) => {
    for (const { name, statements, ...run } of OPERATIONS) {
      await claims.claim(name, async () => {
        const plainFlights = await flightsOf(stage, () => run.plain(plain, subject))
        const flights = await flightsOf(stage, () =>
          withTenant(subject.tenantId, () => run.scoped(inside.prisma, subject)),
        )
        const most = statements === 1 ? 1 : statements + 1
        assert.ok(flights > 0 && flights <= most, `${flights} flights, where at most ${most} were claimed`)
        return `${flights}, plain Prisma ${plainFlights}`
      })
    }
  })
}

async function flightsOf({ proxy }: Stage, run: () => PromiseLike<unknown>): Promise<number> {
  // The first call may open a connection, and a new one is asked for its role once.
  await run()
  proxy.reset()
  await run()
  return proxy.flights()
}
