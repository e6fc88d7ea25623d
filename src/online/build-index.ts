import { TenancyError } from '../errors.js'
import type { OnlineAction } from '../migration/step.js'
import { quoteIdentifier, quoteTable } from '../sql/quote.js'
import { type Blocker, blockersOf, describeBlocker, sessions } from './blockers.js'
import { sqlState } from './failures.js'
import { backoff, showTable } from './lock-retry.js'
import { pause, type Run, underLockTimeout } from './session.js'

type IndexAction = Extract<OnlineAction, { kind: 'index' }>

const docsUrl = 'https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY'
const LOOK_EVERY = 500

/**
 * Builds an index while the table is written to. What an interrupted build left behind, which PostgreSQL keeps up to date
 * and never uses, is dropped first; what somebody else is building right now is waited for.
 *
 * There is no `lock_timeout` here: CREATE INDEX CONCURRENTLY waits for older transactions to end, under a lock that stops
 * neither reads nor writes, and a timeout would throw the build away. The progress says for whom it waits.
 *
 * @throws TenancyError `MIGRATION.ROWS` for values that a unique index finds twice, `MIGRATION.CONFLICT` when the name
 * belongs to something else, `MIGRATION.BLOCKED` while another session builds it
 */
export async function buildIndex(run: Run, title: string, action: IndexAction): Promise<void> {
  for (let tried = 0; ; tried++) {
    run.signal?.throwIfAborted()
    const found = await look(run, action)
    if (found === 'usable') return
    if (found === 'invalid') {
      const builders = await whoBuilds(run, action)
      if (builders.length > 0) {
        if (tried >= run.settings.retries) throw beingBuilt(action, builders)
        run.emit({ kind: 'waiting', title, blockers: builders.map(describeBlocker) })
        await pause(run, backoff(run.settings.lockTimeout, tried))
        continue
      }
      await dropInvalid(run, action)
    }
    try {
      await underLockTimeout(run, 0, () => watched(run, action, run.client.query(action.sql)))
    } catch (error) {
      if (sqlState(error) === '40P01' && tried < run.settings.retries) {
        run.retries++
        continue
      }
      // An invalid unique index would go on refusing writes of the live load.
      if (sqlState(error) === '23505') await dropInvalid(run, action)
      throw error
    }
  }
}

async function look(run: Run, { name, table }: IndexAction): Promise<'absent' | 'usable' | 'invalid'> {
  const { rows } = await run.client.query<{ usable: boolean | null; ours: boolean | null }>(
    `SELECT indisvalid AND indisready AND indislive AS usable, indrelid = $2::regclass AS ours
     FROM pg_class LEFT JOIN pg_index ON indexrelid = pg_class.oid
     WHERE relname = $1 AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = $2::regclass)`,
    [name, quoteTable(table)],
  )
  const [found] = rows
  if (found === undefined) return 'absent'
  if (!found.ours) {
    throw new TenancyError(
      'MIGRATION.CONFLICT',
      `The name ${name} is taken: it is not an index of ${showTable(table)}.`,
      {
        hint: `Rename what has it: ALTER INDEX ${quoteIdentifier(name)} RENAME TO …; then start again.`,
        docsUrl,
      },
    )
  }
  return found.usable ? 'usable' : 'invalid'
}

/** A build holds this lock on the table from beginning to end; autovacuum holds it as well, and gives way. */
async function whoBuilds(run: Run, { table }: IndexAction): Promise<Blocker[]> {
  const { rows } = await run.client.query<{ pid: number }>(
    `SELECT DISTINCT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
     WHERE locktype = 'relation' AND relation = $1::regclass AND mode = 'ShareUpdateExclusiveLock' AND granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND pid <> pg_backend_pid() AND usesysid IS NOT NULL`,
    [quoteTable(table)],
  )
  return rows.length === 0
    ? []
    : sessions(
        run.client,
        rows.map(({ pid }) => pid),
      )
}

async function dropInvalid(run: Run, { name, table }: IndexAction): Promise<void> {
  const index = typeof table === 'string' ? name : { schema: table.schema, table: name }
  await underLockTimeout(run, 0, () => run.client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${quoteTable(index)}`))
}

interface BuildProgress {
  phase: string | null
  done: string
  of: string
  locker: string
}

/** Tells about the build while it runs. */
async function watched(run: Run, { name }: IndexAction, build: Promise<unknown>): Promise<void> {
  let looking = Promise.resolve()
  const look = async (): Promise<void> => {
    const { rows } = await run.observer.query<BuildProgress>(
      `SELECT phase, greatest(blocks_done, lockers_done) AS done, greatest(blocks_total, lockers_total) AS of,
              current_locker_pid AS locker
       FROM pg_stat_progress_create_index WHERE pid = $1`,
      [run.pid],
    )
    const [now] = rows
    if (now?.phase == null) return
    run.emit({ kind: 'index', name, phase: now.phase, done: Number(now.done), of: Number(now.of) })
    if (Number(now.locker) === 0) return
    const blockers = await blockersOf(run.observer, run.pid)
    if (blockers.length > 0) run.emit({ kind: 'waiting', title: name, blockers: blockers.map(describeBlocker) })
  }
  const timer = setInterval(() => {
    looking = looking.then(look).catch(() => {})
  }, LOOK_EVERY)
  try {
    await build
  } finally {
    clearInterval(timer)
    await looking
  }
}

function beingBuilt({ name }: IndexAction, builders: readonly Blocker[]): TenancyError {
  return new TenancyError(
    'MIGRATION.BLOCKED',
    `The index ${name} is being built by another session: ${builders.map(describeBlocker).join(', ')}.`,
    {
      hint: 'Wait until that build is done, or end it with SELECT pg_terminate_backend(pid); then start again.',
      docsUrl,
      meta: { pids: builders.map(({ pid }) => pid) },
    },
  )
}
