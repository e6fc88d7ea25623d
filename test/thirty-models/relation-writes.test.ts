// Proves that Prisma's relation writes behave as before. Every write that the schema allows — connect, disconnect, set,
// delete, a foreign key set to NULL, a deleted parent with whatever its relation says — runs on a database without
// tenants, with the client of the schema as it was, and on the migrated one, through the library: the answer is the
// same, and so is every row of every table afterwards.
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { readTables, type Table } from './catalog.js'
import { type AnyClient, clientClassOf } from './client.js'
import { migrate } from './migrate.js'
import { keyOf, type Model, modelsOf } from './models.js'
import { effectOf, type RelationWrite, relationWrites } from './relation-writes.js'
import { readSchema } from './schema-files.js'
import { A, type Row } from './seed.js'
import { ownedModelNames } from './targets.js'
import { databaseBefore, modelOf, newWorld, type World } from './world.js'

interface Before {
  readonly client: AnyClient
  readonly tables: readonly Table[]
  readonly writes: readonly RelationWrite[]
  close(): Promise<void>
}

let before: Before
let after: World
let writesAfter: readonly RelationWrite[]
beforeAll(async () => {
  before = await openBefore()
  after = await newWorld(migrate)
  writesAfter = await relationWrites({ ...after, rows: (model) => after.rows(model, A) })
}, 120_000)
afterAll(() => Promise.all([before?.close(), after?.close()]))

test('there are the same writes before and after, many of them', () => {
  expect(writesAfter.map(({ title }) => title)).toEqual(before.writes.map(({ title }) => title))
  expect(writesAfter.length).toBeGreaterThan(500)
})

describe.each(ownedModelNames)('%s', (name) => {
  test('answers every relation write as before and leaves every table as before', async () => {
    const own = before.writes.filter(({ model }) => model === name)
    expect(own.length).toBeGreaterThan(3)
    const different: string[] = []
    let done = 0
    for (const write of own) {
      const same = writesAfter.find(({ title }) => title === write.title) as RelationWrite
      const [was, is] = await Promise.all([
        effectOf(before.client, before.tables, write),
        after.as(A, () => effectOf(after.prisma, after.tables, same)),
      ])
      if (JSON.stringify(was.outcome) !== JSON.stringify(is.outcome)) {
        different.push(`${write.title}: ${JSON.stringify(was.outcome)}, and now ${JSON.stringify(is.outcome)}`)
      }
      for (const table of Object.keys(was.tables)) {
        const [then, now] = [JSON.stringify(was.tables[table]), JSON.stringify(is.tables[table])]
        if (then !== now) different.push(`${write.title}, ${table}: ${then}, and now ${now}`)
      }
      if (Object.keys(was.tables).length > 0) done++
    }
    expect(different).toEqual([])
    // At the least: something was written, not only refused alike.
    expect(done).toBeGreaterThan(0)
  })
})

test('SET DEFAULT puts a ticket into the general category of its own company', async () => {
  const category = modelOf(after, 'TicketCategory')
  const [, bug] = (await after.rows(category, A)) as [Row, Row]
  const tickets = await after.rolledBack(A, async (tx) => {
    await tx['ticketCategory']?.['deleteMany']?.({ where: { code: bug['code'] } })
    return (await tx['ticket']?.['findMany']?.({ where: { categoryCode: 'general' } })) as Row[]
  })
  expect(tickets).toHaveLength(2)
  expect(new Set(tickets.map((row) => row['tenantId']))).toEqual(new Set([A.id]))
})

async function openBefore(): Promise<Before> {
  const files = await readSchema()
  const { database } = await databaseBefore({ tenants: [A] })
  const [Client, models, tables] = await Promise.all([
    clientClassOf(files),
    modelsOf(files),
    readTables(database.adminUrl),
  ])
  const pool = new pg.Pool({ connectionString: database.adminUrl, max: 3 })
  const client = new Client({ adapter: new PrismaPg(pool) })
  const rows = async (model: Model): Promise<Row[]> => {
    const table = tables.find((one) => one.name === model.table)
    if (!table) return []
    const key = table.primaryKey.map((name) => pg.escapeIdentifier(name)).join(', ')
    const order = (await pool.query<Row>(`SELECT * FROM ${table.sql} ORDER BY ${key}`)).rows
    const columns = model.key.map((field) => model.scalars.find(({ name }) => name === field)?.dbName ?? field)
    const place = new Map(order.map((row, i) => [keyOf(row, columns), i]))
    const all = (await client[model.delegate]?.['findMany']?.()) as Row[]
    return all.sort((a, b) => (place.get(keyOf(a, model.key)) ?? 0) - (place.get(keyOf(b, model.key)) ?? 0))
  }
  return {
    client,
    tables,
    writes: await relationWrites({ models, tables, rows }),
    close: async () => {
      await client.$disconnect()
      await pool.end()
      await database.drop()
    },
  }
}
