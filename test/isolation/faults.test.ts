// Proves that a lost connection, a limit or an end in the middle of work harms nobody else: the error names its cause, the
// next tenant's answers are right, no idle connection carries a tenant and nothing of a transaction stays.
import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { withTenant } from '../../src/context.js'
import { type FlightProxy, startFlightProxy } from '../support/flight-proxy.js'
import { type ModeOptions, modes, openMode } from '../support/modes.js'
import { startPostgres } from '../support/postgres.js'
import { unknownError } from '../support/prisma-errors.js'
import { ENDS_WAITS } from '../support/prisma-version.js'
import { type FaultScene, FOREVER, ids, idsOf, type Opened, openScene } from './fault-scene.js'

let scene: FaultScene
let proxy: FlightProxy
beforeAll(async () => {
  scene = await openScene()
  proxy = await startFlightProxy(await startPostgres())
})
afterAll(async () => {
  await proxy.stop()
  await scene.close()
})

type Tx = Parameters<Parameters<Opened['prisma']['$transaction']>[0]>[0]

describe.each(modes)('in %s mode', (mode) => {
  let opened: Opened
  const open = async (options: ModeOptions = {}) => {
    opened = await openMode(mode, proxy.url(scene.db.appUrl), { max: 2, ...options })
    // The connections are there before the fault is.
    await Promise.all([1, 2].slice(0, options.max).map(() => scene.inA(() => opened.prisma.project.count())))
  }
  afterEach(async () => {
    await scene.endLost(opened.pool)
    await opened.close()
  })

  const forever = () => scene.inA(() => opened.prisma.$queryRawUnsafe(FOREVER))
  /** Writes, then does what is given, in one transaction of tenant A. */
  const afterWriting = (then: (tx: Tx) => unknown, options?: { timeout?: number }) =>
    scene.inA(() =>
      opened.prisma.$transaction(async (tx) => {
        await tx.project.create({ data: { name: 'uncommitted' } })
        await tx.project.updateMany({ data: { budget: 99 } })
        await then(tx)
      }, options),
    )
  /** The rejection of what is under way when the fault strikes. */
  const struck = async (work: Promise<unknown>, strike: () => unknown): Promise<unknown> => {
    const [error] = await Promise.all([
      work.then(
        () => undefined,
        (error: unknown) => error,
      ),
      scene.underWay().then(strike),
    ])
    return error
  }

  const terminated = { code: 'P2010', message: expect.stringContaining('57P01`. Message: `terminating connection') }
  const cancelled = { code: 'P2010', message: expect.stringContaining('57014`. Message: `canceling statement') }
  const lost = { message: expect.stringMatching(/Connection terminated|ECONNRESET|not queryable|Server has closed/) }
  const either = {
    message: expect.stringMatching(
      /terminating connection|Connection terminated|ECONNRESET|not queryable|Server has closed/,
    ),
  }
  /** Takes every connection away, and resolves when the pool has heard of it. */
  const losing = (act: () => unknown) => async () => {
    const ends = clientsOf(opened.pool).map((client) => new Promise((resolve) => client.once('end', resolve)))
    await act()
    await Promise.all(ends)
  }
  const strikes = {
    pg_terminate_backend: { strike: losing(() => scene.signal('pg_terminate_backend')), error: terminated },
    pg_cancel_backend: { strike: () => scene.signal('pg_cancel_backend'), error: cancelled },
    'a cut line': { strike: losing(() => proxy.cut()), error: lost },
  }

  describe.each(Object.entries(strikes))('%s', (name, { strike, error }) => {
    test('in the middle of a query fails the query', async () => {
      await open()
      expect(await struck(forever(), strike)).toMatchObject(error)
      await scene.expectUnharmed(opened)
    })

    test('in the middle of a query of a transaction fails the transaction', async () => {
      await open()
      const work = afterWriting((tx) => tx.$queryRawUnsafe(FOREVER))
      expect(await struck(work, strike)).toMatchObject(error)
      await scene.expectUnharmed(opened)
    })

    test('in the middle of a query of a transaction that catches the error leaves nothing', async () => {
      await open()
      const thrown = new Error('thrown by the caller')
      const work = afterWriting(async (tx) => {
        await tx.$queryRawUnsafe(FOREVER).catch(() => {})
        await expect(tx.project.create({ data: { name: 'uncommitted too' } })).rejects.toThrow()
        throw thrown
      })
      expect(await struck(work, strike)).toBe(thrown)
      await scene.expectUnharmed(opened)
    })

    if (name === 'pg_cancel_backend') return

    test('between two queries of a transaction fails the transaction', async () => {
      await open()
      const work = afterWriting(async (tx) => {
        await strike()
        await tx.project.count()
      })
      await expect(work).rejects.toMatchObject(either)
      await scene.expectUnharmed(opened)
    })

    test('while connections are idle fails nobody whose query comes after', async () => {
      await open()
      expect(opened.pool.idleCount).toBe(2)
      await strike()
      expect(opened.pool.totalCount).toBe(0)
      await scene.expectUnharmed(opened)
    })

    test('under load gives each query its own answer or an error', async () => {
      await open()
      const tenants = Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? scene.a : scene.b))
      let answered = 0
      const work = tenants.map(async (tenant) => {
        const answer = await withTenant(tenant.tenantId, () => ids(opened.prisma)).catch((error: Error) => error)
        answered += 1
        if (answered === 10) await strike()
        return answer
      })
      for (const [i, answer] of (await Promise.all(work)).entries()) {
        if (answer instanceof Error) expect(answer).toMatchObject(either)
        else expect(answer).toEqual(idsOf(tenants[i] as (typeof tenants)[number]))
      }
      await scene.expectUnharmed(opened)
    })
  })

  const occupied = async (then: () => PromiseLike<unknown>) => {
    const work = forever()
    const ended = expect(work).rejects.toMatchObject(cancelled)
    await scene.underWay()
    await then()
    await scene.signal('pg_cancel_backend')
    await ended
  }

  test('an exhausted pool says so, to a query and to a transaction', async () => {
    await open({ max: 1, pool: { connectionTimeoutMillis: 1000 } })
    const exhausted = { message: expect.stringContaining('timeout exceeded when trying to connect') }
    await occupied(async () => {
      await expect(scene.inA(() => opened.prisma.project.count())).rejects.toMatchObject(exhausted)
      await expect(afterWriting(() => {})).rejects.toMatchObject(exhausted)
    })
    await scene.expectUnharmed(opened)
  })

  const atMaxWait = ENDS_WAITS ? 'ends the wait for a connection' : 'refuses a transaction once it has one'
  test(`maxWait ${atMaxWait}, and the one that comes late is given back`, async () => {
    await open({ max: 1 })
    const write = (tx: Tx) => tx.project.updateMany({ data: { budget: 99 } })
    let refused: Promise<void> | undefined
    await occupied(async () => {
      refused = expect(scene.inA(() => opened.prisma.$transaction(write, { maxWait: 20 }))).rejects.toMatchObject({
        code: 'P2028',
        message: expect.stringContaining('Unable to start a transaction in the given time'),
      })
      if (ENDS_WAITS) await refused
      else await wait(50)
    })
    await refused
    await scene.expectUnharmed(opened)
  })

  test("a transaction's timeout between two queries rolls it back", async () => {
    await open()
    const expired = { code: 'P2028', message: expect.stringContaining('expired transaction') }
    // An idle connection is how the end of the transaction shows.
    const idle = () => expect.poll(() => opened.pool.idleCount, { interval: 5 }).toBe(2)
    await expect(afterWriting(idle, { timeout: 50 })).rejects.toMatchObject(expired)
    const useAfterwards = (tx: Tx) => idle().then(() => tx.project.count())
    await expect(afterWriting(useAfterwards, { timeout: 50 })).rejects.toMatchObject(expired)
    await scene.expectUnharmed(opened)
  })

  test("a transaction's timeout in the middle of a query rolls it back", async () => {
    await open()
    const slow = (tx: Tx) => tx.$queryRaw`SELECT 1 AS one FROM pg_sleep(0.2)`
    await expect(afterWriting(slow, { timeout: 50 })).rejects.toMatchObject({ code: 'P2028' })
    await scene.expectUnharmed(opened)
  })

  test('statement_timeout fails a query, and a transaction', async () => {
    await open({ pool: { statement_timeout: 500 } })
    const tooLong = { code: 'P2010', message: expect.stringContaining('canceling statement due to statement timeout') }
    await expect(forever()).rejects.toMatchObject(tooLong)
    await expect(afterWriting((tx) => tx.$queryRawUnsafe(FOREVER))).rejects.toMatchObject(tooLong)
    await scene.expectUnharmed(opened)
  })

  test('lock_timeout fails the one who waits', async () => {
    await open({ pool: { lock_timeout: 50 } })
    const locked = unknownError('55P03', 'canceling statement due to lock timeout')
    const thrown = new Error('thrown by the caller')
    const holder = afterWriting(async () => {
      const waiter = scene.inA(() => opened.prisma.project.updateMany({ data: { budget: 98 } }))
      await expect(waiter).rejects.toMatchObject(locked)
      throw thrown
    })
    await expect(holder).rejects.toBe(thrown)
    await scene.expectUnharmed(opened)
  })

  test('$disconnect in a transaction ends it, and the client connects again', async () => {
    await open()
    const work = afterWriting(async (tx) => {
      await opened.base.$disconnect()
      await tx.project.count()
    })
    await expect(work).rejects.toMatchObject({ code: 'P2028' })
    await scene.expectUnharmed(opened)
  })

  test('pool.end lets what runs come to its end, and refuses what comes after', async () => {
    await open()
    const ending = await openMode(mode, scene.db.appUrl)
    let ended: Promise<void> | undefined
    const counts = scene.inA(() =>
      ending.prisma.$transaction(async (tx) => {
        const before = await tx.project.count()
        ended = ending.pool.end()
        return [before, await tx.task.count()]
      }),
    )
    expect(await counts).toEqual([scene.a.projectIds.length, scene.a.taskIds.length])
    await ended
    const refused = scene.inA(() => ending.prisma.project.count())
    await expect(refused).rejects.toThrow('Cannot use a pool after calling end on the pool')
    await ending.base.$disconnect()
    await scene.expectUnharmed(opened)
  })
})

function clientsOf(pool: pg.Pool): pg.Client[] {
  return [...(pool as unknown as { _clients: pg.Client[] })._clients]
}
