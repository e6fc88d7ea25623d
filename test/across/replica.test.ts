// Proves what acrossTenants does on a replica, with two real servers in streaming replication: it reads there and audits on
// the primary, sees what has arrived, and the replica takes no write whatever was asked for.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { acrossTenantsAudit } from '../../src/sql/index.js'
import { createTestDatabase, seedTenants, type TenantDatabase } from '../support/database.js'
import { type EmbeddedPostgres, startEmbeddedPostgres, startStandby } from '../support/embedded-postgres.js'
import { runSql, testServer, urlOf } from '../support/postgres.js'
import { createTemplate, ROLES } from '../support/template.js'
import { auditOf, openAcross } from './open-across.js'

let primary: EmbeddedPostgres
let standby: EmbeddedPostgres
let db: TenantDatabase
let opened: ReturnType<typeof openAcross>
beforeAll(async () => {
  primary = await startEmbeddedPostgres({ major: 15 })
  await createTemplate(primary.adminUrl)
  db = await createTestDatabase(testServer(primary.major, primary.adminUrl, primary.stop))
  await runSql(db.ownerUrl, acrossTenantsAudit({ app: ROLES.app }))
  standby = await startStandby(primary)
  const bypassUrl = urlOf(standby.adminUrl, { database: db.name, user: ROLES.bypass, password: ROLES.bypass })
  opened = openAcross('pool', { appUrl: db.appUrl, bypassUrl })
}, 120_000)
afterAll(async () => {
  await opened?.close()
  await standby?.stop()
  await primary?.stop()
})

const count = (options: object = {}) =>
  opened.prisma.$acrossTenants({ reason: 'figures', ...options }, () => opened.prisma.project.count())

/** Until the standby has replayed all that is done by now: with synchronous_commit off that is not written yet. */
async function caughtUp(): Promise<void> {
  const [now] = await runSql<{ lsn: string }>(primary.adminUrl, 'SELECT pg_current_wal_insert_lsn()::text AS lsn')
  const replayed = () => runSql(standby.adminUrl, 'SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS yes', [now?.lsn])
  await expect.poll(async () => (await replayed())[0], { timeout: 20_000 }).toEqual({ yes: true })
}

test('what has not arrived is not seen, and what has arrived is; the audit is on the primary at once', async () => {
  await seedTenants(db, [randomUUID(), randomUUID()])
  await caughtUp()
  expect(await count()).toBe(6)

  await runSql(standby.adminUrl, 'SELECT pg_wal_replay_pause()')
  await expect
    .poll(async () => (await runSql(standby.adminUrl, 'SELECT pg_get_wal_replay_pause_state() AS state'))[0])
    .toEqual({ state: 'paused' })
  await seedTenants(db, [randomUUID()])
  expect(await count()).toBe(6)
  expect(await runSql(db.adminUrl, 'SELECT count(*)::int AS n FROM projects')).toEqual([{ n: 9 }])
  expect((await auditOf(db, 'figures')).map(({ outcome }) => outcome)).toEqual(['returned', 'returned'])

  await runSql(standby.adminUrl, 'SELECT pg_wal_replay_resume()')
  await caughtUp()
  expect(await count()).toBe(9)
})

test('a write is refused by the replica, and with write: true as well', async () => {
  await caughtUp()
  const write = (options: object) =>
    opened.prisma.$acrossTenants({ reason: 'write', ...options }, () => opened.prisma.project.deleteMany())
  await expect(write({})).rejects.toThrow(/read-only transaction/)
  await expect(write({ write: true })).rejects.toMatchObject({
    code: 'ACROSS.WRITE_REFUSED',
    message: expect.stringContaining('a replica'),
    hint: expect.stringContaining('the primary'),
    cause: expect.objectContaining({ message: expect.stringContaining('read-write mode') }),
  })
  expect((await auditOf(db, 'write')).map(({ outcome }) => outcome)).toEqual(['threw', 'threw'])
})
