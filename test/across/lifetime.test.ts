// Proves that a use of acrossTenants ends when its function does: what it left running is refused and keeps no connection,
// its time limit cannot be lifted, and neither a lost primary nor a hook that throws hides what came of it.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AcrossReport } from '../../src/across/access.js'
import { seedTenants, type TenantDatabase } from '../support/database.js'
import { startFlightProxy } from '../support/flight-proxy.js'
import { modes } from '../support/modes.js'
import { runSql, startPostgres } from '../support/postgres.js'
import { auditOf, createAuditedDatabase, openAcross } from './open-across.js'

let db: TenantDatabase
beforeAll(async () => {
  db = await createAuditedDatabase()
  await seedTenants(db, [randomUUID()])
})
afterAll(() => db?.drop())

describe.each(modes)('in %s mode', (mode) => {
  let opened: ReturnType<typeof openAcross>
  beforeAll(() => {
    opened = openAcross(mode, db, { audit: true, statementTimeout: 400 })
  })
  afterAll(() => opened?.close())
  const across = <T>(fn: () => T | PromiseLike<T>) => opened.prisma.$acrossTenants({ reason: 'x' }, fn)
  const isOver = { code: 'QUERY.UNSUPPORTED', message: expect.stringContaining('after its function had returned') }

  test('a timer, and a transaction, that it left running ask in vain, and no connection is lost', async () => {
    // More often than there are connections.
    for (let round = 0; round < 5; round++) {
      let end = () => {}
      const over = new Promise<void>((resolve) => {
        end = resolve
      })
      let timer: Promise<unknown> | undefined
      let transaction: Promise<unknown> | undefined
      await across(async () => {
        timer = over.then(() => opened.prisma.project.count()).catch((error) => error)
        const begun = new Promise<void>((resolve) => {
          transaction = opened.prisma
            .$transaction(async (tx) => {
              await tx.project.count()
              resolve()
              await over
              return tx.project.count()
            })
            .catch((error) => error)
        })
        await begun
      })
      end()
      expect(await timer).toMatchObject(isOver)
      expect(await transaction).toMatchObject(isOver)
    }
    expect(await across(() => opened.prisma.project.count())).toBe(3)
  })

  test.each(['SET LOCAL statement_timeout = 0', 'set /* */ local "statement_timeout" to 0', 'RESET statement_timeout'])(
    '%s does not lift the time limit',
    async (lift) => {
      const slow = () =>
        opened.prisma.$transaction(async (tx) => {
          await tx.$executeRawUnsafe(lift).catch((error: { code: string }) => {
            if (error.code !== 'QUERY.UNSUPPORTED') throw error
          })
          return tx.$queryRaw`SELECT 1 AS one FROM pg_sleep(5)`
        })
      await expect(across(slow)).rejects.toThrow(/statement timeout/)
    },
  )

  test('SET LOCAL statement_timeout is refused with the option to set instead, and other limits are not', async () => {
    const set = (text: string) => across(() => opened.prisma.$transaction((tx) => tx.$executeRawUnsafe(text)))
    await expect(set('SET LOCAL statement_timeout = 100')).rejects.toMatchObject({
      code: 'QUERY.UNSUPPORTED',
      hint: expect.stringContaining('statementTimeout:'),
    })
    await expect(set('SET LOCAL lock_timeout = 100')).resolves.toBe(0)
  })

  test('a primary that is lost meanwhile is an error of the audit, the hook is called, and the next use is audited', async () => {
    const reports: AcrossReport[] = []
    const proxy = await startFlightProxy(await startPostgres())
    const behind = openAcross(
      mode,
      { appUrl: proxy.url(db.appUrl), bypassUrl: db.bypassUrl },
      { audit: true, onAcrossTenants: (report) => void reports.push(report) },
    )
    behind.pool.on('error', () => {})
    const lost = randomUUID()
    const use = (reason: string, fn: () => unknown) => behind.prisma.$acrossTenants({ reason }, fn)
    await use('before', () => 1)
    const error = await use(lost, async () => {
      proxy.cut()
      await proxy.stop()
      return behind.prisma.project.count()
    }).then(
      () => expect.unreachable(),
      (thrown: Error) => thrown,
    )
    expect(error).toMatchObject({ code: 'ACROSS.NOT_AUDITED', message: expect.stringContaining(reports[1]?.id ?? '?') })
    expect(error.cause).toBeDefined()
    expect(reports).toMatchObject([{ reason: 'before' }, { reason: lost, outcome: 'returned', statements: 1 }])
    expect(await auditOf(db, lost)).toMatchObject([{ id: reports[1]?.id, outcome: null, finished: false }])
    // And no use begins without it.
    let ran = false
    await expect(
      use('after', () => {
        ran = true
      }),
    ).rejects.toMatchObject({ code: 'ACROSS.NOT_AUDITED' })
    expect([ran, reports.length]).toEqual([false, 2])
    await behind.close()
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('of the hook')
      },
    ],
    ['rejects', () => Promise.reject(new Error('of the hook'))],
  ])('a hook that %s reaches the caller, unless the use or its audit failed', async (_, onAcrossTenants) => {
    const hooked = openAcross(mode, db, { audit: true, onAcrossTenants })
    const reason = randomUUID()
    const use = (fn: () => unknown) => hooked.prisma.$acrossTenants({ reason }, fn)
    await expect(use(() => 1)).rejects.toThrow('of the hook')
    await expect(
      use(() => {
        throw new Error('of the use')
      }),
    ).rejects.toThrow('of the use')
    expect((await auditOf(db, reason)).map(({ outcome }) => outcome).sort()).toEqual(['returned', 'threw'])
    await expect(
      use(() => runSql(db.adminUrl, `DELETE FROM tenancy.across_tenants WHERE reason = '${reason}'`)),
    ).rejects.toMatchObject({ code: 'ACROSS.NOT_AUDITED' })
    await hooked.close()
    const unaudited = openAcross(mode, db, { audit: 'no_such_table', onAcrossTenants })
    await expect(unaudited.prisma.$acrossTenants({ reason }, () => 1)).rejects.toMatchObject({
      code: 'ACROSS.NOT_AUDITED',
    })
    await unaudited.close()
  })
})
