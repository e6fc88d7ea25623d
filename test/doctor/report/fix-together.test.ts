// Proves that the migration of `--fix` is in an order that works: many faults stand in one database, all mechanical fixes run
// in one transaction, and what is left then is what was said to need a person.
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { doctor, type Finding } from '../../../src/doctor/index.js'
import { fixesOf } from '../../../src/doctor/report/fix.js'
import { runSql, startPostgres, type TestServer } from '../../support/postgres.js'
import { allFixtures } from '../rule-fixture.js'
import { createWorldTemplate, type WorldTemplate, worldOptions } from '../world.js'

/** Of each rule, those that need nothing but SQL. */
const faults = [...(await allFixtures()).values()].map((fixture) =>
  fixture.faults.filter(({ options, server }) => !options && !server),
)

let server: TestServer
let template: WorldTemplate
beforeAll(async () => {
  server = await startPostgres()
  template = await createWorldTemplate(server)
})
afterAll(async () => {
  await template?.drop()
  await server?.stop()
})

test.each([
  { round: 0, atLeast: 25 },
  { round: 1, atLeast: 15 },
  { round: 2, atLeast: 15 },
  { round: 3, atLeast: 10 },
])("each rule's fault number $round", async ({ round, atLeast }) => {
  const world = await template.copy()
  const planted = faults.flatMap((of) => of[round] ?? []).filter(({ since = 0 }) => server.major >= since)
  try {
    for (const { sql } of planted) await plant(world.adminUrl, sql)
    const { sql, mechanical, forPeople } = fixesOf(await findings(world.adminUrl))
    expect(new Set([...mechanical, ...forPeople].map(({ rule }) => rule)).size).toBeGreaterThanOrEqual(atLeast)
    expect(mechanical.length).toBeGreaterThan(forPeople.length)
    // A text without parameters is one transaction, as where Prisma runs it.
    await runSql(world.adminUrl, sql)
    const named = forPeople.map(nameOf)
    expect((await findings(world.adminUrl)).map(nameOf).filter((name) => !named.includes(name))).toEqual([])
  } finally {
    await world.drop()
    for (const role of planted.flatMap(({ roles = [] }) => roles)) {
      await runSql(server.adminUrl, `DROP ROLE IF EXISTS ${pg.escapeIdentifier(role)}`)
    }
  }
})

/** Some faults take away what others stand on, or make the same table: such a one is left out. */
async function plant(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } catch (error) {
    if (!/does not exist|already exists/.test((error as Error).message)) throw error
  } finally {
    await client.end()
  }
}

async function findings(url: string): Promise<readonly Finding[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await doctor(client, worldOptions)).findings
  } finally {
    await client.end()
  }
}

const nameOf = ({ rule, object }: Finding): string => `${rule}: ${object}`
