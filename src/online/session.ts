import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'

import { TenancyError } from '../errors.js'
import { describeBlocker, sessions } from './blockers.js'
import type { OnProgress } from './progress.js'

/** What every action of one run needs. */
export interface Run {
  /** Does all the work, and holds the lock that keeps a second run out: when it is lost, so is the run. */
  readonly client: Client
  /** Looks at the first one while that waits. */
  readonly observer: Client
  readonly pid: number
  readonly settings: RunSettings
  readonly emit: OnProgress
  readonly signal: AbortSignal | undefined
  /** How often something was tried again. */
  retries: number
}

export interface RunSettings {
  /** The longest that the live load may wait because of us. */
  readonly lockTimeout: number
  /** The longest that a change waits for one lock; see {@link lockLimits}. */
  readonly changeLockTimeout: number
  /** Long enough for autovacuum to give way. */
  readonly vacuumLockTimeout: number
  readonly retries: number
  readonly batchSize: number
  readonly pause: number
}

// 'tena' and 'ncy' in ASCII: two keys of one's own, beside Prisma's 72707369 of the other kind.
const LOCK = { classid: 0x74656e61, objid: 0x006e6379 } as const

/**
 * How long a second run waits before it is refused. A run that was killed leaves its session behind until PostgreSQL
 * notices, which is what {@link CHECK_INTERVAL} is for; whoever starts again right away must not be sent away.
 */
const GRACE = 3_000
const CHECK_INTERVAL = 500

/**
 * Prepares a connection for the run.
 *
 * @see https://www.postgresql.org/docs/current/runtime-config-client.html
 */
export async function prepare(client: Client, lockTimeout: number): Promise<void> {
  // What a role or a database has as its default must not end an index build or change what a batch sees. With
  // row_security off, a policy that would hide rows from us is an error: silently filling none of them is not.
  await client.query(`
    SET application_name = 'tenancy apply';
    SET lock_timeout = ${lockTimeout};
    SET statement_timeout = 0;
    SET idle_session_timeout = 0;
    SET default_transaction_isolation = 'read committed';
    SET default_transaction_read_only = off;
    SET row_security = off;
    SET client_min_messages = warning`)
  // Not every platform can tell that the other end is gone; there, a killed run ends with its statement.
  await client.query(`SET client_connection_check_interval = ${CHECK_INTERVAL}`).catch(() => {})
}

/**
 * For a change, half of `lockTimeout`, since whoever queues up behind it waits for its work as well. And less than
 * `deadlock_timeout`: a change that has one table and waits for another can wait in a circle with a transaction of the
 * live load, and the one that PostgreSQL ends must never be that.
 *
 * @see https://www.postgresql.org/docs/current/runtime-config-locks.html#GUC-DEADLOCK-TIMEOUT
 */
export async function lockLimits(
  client: Client,
  lockTimeout: number,
): Promise<Pick<RunSettings, 'changeLockTimeout' | 'vacuumLockTimeout'>> {
  const { rows } = await client.query<{ setting: number }>(
    "SELECT setting::int FROM pg_settings WHERE name = 'deadlock_timeout'",
  )
  const deadlockTimeout = rows[0]?.setting ?? 1_000
  return {
    changeLockTimeout: Math.ceil(Math.min(lockTimeout, deadlockTimeout) / 2),
    vacuumLockTimeout: deadlockTimeout + 2_000,
  }
}

/**
 * Takes the lock that a run holds for as long as its session lives. It is never waited for inside PostgreSQL: a session
 * that waits has a snapshot, and CREATE INDEX CONCURRENTLY waits for snapshots, so two runs would wait for each other.
 *
 * @throws TenancyError `MIGRATION.BLOCKED` when another run has it
 */
export async function takeRunLock(client: Client): Promise<void> {
  for (const end = Date.now() + GRACE; ; await sleep(200)) {
    const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS taken', [
      LOCK.classid,
      LOCK.objid,
    ])
    if (rows[0]?.taken) return
    if (Date.now() > end) throw await anotherRun(client)
  }
}

async function anotherRun(client: Client): Promise<TenancyError> {
  const { rows } = await client.query<{ pid: number }>(
    `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = $1 AND objid = $2 AND objsubid = 2
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [LOCK.classid, LOCK.objid],
  )
  const holders = (
    await sessions(
      client,
      rows.map(({ pid }) => pid),
    )
  ).map(describeBlocker)
  return new TenancyError(
    'MIGRATION.BLOCKED',
    `Another tenancy apply is at work in this database${holders.length ? `: ${holders.join(', ')}` : ''}.`,
    {
      hint: `Wait until it is done. If nobody runs it any more: SELECT pg_terminate_backend(${rows[0]?.pid ?? 'pid'});`,
      docsUrl: 'https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS',
      meta: { pids: rows.map(({ pid }) => pid) },
    },
  )
}

/** Runs `work` under another `lock_timeout` than the run's. 0 is none: only for what stops neither reads nor writes. */
export async function underLockTimeout<Result>(
  run: Run,
  milliseconds: number,
  work: () => Promise<Result>,
): Promise<Result> {
  await run.client.query(`SET lock_timeout = ${milliseconds}`)
  try {
    return await work()
  } finally {
    await run.client.query(`SET lock_timeout = ${run.settings.lockTimeout}`)
  }
}

/** Waits, unless the run is called off. */
export function pause(run: Run, milliseconds: number): Promise<void> {
  return sleep(milliseconds, undefined, run.signal ? { signal: run.signal } : {})
}
