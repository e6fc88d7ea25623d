// Proves that the doctor is quiet where there is nothing to say: on the thirty models as `tenancy migration` leaves them,
// plain and sealed, whoever asks. What it tells there is told for information alone: keys that a counter makes.
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type DoctorOptions, doctor, type Report, rules } from '../../src/doctor/index.js'
import { migrationSql } from '../../src/migration/files.js'
import { planSteps } from '../../src/migration/plan-steps.js'
import { checkConfig } from '../../src/schema/config.js'
import type { Desired } from '../../src/schema/desired.js'
import { desiredState } from '../../src/schema/desired-state.js'
import { editedSchema } from '../../src/schema/edit.js'
import { readSchema } from '../../src/schema/read.js'
import { quoteTable } from '../../src/sql/index.js'
import { runSql, startPostgres, type TestDatabase, type TestServer } from '../support/postgres.js'
import { readTables, type Table } from '../thirty-models/catalog.js'
import { fullName } from '../thirty-models/migrate.js'
import { CONFIG, ddlWithView, readSchema as filesOnDisk } from '../thirty-models/schema-files.js'

/** The password of each is its name. Of this file alone: roles belong to the server. */
const roles = { owner: 'clean_owner', migrator: 'clean_migrator', app: 'clean_app', bypass: 'clean_bypass' } as const

let server: TestServer
beforeAll(async () => {
  server = await startPostgres()
  await runSql(server.adminUrl, `CREATE ROLE ${roles.owner} LOGIN PASSWORD '${roles.owner}'`)
})
afterAll(async () => {
  await runSql(server.adminUrl, `DROP ROLE IF EXISTS ${Object.values(roles).join(', ')}`)
  await server.stop()
})

describe.each([
  { kind: 'plain', seal: false },
  { kind: 'sealed', seal: true },
])('$kind, on a database made by the migration of the thirty models', ({ seal }) => {
  let database: TestDatabase
  let desired: Desired
  let tables: Table[]
  beforeAll(async () => {
    desired = await desiredOf({ seal })
    database = await server.createDatabase()
    const { name, adminUrl, urlFor } = database
    await runSql(adminUrl, `ALTER DATABASE ${name} OWNER TO ${roles.owner}`)
    await runSql(urlFor(roles.owner, roles.owner), await ddlWithView(await filesOnDisk()))
    await runSql(adminUrl, migrationSql(planSteps(desired)))
    await runSql(adminUrl, `ALTER ROLE ${roles.app} PASSWORD '${roles.app}'`)
    tables = await readTables(adminUrl)
  }, 120_000)
  afterAll(() => database?.drop())

  const askers = ['a superuser', 'the owner', 'the app role'] as const
  const urlOf = (who: (typeof askers)[number]): string => {
    if (who === 'a superuser') return database.adminUrl
    const role = who === 'the owner' ? roles.owner : roles.app
    return database.urlFor(role, role)
  }

  test.each(askers)('nothing is found as %s, but counted keys and values in indexes for information', async (who) => {
    const { findings, checked } = await examine(urlOf(who), desired)
    // Which release the tests run on is no fault of the database's.
    const found = findings.filter(({ rule }) => rule !== 'server-outdated')
    expect(found.filter(({ level }) => level !== 'info')).toEqual([])
    const keys = countedKeys(desired, tables)
    const told = `index-tells-values DATABASE "${database.name}"`
    expect(found.map(({ rule, object }) => `${rule} ${object}`).sort()).toEqual(
      [told, ...keys.map((key) => `unique-without-tenant ${key}`)].sort(),
    )
    expect(keys).toHaveLength(14)
    expect(checked.notChecked).toEqual([])
    expect(checked.rules).toEqual(rules.map(({ id }) => id))
  })

  test('every table of a tenant was looked at, and has each protection that it can have', async () => {
    const { checked } = await examine(urlOf('a superuser'), desired)
    const ours = desired.tables.filter(({ kind }) => kind !== 'shared').map(({ table }) => fullName(table))
    expect(checked.tables.map(({ schema, table }) => `${schema}.${table}`).sort()).toEqual(ours.sort())
    expect(checked.tables.length).toBeGreaterThanOrEqual(26)
    for (const { schema, table, ...protections } of checked.tables) {
      expect(Object.values(protections), `${schema}.${table}`).not.toContain(false)
    }
  })

  test('one policy that is gone is found', async () => {
    const table = '"billing"."invoices"'
    const policy = `"tenant_isolation" on ${table}`
    await runSql(database.adminUrl, `DROP POLICY ${policy}`)
    const { findings } = await examine(urlOf('the app role'), desired)
    const found = findings.filter(({ rule, level }) => rule !== 'server-outdated' && level !== 'info')
    expect(found.map(({ rule, object }) => `${rule} ${object}`)).toEqual([
      `no-policy-for-app-role ${table}`,
      `policy-drift ${policy}`,
    ])
  })
})

/** What the configuration of the thirty models asks for, with roles of this file's own. */
async function desiredOf({ seal }: { seal: boolean }): Promise<Desired> {
  const config = checkConfig({ ...JSON.parse(await readFile(CONFIG, 'utf8')), seal, roles })
  const before = await readSchema(await filesOnDisk())
  return desiredState(await editedSchema(before, config), before, config)
}

/** As `tenancy doctor` asks where there is a project, after its migration and a pooler that hands nothing on. */
async function examine(url: string, { config, tables }: Desired): Promise<Report> {
  const at = (table: Desired['tables'][number]['table']) =>
    typeof table === 'string' ? { schema: 'public', table } : table
  const options: DoctorOptions = {
    appRole: config.roles.app,
    tenantColumn: config.column,
    setting: config.setting,
    shared: tables.flatMap(({ kind, table }) => (kind === 'shared' ? [at(table)] : [])),
    trustedRoles: [config.roles.migrator, config.roles.bypass],
    poolerProbe: { leaked: false, attempts: 10 },
    expected: {
      tables: tables.map(({ kind, table }) => ({
        ...at(table),
        kind: kind === 'shared' ? kind : 'tenant',
        policies: kind === 'shared' ? [] : ['tenant_isolation'],
      })),
    },
  }
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await doctor(client, options)
  } finally {
    await client.end()
  }
}

/**
 * Primary keys that stay without the tenant, as the plan lists them, and whose values a counter makes: the next one can be
 * guessed. Those with a uuid cannot, and are not told.
 */
function countedKeys({ surrogateKeys }: Desired, tables: readonly Table[]): string[] {
  const kept = new Set(surrogateKeys.map(({ table }) => fullName(table)))
  return tables
    .filter(({ name, columns, primaryKey: [key] }) => {
      const counted = columns.find((column) => column.name === key)?.default?.startsWith('nextval(')
      return counted === true && kept.has(name)
    })
    .map(({ name, uniques }) => {
      const [schema = '', table = ''] = name.split('.')
      const primary = uniques.find((unique) => unique.primary)?.name
      return `"${primary}" on ${quoteTable({ schema, table })}`
    })
}
