// Proves the doctor on databases as they are found and not as they are built for a rule: each of messy/*.sql is one that
// grew, and messy/*.expected.txt says line by line what is wrong with it, written before the doctor had seen it.
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type DoctorOptions, doctor } from '../../src/doctor/index.js'
import { sealTenants } from '../../src/sql/index.js'
import { runSql, startPostgres, type TestDatabase, type TestServer } from '../support/postgres.js'

interface Messy {
  readonly name: string
  /** What somebody who knows the database tells the doctor. */
  readonly options: DoctorOptions
}

const databases: readonly Messy[] = [
  {
    name: 'helpdesk',
    options: { appRole: 'messy_helpdesk', tenantColumn: 'org_id', setting: 'app.current_org' },
  },
  {
    name: 'supabase',
    options: {
      appRole: 'messy_authenticated',
      tenantColumn: 'org_id',
      setting: 'request.jwt.claims',
      trustedRoles: ['messy_service'],
      tenantFunctions: [{ schema: 'auth', name: 'org_id' }],
    },
  },
  {
    name: 'crm-on-rails',
    options: { appRole: 'messy_rails_app', tenantColumn: 'account_id', setting: 'app.account_id' },
  },
  {
    name: 'telemetry',
    options: {
      appRole: 'messy_iot_app',
      tenantColumn: 'CustomerId',
      setting: 'app.customer',
      trustedRoles: ['messy_iot_migrator'],
    },
  },
  {
    name: 'half-sealed',
    options: { appRole: 'messy_crm_app', trustedRoles: ['messy_crm_migrator', 'messy_crm_bypass'] },
  },
]

let server: TestServer
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server?.stop())

describe.each(databases)('$name', ({ name, options }) => {
  let database: TestDatabase
  let sql: string
  beforeAll(async () => {
    sql = (await text(`${name}.sql`)).replace('-- {sealTenants}', () => sealTenants())
    database = await server.createDatabase()
    await runSql(database.adminUrl, sql)
  })
  afterAll(async () => {
    await database?.drop()
    const roles = [...sql.matchAll(/^CREATE ROLE (\w+)/gm)].map(([, role]) => role)
    await runSql(server.adminUrl, `DROP ROLE IF EXISTS ${roles.join(', ')}`)
  })

  test('the doctor says what is wrong with it, and nothing else', async () => {
    const expected = (await text(`${name}.expected.txt`)).split('\n').filter((line) => !/^(#|$)/.test(line))
    expect(await examine(database, options)).toEqual(expected)
  })
})

const text = (file: string): Promise<string> => readFile(new URL(`messy/${file}`, import.meta.url), 'utf8')

/** A line a finding, in the order of the report. */
async function examine({ adminUrl, name }: TestDatabase, options: DoctorOptions): Promise<string[]> {
  const client = new pg.Client({ connectionString: adminUrl })
  await client.connect()
  try {
    const { findings } = await doctor(client, options)
    return findings
      .filter(({ rule }) => rule !== 'server-outdated') // It is about the release that the tests run on.
      .map(({ level, rule, object }) => `${level} ${rule} ${object.replace(name, '{database}')}`)
  } finally {
    await client.end()
  }
}
