// Proves that the probe finds a pooler which hands settings on, finds nothing where there is none, and leaves nothing behind.
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ProbeConnection, probePooler } from '../../src/doctor/probe-pooler.js'
import { createTestDatabase, type TenantDatabase } from '../support/database.js'
import { pgbouncerAvailable, startPgBouncer } from '../support/pgbouncer.js'
import { startPostgres } from '../support/postgres.js'
import { ROLES } from '../support/template.js'

let db: TenantDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())

interface Asked {
  readonly connect: () => Promise<ProbeConnection>
  /** Names of the settings that the probe made, and connections that it has not closed. */
  readonly names: Set<string>
  open(): number
}

/** Real connections, and a note of what is asked over them. */
function watched(url: string): Asked {
  const names = new Set<string>()
  let open = 0
  return {
    names,
    open: () => open,
    async connect() {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      open += 1
      return {
        query: (text, values) => {
          if (text.startsWith('SELECT set_config($1, $2')) names.add(values[0] ?? '')
          return client.query(text, values)
        },
        end: () => {
          open -= 1
          return client.end()
        },
      }
    },
  }
}

test('a direct connection leaks nothing to others', async () => {
  const { connect, names, open } = watched(db.appUrl)
  expect(await probePooler(connect)).toEqual({ leaked: false, attempts: 40 })
  expect([...names]).toEqual([expect.stringMatching(/^tenancy_probe_[0-9a-f]{16}\.value$/)])
  expect(open()).toBe(0)
})

test('a server that ends the connections is an error, and none stays open', async () => {
  const { connect, open } = watched(db.appUrl)
  const failing = async (): Promise<ProbeConnection> => {
    const connection = await connect()
    return {
      ...connection,
      query: async (text, values) =>
        text.includes('IS NOT DISTINCT')
          ? connection.query('SELECT pg_terminate_backend(pg_backend_pid())', [])
          : connection.query(text, values),
    }
  }
  await expect(probePooler(failing)).rejects.toThrow()
  expect(open()).toBe(0)
})

describe.skipIf(!pgbouncerAvailable())('PgBouncer (skipped where it is not installed)', () => {
  test.each([
    { poolMode: 'transaction', poolSize: 1, leaked: true },
    { poolMode: 'transaction', poolSize: 5, leaked: true },
    // Two clients at a time; DISCARD ALL, its default there, cleans up between them.
    { poolMode: 'session', poolSize: 2, leaked: false },
  ] as const)(
    'in $poolMode mode with $poolSize server connections: leaks $leaked',
    async ({ poolMode, poolSize, leaked }) => {
      const users = [{ name: ROLES.app, password: ROLES.app }]
      const pooler = await startPgBouncer({
        server: await startPostgres(),
        database: db.name,
        users,
        poolMode,
        poolSize,
      })
      try {
        const { connect, names, open } = watched(pooler.url(ROLES.app))
        expect(await probePooler(connect)).toMatchObject({ leaked })
        expect(open()).toBe(0)
        const after = await connect()
        const { rows } = await after.query('SELECT current_setting($1, true) AS left', [...names])
        expect((rows[0] as { left: string | null }).left || null).toBeNull()
        await after.end()
      } finally {
        await pooler.stop()
      }
    },
  )
})
