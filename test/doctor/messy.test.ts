// Proves the doctor on databases as they are found and not as they are built for a rule: each of messy/*.sql is one that
// grew, and messy/*.expected.txt says line by line what is wrong with it, written before the doctor had seen it. What the
// doctor can mend by itself, it mends there too.
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type DoctorOptions, doctor, type Finding } from '../../src/doctor/index.js'
import { fixesOf } from '../../src/doctor/report/fix.js'
import { sealTenants } from '../../src/sql/index.js'
import { runSql, startPostgres, type TestDatabase, type TestServer } from '../support/postgres.js'

interface Messy {
  readonly name: string
  /** What somebody who knows the database tells the doctor. */
  readonly options: DoctorOptions
  /** What can be said only once the mechanical fixes have run. */
  readonly afterFixes?: readonly string[]
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
    // No policy let anybody write there before.
    afterFixes: ['unique-without-tenant "stripe_customers_stripe_id_key" on "public"."stripe_customers"'],
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

describe.each(databases)('$name', ({ name, options, afterFixes = [] }) => {
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
    expect((await examine(database, options)).map((finding) => lineOf(finding, database))).toEqual(expected)
  })

  test('all fixes that need no person run in one transaction, and what is left had needed one', async () => {
    const { sql: fixes, mechanical, forPeople } = fixesOf(await examine(database, options))
    expect(mechanical.length).toBeGreaterThan(0)
    await runSql(database.adminUrl, fixes)
    const left = await examine(database, options)
    const known = forPeople.map(nameOf)
    expect(left.map(nameOf).filter((name) => !known.includes(name))).toEqual(afterFixes)
    expect(fixesOf(left).mechanical.map(nameOf)).toEqual([])
  })
})

const text = (file: string): Promise<string> => readFile(new URL(`messy/${file}`, import.meta.url), 'utf8')

async function examine({ adminUrl }: TestDatabase, options: DoctorOptions): Promise<readonly Finding[]> {
  const client = new pg.Client({ connectionString: adminUrl })
  await client.connect()
  try {
    const { findings } = await doctor(client, options)
    // Which release the tests run on is no fault of the database's.
    return findings.filter(({ rule }) => rule !== 'server-outdated')
  } finally {
    await client.end()
  }
}

const nameOf = ({ rule, object }: Finding): string => `${rule} ${object}`
const lineOf = (finding: Finding, { name }: TestDatabase): string =>
  `${finding.level} ${nameOf(finding).replace(name, '{database}')}`
