// Proves that autovacuum, which a backfill calls up, does not stand in the way of the changes that follow it.
import { afterAll, beforeAll, expect, test } from 'vitest'

import { runSql, startPostgres, type TestServer } from '../support/postgres.js'
import { createTemplate } from '../support/template.js'
import { apply, createOnlineWorld, type OnlineWorld } from './online-world.js'

let server: TestServer
let world: OnlineWorld

// A server of its own, since how often autovacuum looks is a setting of the whole server.
beforeAll(async () => {
  server = await startPostgres({ major: 17 })
  await createTemplate(server.adminUrl)
  world = await createOnlineWorld({ tasks: 20_000, server })
  await runSql(server.adminUrl, "ALTER SYSTEM SET autovacuum_naptime = '1s'")
  await runSql(server.adminUrl, 'SELECT pg_reload_conf()')
})
afterAll(() => server.stop())

const vacuums = (): Promise<{ pid: number }[]> =>
  runSql(world.adminUrl, "SELECT pid FROM pg_stat_progress_vacuum WHERE relid = 'tasks'::regclass")

test('a table that is being vacuumed is changed as soon as autovacuum gives way', async () => {
  // So slow that it would take minutes.
  await runSql(
    world.ownerUrl,
    `ALTER TABLE tasks SET (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1,
       autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0)`,
  )
  await runSql(world.ownerUrl, 'UPDATE tasks SET done = NOT done')
  await expect.poll(vacuums, { timeout: 20_000 }).toHaveLength(1)
  const [worker] = await vacuums()
  const change = {
    key: 'change',
    title: 'A change of tasks',
    table: { schema: 'public', table: 'tasks' },
    sql: 'ALTER TABLE tasks ADD COLUMN late int',
    down: '',
    done: "EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'tasks'::regclass AND attname = 'late')",
  }
  // Long enough for a busy machine to see who is in the way while the first attempt waits.
  const report = await apply(world, { lockTimeout: 1_000, retries: 1 }, [change])
  expect(report).toMatchObject({ missing: [], retries: 1 })
  // The worker that was at it has given up.
  expect((await vacuums()).map(({ pid }) => pid)).not.toContain(worker?.pid)
})
