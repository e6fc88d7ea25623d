// Proves on PostgreSQL 15 and 18 that the migration of the thirty models does all that its steps say, in one transaction
// and under traffic's rules alike, that the catalog shows it, and that down.sql leaves the catalog as it was.
import { readFile } from 'node:fs/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stepsLeft } from '../../src/migration/done.js'
import { downSql, migrationSql } from '../../src/migration/files.js'
import { planSteps } from '../../src/migration/plan-steps.js'
import type { Step } from '../../src/migration/step.js'
import { applyOnline } from '../../src/online/apply-online.js'
import { checkConfig } from '../../src/schema/config.js'
import { desiredState } from '../../src/schema/desired-state.js'
import { editedSchema } from '../../src/schema/edit.js'
import { readSchema } from '../../src/schema/read.js'
import { catalogOf } from '../sql/catalog.js'
import { startPostgres, type TestServer } from '../support/postgres.js'
import { ddlOf } from '../support/prisma-ddl.js'
import { CONFIG, readSchema as readFiles } from '../thirty-models/schema-files.js'

const files = await readFiles()
const written = JSON.parse(await readFile(CONFIG, 'utf8'))

async function stepsOf(change: object = {}): Promise<Step[]> {
  // Roles belong to the whole server, which other test files use too.
  const roles = { app: 'steps_app', migrator: 'steps_migrator', bypass: 'steps_bypass' }
  const config = checkConfig({ ...written, roles, ...change })
  const before = await readSchema(files)
  return planSteps(desiredState(await editedSchema(before, config), before, config))
}

describe.each([15, 18] as const)('on PostgreSQL %s', (major) => {
  let server: TestServer
  beforeAll(async () => {
    server = await startPostgres({ major })
  })

  async function newDatabase(): Promise<{ client: Client; url: string; drop: () => Promise<void> }> {
    const database = await server.createDatabase()
    const client = new Client({ connectionString: database.adminUrl })
    await client.connect()
    await client.query(await ddlOf(files))
    return {
      client,
      url: database.adminUrl,
      drop: async () => {
        await client.end()
        await database.drop()
      },
    }
  }

  test.each([{ seal: false }, { seal: true }])(
    'the steps with %o are all there afterwards, and none before',
    async (change) => {
      const steps = await stepsOf(change)
      const { client, drop } = await newDatabase()
      try {
        const before = await catalogOf(client, 'steps\\_%')
        expect(await stepsLeft(client, steps)).toEqual(steps)
        await client.query(migrationSql(steps))
        expect((await stepsLeft(client, steps)).map(({ key }) => key)).toEqual([])
        expect(await catalogOf(client, 'steps\\_%')).not.toEqual(before)
        await client.query(downSql(steps))
        expect(await catalogOf(client, 'steps\\_%')).toEqual(before)
      } finally {
        await drop()
      }
    },
  )

  test('the online way ends where migration.sql ends', async () => {
    const steps = await stepsOf()
    const [plain, online] = [await newDatabase(), await newDatabase()]
    try {
      await plain.client.query(migrationSql(steps))
      const connect = async (): Promise<Client> => {
        const client = new Client({ connectionString: online.url })
        await client.connect()
        return client
      }
      const report = await applyOnline(connect, steps, { pause: 0 })
      expect(report.missing).toEqual([])
      expect(report.steps.filter(({ state }) => state === 'done')).toHaveLength(
        steps.length - report.steps.filter(({ state }) => state === 'there').length,
      )
      expect(await catalogOf(online.client, 'steps\\_%')).toEqual(await catalogOf(plain.client, 'steps\\_%'))
    } finally {
      await plain.drop()
      await online.drop()
    }
  })

  test('plain policies become sealed ones and plain again, by the policy steps alone', async () => {
    const [plain, sealed] = [await stepsOf(), await stepsOf({ seal: true })]
    const { client, drop } = await newDatabase()
    try {
      await client.query(migrationSql(plain))
      const before = await catalogOf(client, 'steps\\_%')
      const toSeal = await stepsLeft(client, sealed)
      expect(new Set(toSeal.map(({ key }) => key.split(' ')[0]))).toEqual(new Set(['seal', 'policy']))
      await client.query(migrationSql(toSeal))
      expect(await stepsLeft(client, sealed)).toEqual([])
      const back = await stepsLeft(client, plain)
      expect(new Set(back.map(({ key }) => key.split(' ')[0]))).toEqual(new Set(['policy']))
      await client.query(migrationSql(back))
      expect((await catalogOf(client, 'steps\\_%')).filter((line) => line.includes('policy'))).toEqual(
        before.filter((line) => line.includes('policy')),
      )
    } finally {
      await drop()
    }
  })

  afterAll(async () => {
    await server.stop()
  })
})
