import type { Client } from 'pg'

/** A session that stands in the way. What it runs is left out: a statement can contain rows. */
export interface Blocker {
  readonly pid: number
  readonly user: string | null
  readonly application: string | null
  /** Autovacuum, which has no user. */
  readonly autovacuum: boolean
  /** NULL where the own role may not see it. */
  readonly state: string | null
  /** How long its transaction is open. */
  readonly seconds: number | null
}

const columns = `pid, usename AS "user", application_name AS application, usesysid IS NULL AS autovacuum, state,
       extract(epoch FROM clock_timestamp() - xact_start)::int AS seconds`

/** Whom the session `pid` waits for at this moment. */
export async function blockersOf(observer: Client, pid: number): Promise<Blocker[]> {
  const sql = `SELECT ${columns} FROM pg_stat_activity WHERE pid = ANY (pg_blocking_pids($1))`
  return (await observer.query<Blocker>(sql, [pid])).rows
}

/** Those of `pids` that are still there. */
export async function sessions(observer: Client, pids: readonly number[]): Promise<Blocker[]> {
  return (await observer.query<Blocker>(`SELECT ${columns} FROM pg_stat_activity WHERE pid = ANY ($1)`, [pids])).rows
}

/** @example describeBlocker(blocker) // process 4711 (user app_user, application psql, idle in transaction for 40 s) */
export function describeBlocker({ pid, user, application, autovacuum, state, seconds }: Blocker): string {
  const facts = [
    autovacuum ? 'autovacuum' : undefined,
    user ? `user ${user}` : undefined,
    application ? `application ${application}` : undefined,
    state ? (seconds === null ? state : `${state} for ${seconds} s`) : undefined,
  ].filter((fact) => fact !== undefined)
  return facts.length === 0 ? `process ${pid}` : `process ${pid} (${facts.join(', ')})`
}

/** The tables that the session waits for at this moment, as SQL writes them. */
async function tablesWaitedFor(observer: Client, pid: number): Promise<string[]> {
  const { rows } = await observer.query<{ name: string }>(
    `SELECT format('%I.%I', nspname, relname) AS name FROM pg_locks
     JOIN pg_class ON pg_class.oid = relation JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE pid = $1 AND NOT granted AND locktype = 'relation' AND relkind IN ('r', 'p')`,
    [pid],
  )
  return rows.map(({ name }) => name)
}

export interface Seen {
  readonly blockers: readonly Blocker[]
  /** Tables that autovacuum was at. */
  readonly vacuumed: readonly string[]
}

/** Asks again and again whom the session waits for, until told to stop; answers with the last who were seen. */
export function watchBlockers(observer: Client, pid: number, every: number): { stop(): Promise<Seen> } {
  let seen: Seen = { blockers: [], vacuumed: [] }
  let asking = Promise.resolve()
  let stopped = false
  const ask = async (): Promise<void> => {
    const blockers = await blockersOf(observer, pid)
    if (blockers.length > 0) {
      const vacuumed = blockers.some(({ autovacuum }) => autovacuum) ? await tablesWaitedFor(observer, pid) : []
      seen = { blockers, vacuumed }
    }
  }
  const again = (): void => {
    asking = ask()
      .catch(() => {})
      .then(() => {
        if (!stopped) timer = setTimeout(again, every)
      })
  }
  let timer = setTimeout(again, every)
  return {
    async stop() {
      stopped = true
      clearTimeout(timer)
      await asking
      return seen
    },
  }
}
