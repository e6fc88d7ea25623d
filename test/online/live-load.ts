// The service at work while its database is changed: selects, updates and inserts of several tenants on connections of
// their own, each statement timed, each row's tenant looked at.
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'

import { runSql } from '../support/postgres.js'
import { connect, type OnlineWorld } from './online-world.js'

export interface LoadReport {
  readonly statements: number
  readonly failures: string[]
  /** Of one statement from sending it to its answer: execution, waiting and this process's own delays, in ms. */
  readonly slowest: number
  readonly percentile99: number
  /** The longest wait for a lock that was seen in pg_locks, in ms. */
  readonly longestLockWait: number
  readonly samplesWithWaits: number
  /** Selects that were given other tenants' rows as well, before and after the policy was in place. */
  readonly foreign: { before: number; after: number }
  readonly selectsUnderPolicy: number
}

interface Tenant {
  readonly id: string
  readonly projects: readonly string[]
  readonly tasks: readonly string[]
}

const SAMPLE_EVERY = 5

/**
 * Starts the load; `stop` ends it and reports. How waiting is measured, in three ways:
 * - every connection has `lock_timeout` set to what is promised, so that PostgreSQL itself ends a statement that waits
 *   longer for a lock, and that is a failure;
 * - the waits in pg_locks are sampled every few milliseconds by their `waitstart`;
 * - every statement is timed here, which is more than its wait.
 */
export async function startLoad(
  world: OnlineWorld,
  options: { readonly lockTimeout: number; readonly workers?: number },
): Promise<{ report(): LoadReport; reset(): void; stop(): Promise<LoadReport> }> {
  const tenants = await someTenants(world)
  const workers = options.workers ?? 6
  const clients = await Promise.all(Array.from({ length: workers }, () => connect(world.appUrl)))
  const sampler = await connect(world.adminUrl)
  let times: number[] = []
  const failures: string[] = []
  let longestLockWait = 0
  let samplesWithWaits = 0
  const foreign = { before: 0, after: 0 }
  let selectsUnderPolicy = 0
  let running = true

  const timed = async (client: pg.Client, text: string, values: unknown[] = []): Promise<pg.QueryResult> => {
    const start = performance.now()
    try {
      return await client.query(text, values)
    } catch (error) {
      const { code, message } = error as { code?: string; message: string }
      failures.push(`${code}: ${message} after ${Math.round(performance.now() - start)} ms in ${text}`)
      throw error
    } finally {
      times.push(performance.now() - start)
    }
  }

  const look = async (client: pg.Client, tenant: Tenant): Promise<void> => {
    // One statement, one snapshot: whether the policy was there, and what was seen.
    const { rows } = await timed(
      client,
      `SELECT (SELECT relrowsecurity FROM pg_class WHERE oid = 'tasks'::regclass) AS protected, array_agg(DISTINCT mark) AS marks
       FROM (SELECT mark FROM tasks WHERE title = 'Task 1' LIMIT 200) AS seen`,
    )
    const { protected: underPolicy, marks } = rows[0] as { protected: boolean; marks: string[] | null }
    const own = marks?.includes(tenant.id) ?? false
    if (underPolicy) selectsUnderPolicy++
    if (underPolicy && !own) failures.push('a tenant did not see its own rows')
    if (marks?.some((mark) => mark !== tenant.id)) foreign[underPolicy ? 'after' : 'before']++
  }
  const change = async (client: pg.Client, tenant: Tenant): Promise<void> => {
    const task = await timed(client, 'UPDATE tasks SET done = NOT done WHERE id = $1', [pick(tenant.tasks)])
    const project = await timed(client, `UPDATE projects SET name = name || '' WHERE id = $1`, [pick(tenant.projects)])
    if (task.rowCount !== 1 || project.rowCount !== 1) failures.push('an update did not find its row')
  }
  const add = async (client: pg.Client, tenant: Tenant): Promise<void> => {
    const added = await timed(client, `INSERT INTO projects (company_id, name) VALUES ($1, 'New') RETURNING id`, [
      tenant.id,
    ])
    const values = [added.rows[0]?.id, tenant.id]
    await timed(client, `INSERT INTO tasks (project_id, mark, title) VALUES ($1, $2, 'Task 1')`, values)
  }

  const work = async (client: pg.Client, number: number): Promise<void> => {
    client.on('error', (error) => failures.push(String(error)))
    await client.query(`SET lock_timeout = ${options.lockTimeout}`)
    for (let turn = number; running; turn++) {
      const tenant = pick(tenants)
      const job = [look, change, add][turn % 3] ?? look
      try {
        await timed(client, 'BEGIN')
        await timed(client, "SELECT set_config('app.tenant_id', $1, true)", [tenant.id])
        await job(client, tenant)
        await timed(client, 'COMMIT')
      } catch {
        await client.query('ROLLBACK').catch(() => {})
      }
      await sleep(2)
    }
  }
  const sample = async (): Promise<void> => {
    while (running) {
      const { rows } = await sampler.query<{ wait: number | null }>(
        `SELECT max(extract(epoch FROM clock_timestamp() - waitstart) * 1000)::float8 AS wait
         FROM pg_locks JOIN pg_stat_activity USING (pid)
         WHERE NOT granted AND usename = 'app_user' AND datname = current_database()`,
      )
      const wait = rows[0]?.wait ?? 0
      if (wait > 0) samplesWithWaits++
      longestLockWait = Math.max(longestLockWait, wait)
      await sleep(SAMPLE_EVERY)
    }
  }

  const all = [...clients.map(work), sample()]
  const report = (): LoadReport => {
    const sorted = times.toSorted((a, b) => a - b)
    return {
      statements: sorted.length,
      failures: [...failures],
      slowest: sorted.at(-1) ?? 0,
      percentile99: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
      longestLockWait,
      samplesWithWaits,
      foreign: { ...foreign },
      selectsUnderPolicy,
    }
  }
  return {
    report,
    reset() {
      times = []
    },
    async stop() {
      running = false
      await Promise.all(all)
      await Promise.all([...clients, sampler].map((client) => client.end()))
      return report()
    },
  }
}

async function someTenants(world: OnlineWorld): Promise<Tenant[]> {
  return runSql<Tenant & pg.QueryResultRow>(
    world.adminUrl,
    `SELECT id,
       ARRAY(SELECT projects.id FROM projects WHERE company_id = companies.id LIMIT 20) AS projects,
       ARRAY(SELECT tasks.id FROM tasks WHERE project_id IN
         (SELECT projects.id FROM projects WHERE company_id = companies.id LIMIT 20) LIMIT 50) AS tasks
     FROM companies ORDER BY id LIMIT 20`,
  )
}

function pick<Item>(items: readonly Item[]): Item {
  const item = items[Math.floor(Math.random() * items.length)]
  if (item === undefined) throw new Error('There is nothing to pick from.')
  return item
}
