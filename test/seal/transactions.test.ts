// Proves, for transactions that are written by hand on a TenantPool, that a seal counts from the start of the transaction:
// one that waits for its first statement is sealed then, and one that goes on for long keeps the seal it began with.

import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { withTenant } from '../../src/context.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { type SeededTenant, seedTenants, type TenantDatabase } from '../support/database.js'
import { createSealedDatabase, KEYS, sealOf } from './sealed-database.js'

let db: TenantDatabase
let pool: TenantPool
let a: SeededTenant
beforeAll(async () => {
  db = await createSealedDatabase()
  pool = new TenantPool({ connectionString: db.appUrl, max: 1, seal: KEYS.current })
  ;[a] = await seedTenants(db, [randomUUID()] as const)
})
afterEach(() => void vi.useRealTimers())
afterAll(async () => {
  await pool.end()
  await db.drop()
})

const COUNT = 'SELECT count(*)::int AS rows FROM projects'
const SEAL = "SELECT current_setting('app.tenant_seal') AS seal"
/** Ten minutes go by for the service, and none for the database: only a seal of before is accepted now. */
const later = () => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 600_000 })
const tooLate = { code: 'CONNECTION.BIND_FAILED', message: expect.stringContaining('longer than the database allows') }

test('every statement of a transaction is bound with the seal that it began with', async () => {
  await withTenant(a.tenantId, async () => {
    const client = await pool.connect()
    await client.query('BEGIN')
    const before = (await client.query(SEAL)).rows
    later()
    expect((await client.query(COUNT)).rows).toEqual([{ rows: 3 }])
    await client.query('SAVEPOINT s')
    await client.query('ROLLBACK TO s')
    expect((await client.query(SEAL)).rows).toEqual(before)
    await client.query('COMMIT')
    await expect(client.query(COUNT)).rejects.toMatchObject(tooLate)
    client.release()
  })
})

test('a transaction begins with its first statement, and is sealed then', async () => {
  await withTenant(a.tenantId, async () => {
    const client = await pool.connect()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 600_000 })
    await client.query('BEGIN')
    vi.useRealTimers()
    expect((await client.query(COUNT)).rows).toEqual([{ rows: 3 }])
    await client.query('ROLLBACK')
    client.release()
  })
})

test('a statement that waited for a connection is sealed when it gets one', async () => {
  await withTenant(a.tenantId, async () => {
    const client = await pool.connect()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 600_000 })
    const waiting = pool.query(SEAL)
    vi.useRealTimers()
    const now = sealOf(a.tenantId)
    client.release()
    const [expiry, expected] = [(await waiting).rows[0]?.seal, now].map((seal) => Number(String(seal).split('.')[1]))
    expect(Math.abs((expiry as number) - (expected as number))).toBeLessThan(10)
  })
})
