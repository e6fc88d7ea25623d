// Proves what pg's query_timeout leaves behind. It ends the wait and not the statement, and takes a waiting ROLLBACK off
// its queue: the pool destroys such a connection; portable mode cannot, and refuses to work in what was left open.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { withTenant } from '../../src/context.js'
import { leftOnIdleConnections, type Mode, modes, openMode } from '../support/modes.js'
import { type FaultScene, ids, idsOf, type Opened, openScene } from './fault-scene.js'

let scene: FaultScene
beforeAll(async () => {
  scene = await openScene()
})
afterAll(() => scene.close())

const timedOut = { message: expect.stringContaining('Query read timeout') }
let opened: Opened
const open = async (mode: Mode) => {
  opened = await openMode(mode, scene.db.appUrl, { max: 1, pool: { query_timeout: 500 } })
  await scene.inA(() => opened.prisma.project.count())
}
afterEach(() => opened.close())

/** Tenant A writes, then asks for what takes longer than a query and its ROLLBACK may. */
const writeAndWait = () =>
  scene.inA(() =>
    opened.prisma.$transaction(
      async (tx) => {
        await tx.project.create({ data: { name: 'uncommitted' } })
        await tx.$queryRaw`SELECT 1 AS one FROM pg_sleep(1.3)`
      },
      { timeout: 20_000 },
    ),
  )

describe('in pool mode', () => {
  test('a query that takes too long costs its connection, and nothing else', async () => {
    await open('pool')
    const slow = scene.inA(() => opened.prisma.$queryRaw`SELECT 1 AS one FROM pg_sleep(600)`)
    await expect(slow).rejects.toMatchObject(timedOut)
    await scene.expectUnharmed(opened)
  })

  test('a transaction whose query takes too long leaves nothing', async () => {
    await open('pool')
    await expect(writeAndWait()).rejects.toMatchObject(timedOut)
    await scene.expectUnharmed(opened)
  })
})

describe('in portable mode', () => {
  test('a transaction that was left open is neither read in nor committed by the next tenant', async () => {
    await open('portable')
    await expect(writeAndWait()).rejects.toMatchObject(timedOut)
    // The harm to be stopped: the connection is idle, in A's transaction, with A's write in it.
    await expect.poll(() => leftOnIdleConnections(opened.pool), { timeout: 5000 }).toEqual([scene.a.tenantId])
    await expect(withTenant(scene.b.tenantId, () => ids(opened.prisma))).rejects.toMatchObject({
      code: 'CONNECTION.BIND_FAILED',
      message: expect.stringContaining('left in a transaction'),
      hint: expect.stringContaining('Nothing was read or written'),
    })
    expect(await withTenant(scene.b.tenantId, () => ids(opened.prisma))).toEqual(idsOf(scene.b))
    await scene.expectUnharmed(opened)
  })
})

test.each(modes)('in %s mode a query that is answered in time leaves no timer behind', async (mode) => {
  await open(mode)
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  for (let i = 0; i < 20; i += 1) await scene.inA(() => opened.prisma.project.count())
  // One is pg's own, that ends idle connections.
  expect(timers()).toBeLessThanOrEqual(before + 1)
  await scene.expectUnharmed(opened)
})
