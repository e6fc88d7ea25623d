// Proves that an index is built however the last attempt ended, and that nobody else's build is disturbed.
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'

import type { Step } from '../../src/migration/step.js'
import type { ProgressEvent } from '../../src/online/progress.js'
import { runSql } from '../support/postgres.js'
import { apply, connect, createOnlineWorld, type OnlineWorld } from './online-world.js'

let world: OnlineWorld
let opened: pg.Client[] = []

beforeEach(async () => {
  world = await createOnlineWorld()
})
afterEach(async () => {
  await Promise.all(opened.map((client) => client.end()))
  opened = []
  await world.drop()
})

const table = { schema: 'public', table: 'tasks' }
const odd = 'tasks "odd"'

function index(columns: string, unique = ''): Step {
  const sql = `CREATE ${unique} INDEX CONCURRENTLY IF NOT EXISTS "tasks ""odd""" ON tasks (${columns})`
  return {
    key: 'index',
    title: 'Index',
    table,
    sql,
    down: '',
    done: 'false',
    online: [{ kind: 'index', name: odd, table, sql }],
  }
}

async function session(url: string): Promise<pg.Client> {
  const client = await connect(url)
  client.on('error', () => {})
  opened.push(client)
  return client
}

async function state(): Promise<{ oid: number; valid: boolean } | undefined> {
  const [found] = await runSql<{ oid: number; valid: boolean }>(
    world.adminUrl,
    'SELECT indexrelid AS oid, indisvalid AS valid FROM pg_index JOIN pg_class ON oid = indexrelid WHERE relname = $1',
    [odd],
  )
  return found
}

/** As PostgreSQL leaves it: a transaction held up the build, and somebody cancelled it. */
async function leaveInvalidIndex(): Promise<number> {
  const holder = await session(world.appUrl)
  await holder.query('BEGIN; SELECT FROM tasks; DELETE FROM tasks WHERE false')
  const builder = await session(world.ownerUrl)
  await builder.query("SET lock_timeout = '50ms'")
  await expect(builder.query(index('title').sql)).rejects.toMatchObject({ code: '55P03' })
  await holder.query('COMMIT')
  const left = await state()
  expect(left).toMatchObject({ valid: false })
  return left?.oid ?? 0
}

test('an invalid index of an interrupted build is dropped and built again', async () => {
  const invalid = await leaveInvalidIndex()
  // IF NOT EXISTS alone would be content with it.
  await runSql(world.ownerUrl, index('title').sql)
  expect(await state()).toEqual({ oid: invalid, valid: false })

  await apply(world, {}, [index('title')])
  const built = await state()
  expect(built).toMatchObject({ valid: true })
  expect(built?.oid).not.toBe(invalid)
})

test('a valid index stays as it is', async () => {
  await runSql(world.ownerUrl, index('title').sql)
  const before = await state()
  await apply(world, {}, [index('title')])
  expect(await state()).toEqual(before)
})

test('an older transaction is waited for, longer than lockTimeout, and named', async () => {
  const holder = await session(world.appUrl)
  await holder.query('BEGIN; DELETE FROM tasks WHERE false')
  const events: ProgressEvent[] = []
  const applied = apply(world, { lockTimeout: 100, onProgress: (event) => events.push(event) }, [index('title')])
  await sleep(1_300)
  await holder.query('COMMIT')
  await applied
  expect(await state()).toMatchObject({ valid: true })
  expect(events).toContainEqual({
    kind: 'waiting',
    title: odd,
    blockers: [expect.stringMatching(/^process \d+ \(user app_user/)],
  })
  expect(events.filter(({ kind }) => kind === 'index')).not.toEqual([])
})

test('a run that is stopped while it waits for one leaves an index that the next run builds again', async () => {
  const holder = await session(world.appUrl)
  await holder.query('BEGIN; DELETE FROM tasks WHERE false')
  const controller = new AbortController()
  const applied = apply(world, { signal: controller.signal }, [index('title')])
  setTimeout(() => controller.abort(), 300)
  await expect(applied).rejects.toThrow('aborted')
  expect(await state()).toMatchObject({ valid: false })
  await holder.query('COMMIT')
  await apply(world, {}, [index('title')])
  expect(await state()).toMatchObject({ valid: true })
})

test("somebody else's build of the same index is not dropped but waited for", async () => {
  const holder = await session(world.appUrl)
  await holder.query('BEGIN; DELETE FROM tasks WHERE false')
  const builder = await session(world.ownerUrl)
  const building = builder.query(index('title').sql)
  await expect.poll(state).toMatchObject({ valid: false })
  const theirs = await state()

  await expect(apply(world, { lockTimeout: 50, retries: 1 }, [index('title')])).rejects.toMatchObject({
    code: 'MIGRATION.BLOCKED',
    message: expect.stringMatching(
      /^The index tasks "odd" is being built by another session: process \d+ \(user app_owner/,
    ),
  })
  expect(await state()).toEqual(theirs)

  const applied = apply(world, { lockTimeout: 200 }, [index('title')])
  await sleep(400)
  await holder.query('COMMIT')
  await building
  await applied
  expect(await state()).toEqual({ oid: theirs?.oid, valid: true })
})

test('a unique index that finds a value twice is an error, and leaves nothing that refuses writes', async () => {
  await runSql(world.ownerUrl, "UPDATE tasks SET title = 'the same and secret'")
  await expect(apply(world, {}, [index('title', 'UNIQUE')])).rejects.toMatchObject({
    code: 'MIGRATION.ROWS',
    message: expect.not.stringContaining('secret'),
    hint: 'Two rows of one tenant have the same values in these columns. Change one of them, then start again.',
  })
  expect(await state()).toBeUndefined()
})

test.each([
  ['a table', 'CREATE TABLE "tasks ""odd""" (id int)'],
  ['an index of another table', 'CREATE INDEX "tasks ""odd""" ON projects (name)'],
])('a name that %s has is a conflict', async (_, sql) => {
  await runSql(world.ownerUrl, sql)
  await expect(apply(world, {}, [index('title')])).rejects.toMatchObject({
    code: 'MIGRATION.CONFLICT',
    message: expect.stringContaining('The name tasks "odd" is taken: it is not an index of public.tasks.'),
    hint: expect.stringContaining('ALTER INDEX "tasks ""odd""" RENAME'),
  })
})
