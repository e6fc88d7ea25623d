import type { Client } from 'pg'

import { TenancyError } from '../errors.js'
import type { OnlineAction, Step } from '../migration/step.js'
import type { TableName } from '../sql/quote.js'
import { type BackfillAction, backfill } from './backfill.js'
import { buildIndex } from './build-index.js'
import { checkRows, checkRowsAhead } from './check-rows.js'
import { failure, sqlState } from './failures.js'
import { showTable, withRetries } from './lock-retry.js'
import type { OnProgress } from './progress.js'
import { lockLimits, prepare, type Run, takeRunLock, underLockTimeout } from './session.js'

export interface ApplyOnlineOptions {
  /**
   * The longest that a statement of the live load waits because of a lock of ours, in milliseconds. Default 1000.
   * A change of ours waits for at most half of it, since those who queue up behind us wait for our work as well.
   */
  readonly lockTimeout?: number | undefined
  /** How often a change that gets no lock is tried again, with growing pauses. Default 30, which is about two minutes. */
  readonly retries?: number | undefined
  /** At most so many rows a transaction of a backfill; fewer where they take long. Default 2000. */
  readonly batchSize?: number | undefined
  /** Milliseconds between two of them, for the live load. Default 10. */
  readonly pause?: number | undefined
  readonly onProgress?: OnProgress | undefined
  /** Stops after the statement under way, which is cancelled. What is done stays done. */
  readonly signal?: AbortSignal | undefined
}

export interface ApplyReport {
  /** In their order. `there`: nothing was to be done. */
  readonly steps: readonly { readonly key: string; readonly title: string; readonly state: 'there' | 'done' }[]
  /** Rows that got their tenant. */
  readonly filled: number
  /** How often a lock was not to be had at first. */
  readonly retries: number
  /** Steps that ran and whose end the catalog still does not show. Empty, unless somebody undid them meanwhile. */
  readonly missing: readonly string[]
}

/** Rows without a tenant that came in after the last batch: fill and validate again. More often means a writer of them. */
const REFILLS = 5

/**
 * Brings a live database to the end state of the steps, in their order. Leaves out what is there. May be killed at any
 * moment and started again: the end is the same.
 *
 * It needs connections of its own to PostgreSQL itself, not through a pooler in transaction mode, logged in as the owner
 * of the tables; where they have policies already, as a role with BYPASSRLS that is a member of the owner.
 *
 * @param connect opens a connection; it is called twice, and both are closed at the end
 * @throws TenancyError `MIGRATION.BLOCKED` (a lock that is not to be had, or another run at work), `MIGRATION.ROWS` (rows
 * in the way), `MIGRATION.CONFLICT`, `MIGRATION.FAILED` (PostgreSQL refused), `CONFIG.INVALID`
 * @example await applyOnline(async () => { const c = new pg.Client(url); await c.connect(); return c }, steps)
 * @see https://www.postgresql.org/docs/current/explicit-locking.html
 */
export async function applyOnline(
  connect: () => Promise<Client>,
  steps: readonly Step[],
  options: ApplyOnlineOptions = {},
): Promise<ApplyReport> {
  const settings = {
    lockTimeout: positive('lockTimeout', options.lockTimeout ?? 1_000, 10),
    retries: positive('retries', options.retries ?? 30, 0),
    batchSize: positive('batchSize', options.batchSize ?? 2_000, 1),
    pause: positive('pause', options.pause ?? 10, 0),
  }
  const client = await connect()
  const observer = await connect().catch(async (error: unknown) => {
    await client.end()
    throw error
  })
  // An error while nothing is under way: the next query says it again.
  for (const each of [client, observer]) each.on('error', () => {})
  const cancel = (): void => {
    observer.query('SELECT pg_cancel_backend($1)', [pid]).catch(() => {})
  }
  let pid = 0
  try {
    await prepare(client, settings.lockTimeout)
    await observer.query("SET application_name = 'tenancy apply (observer)'")
    pid = (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid ?? 0
    await takeRunLock(client)
    options.signal?.throwIfAborted()
    options.signal?.addEventListener('abort', cancel)
    const emit = options.onProgress ?? (() => {})
    const limits = { ...settings, ...(await lockLimits(client, settings.lockTimeout)) }
    return await runSteps({ client, observer, pid, settings: limits, emit, signal: options.signal, retries: 0 }, steps)
  } finally {
    options.signal?.removeEventListener('abort', cancel)
    await Promise.allSettled([client.end(), observer.end()])
  }
}

async function runSteps(run: Run, steps: readonly Step[]): Promise<ApplyReport> {
  const there = await whichAreDone(run.client, steps)
  const actionsOf = (step: Step): readonly OnlineAction[] => step.online ?? [{ kind: 'transaction', sql: step.sql }]
  for (const [index, step] of steps.entries()) {
    if (there[index]) continue
    for (const action of actionsOf(step)) {
      if (action.kind !== 'check') continue
      await withRetries(run, step, () => checkRowsAhead(run, step.title, action)).catch((error: unknown) => {
        throw failure(step.title, error)
      })
    }
  }

  let filled = 0
  for (const [index, step] of steps.entries()) {
    const told = { kind: 'step', key: step.key, title: step.title, number: index + 1, of: steps.length } as const
    if (there[index]) {
      run.emit({ ...told, state: 'there' })
      continue
    }
    run.emit({ ...told, state: 'started' })
    for (const action of actionsOf(step)) {
      run.signal?.throwIfAborted()
      const told = { kind: 'action', title: step.title, action: action.kind } as const
      run.emit({ ...told, state: 'started' })
      try {
        filled += await runAction(run, step, action, steps)
      } catch (error) {
        run.signal?.throwIfAborted()
        throw failure(step.title, error)
      }
      run.emit({ ...told, state: 'done' })
    }
    run.emit({ ...told, state: 'done' })
  }

  const after = await whichAreDone(run.client, steps)
  return {
    steps: steps.map(({ key, title }, index) => ({ key, title, state: there[index] ? 'there' : 'done' })),
    filled,
    retries: run.retries,
    missing: steps.filter((_, index) => !after[index]).map(({ title }) => title),
  }
}

async function runAction(run: Run, step: Step, action: OnlineAction, steps: readonly Step[]): Promise<number> {
  switch (action.kind) {
    case 'transaction':
      await withRetries(run, step, (vacuumed) => shortTransaction(run, step.table, action.sql, vacuumed))
      return 0
    case 'statement':
      return statement(run, step, action.sql, steps)
    case 'index':
      await buildIndex(run, step.title, action)
      return 0
    case 'backfill':
      return backfill(run, step.title, action, backfillsOf(steps, action.table).at(-1) === action)
    case 'check':
      await withRetries(run, step, () => checkRows(run, step.title, action))
      return 0
  }
}

/**
 * One message, so that no round trip is waited for under the lock. Each statement has three quarters of `lockTimeout` for
 * getting its locks and for its work: whoever queues up behind us is through in time. What touches no table has time.
 *
 * The lock on a table that is being vacuumed stops neither reads nor writes while we wait for autovacuum to give way, and
 * keeps it away until we are done.
 */
async function shortTransaction(
  run: Run,
  table: TableName | undefined,
  sql: string,
  vacuumed: readonly string[],
): Promise<void> {
  const { lockTimeout, changeLockTimeout, vacuumLockTimeout } = run.settings
  const ahead = [
    `SET LOCAL lock_timeout = ${vacuumLockTimeout};`,
    ...vacuumed.map((each) => `LOCK TABLE ${each} IN SHARE UPDATE EXCLUSIVE MODE;`),
  ]
  const limits = [
    `SET LOCAL lock_timeout = ${changeLockTimeout};`,
    `SET LOCAL statement_timeout = ${table === undefined ? 0 : Math.ceil(lockTimeout * 0.75)};`,
  ]
  try {
    await run.client.query(['BEGIN;', ...ahead, ...limits, sql, ';COMMIT'].join('\n'))
  } catch (error) {
    await run.client.query('ROLLBACK').catch(() => {}) // on a lost connection there is nothing to roll back
    throw error
  }
}

/**
 * VALIDATE CONSTRAINT and the like, whose lock keeps only other maintenance out: it has time to wait for autovacuum. Rows
 * without a tenant that got in before the constraint are filled in once more.
 */
async function statement(run: Run, step: Step, sql: string, steps: readonly Step[]): Promise<number> {
  let filled = 0
  for (let refills = 0; ; refills++) {
    try {
      await withRetries(run, step, async () => {
        await underLockTimeout(run, run.settings.vacuumLockTimeout, () => run.client.query(sql))
      })
      return filled
    } catch (error) {
      const backfills = sqlState(error) === '23514' && refills < REFILLS ? backfillsOf(steps, step.table) : []
      if (backfills.length === 0) throw error
      for (const each of backfills) filled += await backfill(run, step.title, each, each === backfills.at(-1))
    }
  }
}

function backfillsOf(steps: readonly Step[], table: TableName | undefined): BackfillAction[] {
  if (table === undefined) return []
  const all = steps.flatMap(({ online }) => online ?? [])
  return all.filter(
    (action) => action.kind === 'backfill' && showTable(action.table) === showTable(table),
  ) as BackfillAction[]
}

/** One query for all of them. An array, since a row has at most 1,664 columns. */
async function whichAreDone(client: Client, steps: readonly Step[]): Promise<boolean[]> {
  if (steps.length === 0) return []
  const list = steps.map(({ done }) => `(${done}\n)`).join(', ')
  const { rows } = await client
    .query<{ done: (boolean | null)[] }>(`SELECT ARRAY[${list}]::boolean[] AS done`)
    .catch((error: unknown) => {
      throw failure('What is there already', error)
    })
  return steps.map((_, index) => rows[0]?.done[index] === true)
}

function positive(name: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least) return value
  throw new TenancyError('CONFIG.INVALID', `The option ${name} is ${value}.`, {
    hint: `Pass a whole number of at least ${least}.`,
  })
}
