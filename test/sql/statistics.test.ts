// Proves who reads statistics after tenantRoles: run as a superuser, it leaves them to pg_monitor; run by another login, it
// fails at nothing, says what it could not revoke, and the SQL in its hint revokes it; its reverse gives all of it back.
// test/isolation/statistics.test.ts proves what they would tell.
import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { dropTenantRoles, tenantRoles } from '../../src/sql/index.js'
import { startPostgres, type TestDatabase, type TestServer } from '../support/postgres.js'

const views = ['user_tables', 'xact_user_tables', 'user_indexes', 'user_functions', 'database'].map(
  (v) => `pg_stat_${v}`,
)
const asked = [...views, 'pg_statio_user_tables', 'pg_statio_user_indexes']

interface Notice {
  readonly severity: string | undefined
  readonly message: string
  readonly hint: string | undefined
}

describe.each([15, 17] as const)('on PostgreSQL %i', (major) => {
  let server: TestServer
  let database: TestDatabase
  let admin: Client
  let runner: Client
  let [app, monitor, runs] = ['', '', '']

  beforeAll(async () => {
    server = await startPostgres({ major })
  })
  afterAll(() => server?.stop())
  beforeEach(async () => {
    database = await server.createDatabase()
    ;[app, monitor, runs] = ['app', 'monitor', 'runs'].map((name) => `${database.name} "${name}`) as [
      string,
      string,
      string,
    ]
    admin = await connect(database.adminUrl)
    const [quotedRuns, quotedMonitor] = [admin.escapeIdentifier(runs), admin.escapeIdentifier(monitor)]
    await admin.query(`
      CREATE ROLE ${quotedRuns} LOGIN PASSWORD 'x' CREATEROLE;
      CREATE ROLE ${quotedMonitor} LOGIN PASSWORD 'x' IN ROLE pg_monitor;
      ALTER DATABASE ${database.name} OWNER TO ${quotedRuns}`)
    runner = await connect(database.urlFor(runs, 'x'))
    return async () => {
      await Promise.all([runner.end(), admin.end()])
      await database.drop()
      const last = await connect(server.adminUrl)
      for (const role of [app, monitor, runs]) await last.query(`DROP ROLE IF EXISTS ${last.escapeIdentifier(role)}`)
      await last.end()
    }
  })

  const options = () => ({ app, password: 'x' })
  const reads = (role: string) => readable(database.urlFor(role, 'x'))

  test('run as a superuser, it leaves them to pg_monitor, says nothing, and the reverse gives them back', async () => {
    expect(await said(admin, tenantRoles(options()))).toEqual([])
    expect(await reads(app)).toEqual([])
    expect(await reads(monitor)).toEqual(asked)
    expect(await reads(runs)).toEqual([])
    expect(await said(admin, tenantRoles(options()))).toEqual([])
    await admin.query(dropTenantRoles({ app }))
    expect(await reads(runs)).toEqual(asked)
    expect(await reads(monitor)).toEqual(asked)
  })

  test('publicStatistics leaves them to everybody', async () => {
    expect(await said(admin, tenantRoles({ ...options(), publicStatistics: true }))).toEqual([])
    expect(await reads(app)).toEqual(asked)
  })

  test('run by another login, it says so and does all the rest, and its hint does this', async () => {
    await runner.query('CREATE TABLE projects (id int)')
    const notices = await said(runner, tenantRoles(options()))
    expect(notices).toEqual([
      {
        severity: 'NOTICE',
        message: `Role ${runner.escapeIdentifier(app)} can still read statistics that count the rows of all tenants, and find out values of other tenants by them.`,
        hint: expect.stringMatching(
          /^Run this as a superuser, or have one run: REVOKE EXECUTE ON FUNCTION pg_stat_get_\w+\(oid\), .* FROM PUBLIC;$/,
        ),
      },
    ])
    expect(await reads(app)).toEqual(asked)
    const client = await connect(database.urlFor(app, 'x'))
    expect((await client.query('SELECT FROM projects')).rowCount).toBe(0)
    await expect(client.query('CREATE TEMP TABLE x ()')).rejects.toMatchObject({ code: '42501' })
    await expect(client.query('CREATE TABLE x ()')).rejects.toMatchObject({ code: '42501' })
    await client.end()

    await admin.query(/REVOKE .*;$/.exec(notices[0]?.hint ?? '')?.[0] ?? '')
    expect(await reads(app)).toEqual([])
    expect(await said(runner, tenantRoles(options()))).toEqual([])
  })

  test('an app role that is a member of pg_monitor is told of', async () => {
    await admin.query(tenantRoles(options()))
    await admin.query(`GRANT pg_monitor TO ${admin.escapeIdentifier(app)}`)
    const [notice, ...more] = await said(admin, tenantRoles(options()))
    expect(more).toEqual([])
    expect(await reads(app)).toEqual(asked)
    await admin.query(/REVOKE .*;$/.exec(notice?.hint ?? '')?.[0] ?? '')
    expect(await reads(app)).toEqual([])
    expect(await said(admin, tenantRoles(options()))).toEqual([])
  })

  test('a reverse that may not give them back says so, and drops the role', async () => {
    await runner.query(tenantRoles(options()))
    await admin.query(tenantRoles({ ...options(), owner: runs }))
    expect(await said(runner, dropTenantRoles({ app }))).toEqual([
      {
        severity: 'NOTICE',
        message: 'Statistics stay closed to all but pg_monitor.',
        hint: 'Run this as a superuser to give them back to everybody.',
      },
    ])
    expect((await admin.query('SELECT FROM pg_roles WHERE rolname = $1', [app])).rowCount).toBe(0)
    await admin.query(dropTenantRoles({ app }))
    expect(await reads(runs)).toEqual(asked)
  })
})

/** Which of the views a login reads. */
async function readable(url: string): Promise<string[]> {
  const client = await connect(url)
  const read: string[] = []
  for (const view of asked) {
    await client.query(`SELECT * FROM ${view}`).then(
      () => read.push(view),
      (error) => expect(error).toMatchObject({ code: '42501' }),
    )
  }
  await client.end()
  return read
}

/** What the server says while it runs this. */
async function said(client: Client, sql: string): Promise<Notice[]> {
  const notices: Notice[] = []
  const hear = ({
    severity,
    message = '',
    hint,
  }: {
    severity?: string | undefined
    message?: string | undefined
    hint?: string | undefined
  }) => void notices.push({ severity, message, hint })
  client.on('notice', hear)
  await client.query(sql)
  client.off('notice', hear)
  return notices
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  await client.connect()
  return client
}
