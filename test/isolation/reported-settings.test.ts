// Proves what the server's own reports are worth: a function can hide SET from both nets, but not a change of a setting
// that PostgreSQL reports to its client. Such a connection ends with its lease. And a refused read is no refused write.
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withTenant } from '../../src/context.js'
import { openMode } from '../support/modes.js'
import {
  cleanSession,
  type HostileWorld,
  lookAround,
  newHostileWorld,
  tenantsSeenBy,
  unharmed,
} from './hostile-world.js'

let world: HostileWorld
beforeAll(async () => {
  world = await newHostileWorld()
})
afterAll(() => world.drop())

const asA = <T>(fn: () => PromiseLike<T>): Promise<T> => withTenant(world.a.tenantId, fn)
const hidden = (setting: string): string => `SELECT run($$SET ${setting}$$)`

test.each([
  'standard_conforming_strings = off',
  "client_encoding = 'SJIS'",
  "TimeZone = 'Asia/Tokyo'",
  "DateStyle = 'German'",
  "IntervalStyle = 'sql_standard'",
  "application_name = 'somebody else'",
])('a function that hides SET %s ends the connection, on a plain pool it does not', async (setting) => {
  const plain = new pg.Pool({ connectionString: world.db.appUrl, max: 1 })
  const [name = ''] = setting.split(' ')
  const before = (await plain.query(`SHOW ${name}`)).rows
  await plain.query(hidden(setting))
  expect((await plain.query(`SHOW ${name}`)).rows).not.toEqual(before)
  await plain.end()

  const { pool, close } = await openMode('pool', world.db.appUrl, { max: 1, binding: { settings: ['app.user_id'] } })
  try {
    const pid = () => asA(async () => (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid)
    const first = await pid()
    await asA(() => pool.query(hidden(setting)))
    expect(await pid()).not.toBe(first)
    expect(await lookAround(world, (sql) => pool.query(sql))).toEqual(
      unharmed(world, await cleanSession(world.db.appUrl)),
    )
    // What is set for one transaction ends with it, and is reported all the same.
    const second = await pid()
    await asA(() => pool.query(`SELECT run($$SET LOCAL ${setting}$$)`))
    expect(await pid()).toBe(second)
  } finally {
    await close()
  }
})

test('in portable mode a read that row_security = off refuses is no PolicyViolationError', async () => {
  const { prisma, pool, close } = await openMode('portable', world.db.appUrl, { max: 1 })
  pool.on('connect', (client) => void client.query('SET row_security = off'))
  try {
    const read = async (sql: string) => ({ rows: await prisma.$queryRawUnsafe<Record<string, unknown>[]>(sql) })
    const error = await asA(() => tenantsSeenBy(read)).catch((reason: unknown) => reason)
    expect(String((error as Error).message)).toContain('row-level security')
    expect(error).not.toMatchObject({ code: 'POLICY.VIOLATION' })
  } finally {
    await close()
  }
})
