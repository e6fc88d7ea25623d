// Proves that a throw-away database is what the migrations make, seen as the service sees it, and gone afterwards.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tenancy } from '../../src/extension.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { assertTenantIsolation, asTenant, createTestDatabase, tenantFixtures } from '../../src/testing/index.js'
import { runSql, startPostgres } from '../support/postgres.js'
import { ROLES } from '../support/template.js'
import { A, B, clientClass, ddl, PROTECTION } from './product.js'

let migrations: string
let url: string
beforeAll(async () => {
  url = (await startPostgres()).adminUrl
  migrations = await mkdtemp(join(tmpdir(), 'tenancy-migrations-'))
  await write('20260101000000_tables', await ddl())
  await write('20260102000000_tenancy', PROTECTION)
  await writeFile(join(migrations, 'migration_lock.toml'), 'provider = "postgresql"')
})
afterAll(() => rm(migrations, { recursive: true, force: true }))

async function write(name: string, sql: string, folder = migrations): Promise<void> {
  await mkdir(join(folder, name), { recursive: true })
  await writeFile(join(folder, name, 'migration.sql'), sql)
}

const left = () =>
  runSql(
    url,
    "SELECT datname AS name FROM pg_database WHERE datname LIKE 'tenancy_test%' UNION SELECT rolname FROM pg_roles WHERE rolname LIKE 'tenancy_test%'",
  )

describe('a database from migrations', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>
  let close: () => Promise<void>
  let prisma: Awaited<ReturnType<typeof open>>
  const open = async (appUrl: string) => {
    const pool = new TenantPool({ connectionString: appUrl, max: 3 })
    const base = new (await clientClass())({ adapter: new PrismaPg(pool) })
    close = async () => {
      await base.$disconnect()
      await pool.end()
    }
    return base.$extends(tenancy({ pool }))
  }
  beforeAll(async () => {
    database = await createTestDatabase({ url, migrations, seed: "INSERT INTO plans VALUES ('gold')" })
    prisma = await open(database.appUrl)
  })
  afterAll(async () => {
    await close?.()
    await database?.drop()
    expect(await left()).toEqual([])
  })

  test('logs in as a member of the role of the service, which owns nothing', async () => {
    const [role] = await runSql(
      database.appUrl,
      `SELECT pg_has_role('${ROLES.app}', 'MEMBER') AS member, rolsuper, rolbypassrls,
        (SELECT count(*)::int FROM pg_class WHERE relowner = r.oid) AS owns FROM pg_roles r WHERE rolname = current_user`,
    )
    expect(role).toEqual({ member: true, rolsuper: false, rolbypassrls: false, owns: 0 })
    expect(await runSql(database.url, 'SELECT code FROM plans ORDER BY code')).toEqual([
      { code: 'free' },
      { code: 'gold' },
      { code: 'paid' },
    ])
  })

  test('is one that the kit passes', async () => {
    const matrix = await assertTenantIsolation(prisma, { tenants: [A, B], print: false })
    expect(matrix.leaks).toEqual([])
    expect(matrix.role).toBe(database.name)
  })

  const project = () => ({ planCode: 'gold', name: 'p', starts: 2001, ends: 2002, contact: 'a@b' })

  test('a body of a test runs as a tenant, and gets what the runner gives', async () => {
    const body = asTenant(A, async (context: { task: string }) => {
      await prisma['project']?.['create']?.({ data: project() })
      return [context.task, await prisma['project']?.['count']?.()]
    })
    expect(body.length).toBe(0)
    expect(await body({ task: 'given' })).toEqual(['given', 1])
    expect(await asTenant(B, () => prisma['project']?.['count']?.())()).toBe(0)
  })

  const withTenants = test.extend(tenantFixtures({ alice: A, bob: B }))

  withTenants('fixtures run as the tenant of their name', async ({ alice, bob }) => {
    expect(await alice(() => prisma['project']?.['count']?.())).toBe(1)
    expect(await bob(() => prisma['project']?.['count']?.())).toBe(0)
  })
})

describe('a connection that is open while the database is dropped', () => {
  const opened = async () => {
    const database = await createTestDatabase({ url, migrations })
    const client = new pg.Client({ connectionString: database.appUrl })
    const broken: string[] = []
    client.on('error', ({ message }) => broken.push(message))
    await client.connect()
    return { database, client, broken }
  }

  test('is not broken off while it is about to end', async () => {
    const { database, client, broken } = await opened()
    const dropped = database.drop()
    setTimeout(() => void client.end(), 300)
    await dropped
    expect(broken).toEqual([])
    expect(await left()).toEqual([])
  })

  test('is broken off where it stays', async () => {
    const { database, broken } = await opened()
    await database.drop()
    expect(broken).not.toEqual([])
    expect(await left()).toEqual([])
  }, 20_000)
})

describe('what is refused leaves nothing behind', () => {
  test('a folder without migrations', async () => {
    await expect(createTestDatabase({ url, migrations: 'nowhere' })).rejects.toMatchObject({
      code: 'CONFIG.INVALID',
      message: expect.stringContaining('There is no migration in "nowhere".'),
    })
  })

  test('a migration that the server refuses is named, with its line', async () => {
    const broken = await mkdtemp(join(tmpdir(), 'tenancy-broken-'))
    await write('1_broken', 'SELECT 1;\nCREATE TABEL x (id int);', broken)
    await expect(createTestDatabase({ url, migrations: broken })).rejects.toMatchObject({
      code: 'MIGRATION.FAILED',
      message: expect.stringMatching(/1_broken\/migration\.sql, line 2: syntax error at or near "TABEL"\.\n/),
    })
    await rm(broken, { recursive: true })
    expect(await left()).toEqual([])
  })

  test('a role that is not there, and one that no policy binds', async () => {
    await expect(createTestDatabase({ url, migrations, appRole: 'nobody_here' })).rejects.toMatchObject({
      code: 'CONFIG.INVALID',
      message: expect.stringContaining('After the migrations there is no role "nobody_here".'),
    })
    await expect(createTestDatabase({ url, migrations, appRole: ROLES.bypass })).rejects.toMatchObject({
      code: 'ROLE.BYPASSES_RLS',
      hint: 'ALTER ROLE "bypass_user" NOSUPERUSER NOBYPASSRLS;',
    })
    expect(await left()).toEqual([])
  })

  test('a server that is not there, without its password in the message', async () => {
    const error = await createTestDatabase({ url: 'postgresql://me:secret@127.0.0.1:1/x', migrations }).catch((e) => e)
    expect(error).toMatchObject({
      code: 'CONNECTION.FAILED',
      message: expect.stringMatching(/^No connection to "127\.0\.0\.1:1": /),
    })
    expect(`${error.message}${error.hint}`).not.toContain('secret')
  })
})
