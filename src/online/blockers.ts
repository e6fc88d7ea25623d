import type { Client } from 'pg'

/** A session that stands in the way. What it runs is left out: a statement can contain rows. */
export interface Blocker {
  readonly pid: number
  readonly user: string | null
  readonly application: string | null
  /** NULL where the own role may not see it. */
  readonly state: string | null
  /** How long its transaction is open. */
  readonly seconds: number | null
}

const columns = `pid, usename AS "user", application_name AS application, state,
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
export function describeBlocker({ pid, user, application, state, seconds }: Blocker): string {
  const facts = [
    user ? `user ${user}` : undefined,
    application ? `application ${application}` : undefined,
    state ? (seconds === null ? state : `${state} for ${seconds} s`) : undefined,
  ].filter((fact) => fact !== undefined)
  return facts.length === 0 ? `process ${pid}` : `process ${pid} (${facts.join(', ')})`
}

/** Asks again and again whom the session waits for, until told to stop; answers with the last who were seen. */
export function watchBlockers(observer: Client, pid: number, every: number): { stop(): Promise<Blocker[]> } {
  let seen: Blocker[] = []
  let asking = Promise.resolve()
  let stopped = false
  const ask = async (): Promise<void> => {
    const now = await blockersOf(observer, pid).catch(() => [])
    if (now.length > 0) seen = now
    if (!stopped) timer = setTimeout(again, every)
  }
  const again = (): void => {
    asking = ask()
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
