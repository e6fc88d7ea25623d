import { randomBytes } from 'node:crypto'
import type { PoolerProbe } from './options.js'

/** A connection to ask through, such as a connected `pg.Client`. */
export interface ProbeConnection {
  query(text: string, values: string[]): PromiseLike<{ readonly rows: readonly unknown[] }>
  end(): PromiseLike<unknown>
}

/** Server connections that a pooler may hand out one after the other. */
const ATTEMPTS = 20

/**
 * Finds out whether a pooler hands the settings of one client's session on to the next one: sets a parameter of a random
 * name session-wide over one connection and looks for it over another, then over one that is opened after the first has
 * gone. Where it was found, it is set back to `''`.
 *
 * Give the answer to `doctor` as the option `poolerProbe`.
 *
 * @param connect opens a connection, the way the service does
 * @example doctor(pool, { appRole: 'app_user', poolerProbe: await probePooler(() => connected(url)) })
 * @see https://www.pgbouncer.org/features.html
 */
export async function probePooler(connect: () => PromiseLike<ProbeConnection>): Promise<PoolerProbe> {
  const name = `tenancy_probe_${randomBytes(8).toString('hex')}.value`
  const value = randomBytes(8).toString('hex')
  const open: ProbeConnection[] = []
  const opened = async (): Promise<ProbeConnection> => {
    const connection = await connect()
    open.push(connection)
    return connection
  }
  let attempts = 0
  const isSeenBy = async (connection: ProbeConnection): Promise<boolean> => {
    for (let n = 0; n < ATTEMPTS; n++) {
      attempts += 1
      const { rows } = await connection.query('SELECT current_setting($1, true) IS NOT DISTINCT FROM $2 AS seen', [
        name,
        value,
      ])
      if ((rows[0] as { seen?: unknown } | undefined)?.seen === true) return true
    }
    return false
  }
  try {
    const [first, second] = [await opened(), await opened()]
    await first.query('SELECT set_config($1, $2, false)', [name, value])
    let leaked = await isSeenBy(second)
    if (!leaked) {
      // A pooler that gives a server connection to a whole session has to clean it before the next one.
      await first.end()
      open.splice(open.indexOf(first), 1)
      leaked = await isSeenBy(await opened())
    }
    for (const connection of open) await reset(connection, name)
    return { leaked, attempts }
  } finally {
    await Promise.all(open.map((connection) => Promise.resolve(connection.end()).catch(() => {})))
  }
}

/** As often as it was looked for: nobody knows which server connection answers. */
async function reset(connection: ProbeConnection, name: string): Promise<void> {
  for (let n = 0; n < ATTEMPTS; n++) {
    await connection.query("SELECT set_config($1, '', false) WHERE current_setting($1, true) <> ''", [name])
  }
}
