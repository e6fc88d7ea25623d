// Proves that the pooler in front of the tests is one: clients share a server connection, transaction by transaction.
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createTestDatabase, type TenantDatabase } from './database.js'
import { type PgBouncer, pgbouncerAvailable, startPgBouncer } from './pgbouncer.js'
import { startPostgres } from './postgres.js'
import { ROLES } from './template.js'

describe.skipIf(!pgbouncerAvailable())('PgBouncer (skipped where it is not installed)', () => {
  let db: TenantDatabase
  let pooler: PgBouncer
  beforeAll(async () => {
    db = await createTestDatabase()
    pooler = await startPgBouncer({
      server: await startPostgres(),
      database: db.name,
      users: [{ name: ROLES.app, password: ROLES.app }],
    })
  })
  afterAll(async () => {
    await pooler?.stop()
    await db.drop()
  })

  test('two clients are served by one server connection', async () => {
    const clients = [1, 2].map(() => new pg.Client({ connectionString: pooler.url(ROLES.app) }))
    const pids: unknown[] = []
    for (const client of clients) {
      await client.connect()
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid, current_user::text AS role')
      pids.push(rows[0].pid)
      expect(rows[0].role).toBe(ROLES.app)
    }
    expect(new Set(pids).size).toBe(1)
    for (const client of clients) await client.end()
  })

  test('what one client sets for its session reaches the next', async () => {
    const [first, second] = [1, 2].map(() => new pg.Client({ connectionString: pooler.url(ROLES.app) })) as [
      pg.Client,
      pg.Client,
    ]
    await first.connect()
    await second.connect()
    await first.query("SELECT set_config('app.mark', 'left behind', false)")
    await first.end()
    const { rows } = await second.query("SELECT current_setting('app.mark', true) AS mark")
    expect(rows).toEqual([{ mark: 'left behind' }])
    await second.end()
  })

  test('a user that was not given has no url', () => {
    expect(() => pooler.url('somebody')).toThrow("'somebody' is not among the users this PgBouncer was started with.")
  })
})
