// Proves that the default which the edit writes into the schema is, word for word, what PostgreSQL says of it afterwards:
// else Prisma would find a difference with every migration.
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tenantDefault } from '../../src/schema/edit.js'
import { tenantSetting } from '../../src/sql/policies.js'
import { startPostgres } from '../support/postgres.js'

let server: Awaited<ReturnType<typeof startPostgres>>
let database: Awaited<ReturnType<typeof server.createDatabase>>
let client: Client

beforeAll(async () => {
  server = await startPostgres()
  database = await server.createDatabase()
  client = new Client({ connectionString: database.adminUrl })
  await client.connect()
})
afterAll(async () => {
  await client?.end()
  await database?.drop()
  await server?.stop()
})

const types = { uuid: 'uuid', int: 'integer', bigint: 'bigint', text: 'text' }

test.each(['uuid', 'int', 'bigint', 'text'] as const)('of a tenant of type %s', async (tenantId) => {
  const setting = 'crm.org_id'
  const written = tenantDefault({ tenantId, setting })
  await client.query(`DROP TABLE IF EXISTS defaults;
    CREATE TABLE defaults (a ${types[tenantId]} DEFAULT ${written}, b ${types[tenantId]} DEFAULT ${tenantSetting(tenantId, setting)})`)
  const { rows } = await client.query<{ text: string }>(
    `SELECT pg_get_expr(adbin, adrelid) AS text FROM pg_attrdef WHERE adrelid = 'defaults'::regclass ORDER BY adnum`,
  )
  expect(rows.map(({ text }) => text)).toEqual([written, written])
})
