// Proves that nobody but the library writes the audit of acrossTenants: whatever SQL a tenant, or code without a tenant,
// sends as the app role, it can neither make a row up, nor finish or change one, nor read one.
import { randomBytes, randomUUID } from 'node:crypto'
import { PrismaPg } from '@prisma/adapter-pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PrismaClient } from '../../generated/test/client.js'
import { withoutTenant, withTenant } from '../../src/context.js'
import { doctor } from '../../src/doctor/index.js'
import { tenancy } from '../../src/extension.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { acrossTenantsAudit, dropAcrossTenantsAudit, tenantRoles } from '../../src/sql/index.js'
import { rowsSeenBySuperuser, seedTenants, type TenantDatabase } from '../support/database.js'
import { modes } from '../support/modes.js'
import { runSql } from '../support/postgres.js'
import { ROLES } from '../support/template.js'
import { auditOf, createAuditedDatabase, openAcross } from './open-across.js'

const USE = 'tenancy.across_use'
const AUDIT = 'tenancy.across_tenants'

let db: TenantDatabase
const tenant = randomUUID()
beforeAll(async () => {
  db = await createAuditedDatabase()
  await seedTenants(db, [tenant])
})
afterAll(() => db?.drop())

const everyRow = () => rowsSeenBySuperuser(db, `SELECT * FROM ${AUDIT} ORDER BY id`)
const set = (id: string, local: boolean) => `set_config('${USE}', '${id}', ${local})`

/** What is tried on a row, or with its id. The last statement of each is the attack. */
const attacks: Record<string, (id: string) => readonly string[]> = {
  'makes a row up': () => [`INSERT INTO ${AUDIT} (id, reason, may_write) VALUES ('${randomUUID()}', 'made up', false)`],
  'makes one up on conflict': (id) => [
    `INSERT INTO ${AUDIT} (id, reason, may_write) VALUES ('${id}', 'x', false) ON CONFLICT (id) DO UPDATE SET outcome = 'threw'`,
  ],
  'changes an outcome': (id) => [`UPDATE ${AUDIT} SET outcome = 'threw', statements = 0 WHERE id = '${id}'`],
  'changes all outcomes': () => [`UPDATE ${AUDIT} SET outcome = 'threw'`],
  'finishes one': (id) => [`UPDATE ${AUDIT} SET finished_at = now(), outcome = 'returned' WHERE id = '${id}'`],
  'opens a finished one again': (id) => [`UPDATE ${AUDIT} SET finished_at = NULL, outcome = NULL WHERE id = '${id}'`],
  'deletes one': (id) => [`DELETE FROM ${AUDIT} WHERE id = '${id}'`],
  'merges into one': (id) => [
    `MERGE INTO ${AUDIT} a USING (SELECT '${id}'::uuid AS id) s ON a.id = s.id WHEN MATCHED THEN UPDATE SET outcome = 'threw'`,
  ],
  'empties the table': () => [`TRUNCATE ${AUDIT}`],
  'locks the table': () => [`LOCK TABLE ${AUDIT} IN ACCESS EXCLUSIVE MODE`],
  'names the use in SET LOCAL': (id) => [`SET LOCAL ${USE} = '${id}'`, `UPDATE ${AUDIT} SET outcome = 'threw'`],
  'names the use in SET': (id) => [`SET ${USE} = '${id}'`, `UPDATE ${AUDIT} SET outcome = 'threw'`],
  'names the use in set_config': (id) => [`SELECT ${set(id, true)}`, `UPDATE ${AUDIT} SET outcome = 'threw'`],
  'names the use for the session': (id) => [`SELECT ${set(id, false)}`, `UPDATE ${AUDIT} SET outcome = 'threw'`],
  'names the use in the same statement': (id) => [
    `WITH s AS MATERIALIZED (SELECT ${set(id, true)}) UPDATE ${AUDIT} SET outcome = 'threw' FROM s WHERE id = '${id}'`,
  ],
}
const scopes = {
  'withTenant(…)': <T>(fn: () => Promise<T>) => withTenant(tenant, fn),
  'withoutTenant(…)': withoutTenant,
}

describe.each(modes)('in %s mode', (mode) => {
  let opened: ReturnType<typeof openAcross>
  beforeAll(() => {
    opened = openAcross(mode, db)
  })
  afterAll(() => opened?.close())

  const across = (fn: () => PromiseLike<unknown> = () => opened.prisma.project.count()) => {
    const reason = randomUUID()
    return opened.prisma.$acrossTenants({ reason }, fn).then(() => auditOf(db, reason))
  }

  /** By raw SQL of Prisma's, in a transaction of it, and in pool mode by the pool itself. */
  async function attack(texts: readonly string[]): Promise<void> {
    const each = async (execute: (text: string) => PromiseLike<unknown>) => {
      for (const text of texts) await execute(text).then(undefined, () => {})
    }
    await each((text) => opened.prisma.$executeRawUnsafe(text))
    await opened.prisma.$transaction((tx) => each((text) => tx.$executeRawUnsafe(text))).catch(() => {})
    if (mode !== 'pool') return
    await each((text) => opened.pool.query(text))
    const client = await opened.pool.connect()
    await each((text) => client.query(text))
    client.release()
  }

  describe.each(Object.entries(scopes))('in %s', (_, inScope) => {
    test.each(Object.entries(attacks))('raw SQL that %s changes nothing', async (_, statements) => {
      const [finished] = await across()
      expect(finished).toMatchObject({ outcome: 'returned' })
      await attackWhile(finished?.id ?? '')
      // And one that is running.
      const rows = await across(async () => {
        const [running] = await rowsSeenBySuperuser<{ id: string }>(
          db,
          `SELECT id::text FROM ${AUDIT} WHERE finished_at IS NULL`,
        )
        expect(running).toBeDefined()
        await attackWhile(running?.id ?? '')
      })
      expect(rows).toMatchObject([{ outcome: 'returned', statements: 0 }])

      async function attackWhile(id: string) {
        const before = await everyRow()
        await inScope(() => attack(statements(id)))
        expect(await everyRow()).toEqual(before)
      }
    })

    test('nothing of it is read, the number of its rows included', async () => {
      await across()
      const read = (sql: string) => inScope(() => opened.prisma.$queryRawUnsafe(sql))
      expect((await everyRow()).length).toBeGreaterThan(0)
      await expect(read(`SELECT reason FROM ${AUDIT}`)).rejects.toThrow(/permission denied/)
      expect(await read(`SELECT id, finished_at FROM ${AUDIT}`)).toEqual([])
      expect(await read(`SELECT count(*)::int AS n FROM ${AUDIT}`)).toEqual([{ n: 0 }])
    })
  })

  test('uses that begin and end together each write their own row', async () => {
    const rows = await Promise.all(Array.from({ length: 20 }, () => across()))
    expect(rows.map((of) => of.map(({ outcome, statements }) => [outcome, statements]))).toEqual(
      rows.map(() => [['returned', 1]]),
    )
  })
})

test('the connections keep nothing of the use', async () => {
  const opened = openAcross('pool', db, { audit: true })
  await opened.prisma.$acrossTenants({ reason: 'x' }, () => 1)
  const value = () => opened.pool.query(`SELECT current_setting('${USE}', true) AS value`)
  const values = await withTenant(tenant, () => Promise.all([value(), value(), value(), value()]))
  expect(new Set(values.map(({ rows }) => rows[0].value || null))).toEqual(new Set([null]))
  await opened.close()
})

test('a grant on the whole schema opens nothing', async () => {
  await runSql(db.adminUrl, `GRANT SELECT, INSERT, UPDATE, DELETE ON ${AUDIT} TO ${ROLES.app}`)
  const before = await everyRow()
  expect(before.length).toBeGreaterThan(0)
  expect(await runSql(db.appUrl, `SELECT * FROM ${AUDIT}`)).toEqual([])
  await runSql(db.appUrl, `DELETE FROM ${AUDIT}`)
  await runSql(db.appUrl, `UPDATE ${AUDIT} SET reason = 'none'`)
  await expect(
    runSql(db.appUrl, `INSERT INTO ${AUDIT} (id, reason, may_write) VALUES (gen_random_uuid(), 'x', true)`),
  ).rejects.toMatchObject({ code: '42501' })
  expect(await everyRow()).toEqual(before)
  // Running it again takes the grants back.
  await runSql(db.ownerUrl, acrossTenantsAudit({ app: ROLES.app }))
  await expect(runSql(db.appUrl, `DELETE FROM ${AUDIT}`)).rejects.toMatchObject({ code: '42501' })
})

test('sealed tenants, and settings of other names, are audited too', async () => {
  const pool = new TenantPool({
    connectionString: db.appUrl,
    setting: 'crm.tenant',
    settings: ['crm.user'],
    seal: { keyId: 'k1', key: randomBytes(32) },
    acrossTenants: { connectionString: db.bypassUrl, audit: true },
  })
  const base = new PrismaClient({ adapter: new PrismaPg(pool) })
  const reason = randomUUID()
  expect(await base.$extends(tenancy({ pool })).$acrossTenants({ reason }, () => base.project.count())).toBe(3)
  expect(await auditOf(db, reason)).toMatchObject([{ outcome: 'returned', statements: 1 }])
  await base.$disconnect()
  await pool.end()
})

test('the doctor has nothing to say of the table', async () => {
  await runSql(db.adminUrl, tenantRoles({ app: ROLES.app, bypass: ROLES.bypass, owner: ROLES.owner }))
  const findings = async () => {
    const client = new (await import('pg')).default.Client({ connectionString: db.adminUrl })
    await client.connect()
    const { findings } = await doctor(client, { appRole: ROLES.app })
    await client.end()
    return findings.map(({ rule, object }) => [rule, object])
  }
  const withTable = await findings()
  await runSql(db.ownerUrl, dropAcrossTenantsAudit({ app: ROLES.app }))
  expect(await findings()).toEqual(withTable)
  await runSql(db.ownerUrl, acrossTenantsAudit({ app: ROLES.app }))
})
