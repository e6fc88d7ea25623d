// Proves that applyOnline ends where the migration's own SQL ends, that what stands in its way makes it wait or say so, and
// that it changes nothing where it must not.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'

import type { Step } from '../../src/migration/step.js'
import type { ProgressEvent } from '../../src/online/progress.js'
import { runSql } from '../support/postgres.js'
import { fixtureSteps } from './fixture-steps.js'
import { apply, catalog, connect, createOnlineWorld, type OnlineWorld, strayRows } from './online-world.js'

const none = { projects: 0, tasks: 0 }
const quick = { lockTimeout: 200, retries: 2 }

let end: string[]
let world: OnlineWorld
let opened: pg.Client[] = []

beforeAll(async () => {
  const migrated = await createOnlineWorld()
  await runSql(migrated.ownerUrl, fixtureSteps.map(({ sql }) => sql).join('\n'))
  end = await catalog(migrated)
  expect(await strayRows(migrated)).toEqual(none)
  await migrated.drop()
})
beforeEach(async () => {
  world = await createOnlineWorld()
})
afterEach(async () => {
  await Promise.all(opened.map((client) => client.end()))
  opened = []
  await world.drop()
})

async function session(url: string): Promise<pg.Client> {
  const client = await connect(url)
  client.on('error', () => {})
  opened.push(client)
  return client
}

test('a database ends where the migration in one transaction ends, with every row in its tenant', async () => {
  expect(await catalog(world)).not.toEqual(end)
  const report = await apply(world)
  expect(await catalog(world)).toEqual(end)
  expect(await strayRows(world)).toEqual(none)
  expect(report).toMatchObject({ filled: 210, missing: [] })
  expect(report.steps.every(({ state }) => state === 'done')).toBe(true)
})

test('a second run finds everything there and does nothing', async () => {
  await apply(world)
  const events: ProgressEvent[] = []
  const report = await apply(world, { onProgress: (event) => events.push(event) })
  expect(report).toMatchObject({ filled: 0, retries: 0, missing: [] })
  expect(events.map((event) => event.kind === 'step' && event.state)).toEqual(fixtureSteps.map(() => 'there'))
})

test('a transaction that holds the table is waited for, and meanwhile nobody queues up for longer than lockTimeout', async () => {
  const reader = await session(world.appUrl)
  await reader.query('BEGIN; SELECT FROM projects LIMIT 1')
  const waits: number[] = []
  const applied = apply(world, { lockTimeout: 200, retries: 50 })
  const other = await session(world.appUrl)
  // A reader that comes second waits behind the waiting ALTER TABLE; PostgreSQL itself would refuse it after 200 ms.
  await other.query('SET lock_timeout = 200')
  for (const until = Date.now() + 1_500; Date.now() < until; ) {
    const start = performance.now()
    await other.query('SELECT FROM projects LIMIT 1')
    waits.push(performance.now() - start)
  }
  expect(Math.max(...waits)).toBeGreaterThan(50)
  await reader.query('COMMIT')
  const report = await applied
  expect(report.retries).toBeGreaterThan(0)
  expect(await catalog(world)).toEqual(end)
})

test('a lock that is never given is an error with the table, the holder and what to type, and leaves no transaction', async () => {
  const holder = await session(world.appUrl)
  const { rows } = await holder
    .query("SET application_name = 'report'; SELECT pg_backend_pid() AS pid")
    .then((results) => (results as unknown as pg.QueryResult<{ pid: number }>[])[1] ?? { rows: [] })
  await holder.query("BEGIN; SELECT 'secret' FROM projects LIMIT 1")
  const before = await catalog(world)
  await expect(apply(world, quick)).rejects.toMatchObject({
    code: 'MIGRATION.BLOCKED',
    message: expect.stringMatching(
      `^Tenant column of projects: no lock on public.projects in 3 attempts, held by process ${rows[0]?.pid} \\(user app_user, application report.*\\)\\.\n`,
    ),
    hint: expect.stringContaining(`SELECT pg_terminate_backend(${rows[0]?.pid});`),
  })
  expect(await catalog(world)).toEqual(before)
  await holder.query('COMMIT')
  await apply(world, quick)
  expect(await catalog(world)).toEqual(end)
})

test('a transaction of the live load that waits in a circle with a change is never the one that fails', async () => {
  const load = await session(world.appUrl)
  // The foreign key takes tasks, then waits for projects; the load has projects, then waits for tasks.
  const before = fixtureSteps.filter(({ key }) => !key.startsWith('policy') && !key.startsWith('foreign'))
  await apply(world, {}, before)
  await load.query("BEGIN; UPDATE projects SET name = 'changed'")
  const applied = apply(world, { lockTimeout: 10_000 })
  const waiting = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'projects'::regclass"
  await expect.poll(() => runSql(world.adminUrl, waiting), { timeout: 5_000 }).toHaveLength(1)
  // The change looks for a circle once, after deadlock_timeout; from then on it is whoever closes it that finds it.
  await sleep(1_500)
  const start = performance.now()
  await load.query('UPDATE tasks SET done = true')
  expect(performance.now() - start).toBeLessThan(1_000)
  await load.query('COMMIT')
  expect((await applied).retries).toBeGreaterThan(0)
  expect(await catalog(world)).toEqual(end)
})

test('work that would keep the live load waiting for longer than lockTimeout is rolled back', async () => {
  const slow: Step = {
    key: 'slow',
    title: 'A long change',
    table: { schema: 'public', table: 'projects' },
    sql: 'ALTER TABLE projects ADD COLUMN late int; SELECT pg_sleep(1)',
    down: '',
    done: 'false',
  }
  await expect(apply(world, { lockTimeout: 100, retries: 1 }, [slow])).rejects.toMatchObject({
    code: 'MIGRATION.BLOCKED',
    message: expect.stringContaining('takes longer than the live load may be kept waiting (100 ms)'),
  })
  expect((await catalog(world)).join()).not.toContain('projects.late')
})

test('two runs never work at once: the second is refused, and the first goes on', async () => {
  const holder = await session(world.appUrl)
  await holder.query('BEGIN; SELECT FROM projects LIMIT 1')
  const first = apply(world, { lockTimeout: 200 })
  await sleep(300)
  await expect(apply(world)).rejects.toMatchObject({
    code: 'MIGRATION.BLOCKED',
    message: expect.stringMatching(/^Another tenancy apply is at work in this database: process \d+ \(user app_owner/),
    hint: expect.stringMatching(/SELECT pg_terminate_backend\(\d+\);$/),
  })
  await holder.query('COMMIT')
  await first
  expect(await catalog(world)).toEqual(end)
})

test('a run whose session is gone keeps nobody out', async () => {
  await session(world.appUrl).then((client) => client.query('BEGIN; SELECT FROM projects LIMIT 1'))
  const first = apply(world, { lockTimeout: 200 })
  await sleep(300)
  const refused = expect(first).rejects.toThrow()
  await runSql(
    world.adminUrl,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE application_name = 'tenancy apply' AND datname = current_database()`,
  )
  await refused
  await opened[0]?.query('COMMIT')
  await apply(world)
  expect(await catalog(world)).toEqual(end)
})

test('rows in the way of a foreign key are found before anything is changed', async () => {
  const steps = fixtureSteps.map((step): Step => {
    const check = {
      kind: 'check',
      sql: 'SELECT id FROM tasks;',
      problem: 'tasks are odd',
      hint: 'Even them out.',
    } as const
    return step.key.startsWith('foreign key') ? { ...step, online: [check] } : step
  })
  const before = await catalog(world)
  await expect(apply(world, {}, steps)).rejects.toMatchObject({
    code: 'MIGRATION.ROWS',
    message: expect.stringContaining('Foreign key of tasks to projects: tasks are odd (200 rows).'),
    hint: 'Even them out. This lists them: SELECT id FROM tasks;',
  })
  expect(await catalog(world)).toEqual(before)
})

test('a check waits for a table that somebody holds, before the first change and in its turn', async () => {
  const check: Step = {
    key: 'check',
    title: 'Check of tasks',
    sql: '',
    down: '',
    done: 'false',
    online: [
      {
        kind: 'check',
        sql: 'SELECT id FROM tasks WHERE id IS NULL',
        problem: 'tasks have no id',
        hint: 'Give them one.',
      },
    ],
  }
  const holder = await session(world.ownerUrl)
  await holder.query('BEGIN; LOCK TABLE tasks')
  await expect(apply(world, quick, [check])).rejects.toMatchObject({
    code: 'MIGRATION.BLOCKED',
    message: expect.stringMatching(/^Check of tasks: no lock in 3 attempts, held by process \d+ \(user app_owner/),
  })
  const applied = apply(world, { lockTimeout: 100, retries: 50 }, [check])
  await sleep(400)
  await holder.query('COMMIT')
  expect((await applied).retries).toBeGreaterThan(0)
})

test('a task that points at another tenant is found when its turn comes, and the key is not added', async () => {
  const [project] = await runSql<{ id: string }>(world.adminUrl, 'SELECT id FROM projects LIMIT 1')
  const spoil: Step = {
    key: 'spoil',
    title: 'Somebody else',
    sql: `UPDATE tasks SET tenant_id = '${randomUUID()}' WHERE project_id = '${project?.id}';`,
    down: '',
    done: 'false',
  }
  const at = fixtureSteps.findIndex(({ key }) => key.startsWith('foreign key'))
  await expect(apply(world, {}, fixtureSteps.toSpliced(at, 0, spoil))).rejects.toMatchObject({
    code: 'MIGRATION.ROWS',
    message: expect.stringContaining(
      'Foreign key of tasks to projects: tasks point at projects of another tenant (20 rows).',
    ),
    hint: expect.stringContaining('This lists them: SELECT child.id FROM'),
  })
  expect((await catalog(world)).join()).not.toContain('tasks_tenant_id_project_id_fkey')
})

test('a role that owns nothing is told what it takes, and nothing is changed', async () => {
  const before = await catalog(world)
  await expect(apply({ ownerUrl: world.appUrl })).rejects.toMatchObject({
    code: 'MIGRATION.FAILED',
    message: expect.stringContaining('Tenant column of projects: must be owner of table projects.'),
    hint: expect.stringContaining('Run it as the owner of the tables'),
  })
  expect(await catalog(world)).toEqual(before)
})

test('the owner of tables that are protected already is refused, not silently shown no row', async () => {
  await apply(world)
  await runSql(world.ownerUrl, `CREATE TABLE notes (id int PRIMARY KEY, task_id uuid NOT NULL, tenant_id uuid);`)
  await runSql(world.adminUrl, 'INSERT INTO notes SELECT 1, id FROM tasks LIMIT 1')
  const notes = { schema: 'public', table: 'notes' }
  const value = '(SELECT parent.tenant_id FROM tasks AS parent WHERE parent.id = "child".task_id)'
  const fill: Step = {
    key: 'notes',
    title: 'Tenants of the rows of notes',
    sql: '',
    down: '',
    done: 'false',
    online: [{ kind: 'backfill', table: notes, column: 'tenant_id', key: ['id'], value }],
  }
  await expect(apply(world, {}, [fill])).rejects.toMatchObject({
    code: 'MIGRATION.FAILED',
    message: expect.stringContaining('row-level security policy'),
    hint: expect.stringContaining('BYPASSRLS'),
  })
  const report = await apply({ ownerUrl: world.adminUrl }, {}, [fill])
  expect(report.filled).toBe(1)
})

test('a signal stops the statement under way, and the next run goes on from there', async () => {
  const controller = new AbortController()
  const stop = (event: ProgressEvent): void => {
    if (event.kind === 'action' && event.action === 'index' && event.state === 'started') controller.abort()
  }
  await expect(apply(world, { signal: controller.signal, onProgress: stop })).rejects.toThrow('aborted')
  expect(await catalog(world)).not.toEqual(end)
  await apply(world)
  expect(await catalog(world)).toEqual(end)
})

test('a step that leaves no trace is named in the report', async () => {
  const idle: Step = { key: 'idle', title: 'Nothing', sql: 'SELECT 1', down: '', done: 'false' }
  expect((await apply(world, {}, [idle])).missing).toEqual(['Nothing'])
  expect(await apply(world, {}, [])).toEqual({ steps: [], filled: 0, retries: 0, missing: [] })
})

test('more steps than a row has columns are looked up at once', async () => {
  const steps = Array.from({ length: 2_000 }, (_, n): Step => {
    return { key: `${n}`, title: `Step ${n}`, sql: 'SELECT 1', down: '', done: 'true -- there' }
  })
  expect((await apply(world, {}, steps)).steps.every(({ state }) => state === 'there')).toBe(true)
})

test.each([{ lockTimeout: 0 }, { retries: -1 }, { batchSize: 0 }, { pause: 0.5 }])(
  'the option %o is refused before anything is opened',
  async (options) => {
    await expect(apply({ ownerUrl: 'postgresql://nowhere:1/none' }, options)).rejects.toMatchObject({
      code: 'CONFIG.INVALID',
      hint: expect.stringMatching(/^Pass a whole number of at least \d+\.$/),
    })
  },
)
