// What is known not to hold yet. Each test says what should be true and fails; `test.fails` turns red as soon as it is
// true, and the test then belongs among the others.
import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withTenant } from '../../src/context.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { openMode } from '../support/modes.js'
import { type HostileWorld, newHostileWorld, tenantsSeenBy } from './hostile-world.js'

let world: HostileWorld
beforeAll(async () => {
  world = await newHostileWorld()
})
afterAll(() => world.drop())

// role-check.ts asks for standard_conforming_strings and not for client_encoding. Where onConnect sets SJIS or GBK, the
// server takes the last byte of a character and the backslash behind it for one character: a string ends earlier for it
// than for the gate, and what follows is code.
test.fails('a connection whose client_encoding is not UTF8 is refused, as its strings end elsewhere', async () => {
  const pool: pg.Pool = new TenantPool({
    connectionString: world.db.appUrl,
    max: 1,
    onConnect: async (client) => void (await client.query("SET client_encoding = 'SJIS'")),
  })
  const sql = `WITH x AS MATERIALIZED (
      SELECT E'ッ\\' AS a, set_config('app.tenant_id', '${world.b.tenantId}', true) AS b /*' AS a */)
    SELECT DISTINCT p.tenant_id::text AS tenant FROM x, projects p`
  try {
    const seen = await withTenant(world.a.tenantId, () => pool.query(sql)).then(
      ({ rows }) => rows.map(({ tenant }) => tenant),
      () => [],
    )
    expect(seen).not.toContain(world.b.tenantId)
  } finally {
    await pool.end()
  }
})

// policy-refusal.ts takes every 42501 that names a policy for a refused write; with row_security off it is a refused read.
test.fails('in portable mode a read that row_security = off refuses is no PolicyViolationError', async () => {
  const { prisma, pool, close } = await openMode('portable', world.db.appUrl, { max: 1 })
  pool.on('connect', (client) => void client.query('SET row_security = off'))
  try {
    const read = async (sql: string) => ({ rows: await prisma.$queryRawUnsafe<Record<string, unknown>[]>(sql) })
    const error = await withTenant(world.a.tenantId, () => tenantsSeenBy(read)).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(Error)
    expect(error).not.toMatchObject({ code: 'POLICY.VIOLATION' })
  } finally {
    await close()
  }
})
