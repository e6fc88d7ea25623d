import { TenancyError } from '../errors.js'
import type { TableName } from '../sql/quote.js'
import { type Blocker, describeBlocker, watchBlockers } from './blockers.js'
import { sqlState } from './failures.js'
import { pause, type Run } from './session.js'

const LONGEST_PAUSE = 5_000

/**
 * Runs `attempt` until it gets its locks, with a growing and random pause in between, in which the live load works off
 * what had queued up. `attempt` leaves no transaction open, however it ends. It is told the tables at which autovacuum
 * stood in its way: autovacuum gives way only to somebody who waits for `deadlock_timeout`, and a change does not.
 *
 * @throws TenancyError `MIGRATION.BLOCKED`, with the table and whoever holds it, after `retries` more attempts
 */
export async function withRetries(
  run: Run,
  what: { readonly title: string; readonly table?: TableName | undefined },
  attempt: (vacuumed: readonly string[]) => Promise<void>,
): Promise<void> {
  const vacuumed = new Set<string>()
  for (let tried = 0; ; tried++) {
    run.signal?.throwIfAborted()
    const watch = watchBlockers(run.observer, run.pid, Math.max(20, run.settings.lockTimeout / 5))
    try {
      await attempt([...vacuumed])
      return
    } catch (error) {
      run.signal?.throwIfAborted()
      if (!isPassing(error)) throw error
      const { blockers, ...seen } = await watch.stop()
      for (const table of seen.vacuumed) vacuumed.add(table)
      if (tried >= run.settings.retries) throw blocked(run, what, blockers, error)
      run.retries++
      run.emit({ kind: 'waiting', title: what.title, blockers: blockers.map(describeBlocker) })
      await pause(run, backoff(run.settings.lockTimeout, tried))
    } finally {
      await watch.stop()
    }
  }
}

/** Between half and all of a time that doubles, so that two who met once do not meet again. */
export function backoff(lockTimeout: number, tried: number): number {
  const longest = Math.min(LONGEST_PAUSE, (lockTimeout / 4) * 2 ** Math.min(tried, 10))
  return longest * (0.5 + Math.random() / 2)
}

/** lock_not_available, deadlock_detected, query_canceled (statement_timeout), and two GRANTs at one catalog row. */
export function isPassing(error: unknown): boolean {
  const state = sqlState(error)
  if (state === 'XX000') return (error as Error).message === 'tuple concurrently updated'
  return state === '55P03' || state === '40P01' || state === '57014'
}

function blocked(
  run: Run,
  { title, table }: { title: string; table?: TableName | undefined },
  blockers: readonly Blocker[],
  cause: unknown,
): TenancyError {
  const holders = blockers.map(describeBlocker)
  const where = table === undefined ? '' : ` on ${showTable(table)}`
  const { lockTimeout, retries } = run.settings
  if (sqlState(cause) === '57014' && holders.length === 0) {
    return new TenancyError(
      'MIGRATION.BLOCKED',
      `${title}: the work${where} takes longer than the live load may be kept waiting (${lockTimeout} ms).`,
      { hint: 'Give it more time (lockTimeout) in an hour with little traffic.', cause, meta: { table } },
    )
  }
  const by = holders.length > 0 ? `, held by ${holders.join(', ')}` : ''
  return new TenancyError('MIGRATION.BLOCKED', `${title}: no lock${where} in ${retries + 1} attempts${by}.`, {
    hint: `End that transaction, for example with SELECT pg_terminate_backend(${blockers[0]?.pid ?? 'pid'}); then start again: what is done stays done.`,
    docsUrl: 'https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT',
    cause,
    meta: { table, pids: blockers.map(({ pid }) => pid) },
  })
}

/** A table as people write it. */
export function showTable(table: TableName): string {
  return typeof table === 'string' ? table : `${table.schema}.${table.table}`
}
