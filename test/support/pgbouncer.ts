// A PgBouncer between the tests and their server: Debian's 1.18 knows no prepared statements across transactions, which
// is the harder case.
import { chown, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { freePort } from './free-port.js'
import { startGuarded } from './guarded-process.js'
import { installedCommand } from './installed-command.js'
import type { TestServer } from './postgres.js'
import { serverUser } from './server-user.js'

export interface PgBouncer {
  readonly host: string
  readonly port: number
  /** The way into the database through the pooler; `user` is one of `users`. */
  url(user: string): string
  stop(): Promise<void>
}

export interface PgBouncerOptions {
  readonly server: Pick<TestServer, 'host' | 'port'>
  readonly database: string
  readonly users: readonly { readonly name: string; readonly password: string }[]
  /** Server connections per user, 1 unless given: with one, whatever is left behind reaches the next client. */
  readonly poolSize?: number
  readonly poolMode?: 'transaction' | 'session' | 'statement'
}

const HOST = '127.0.0.1'
const ATTEMPTS = 10
const COMMANDS = ['pgbouncer', '/usr/sbin/pgbouncer']

/**
 * For `test.skipIf(!pgbouncerAvailable())`. With `REQUIRE_PGBOUNCER=1` always true: where PgBouncer has to be there, its
 * absence fails the test in `startPgBouncer`.
 */
export function pgbouncerAvailable(): boolean {
  return process.env.REQUIRE_PGBOUNCER === '1' || installedCommand(COMMANDS) !== undefined
}

export async function startPgBouncer(options: PgBouncerOptions): Promise<PgBouncer> {
  const command = installedCommand(COMMANDS)
  if (command === undefined) {
    throw new Error(
      'PgBouncer is not installed: run apt-get install pgbouncer, or unset REQUIRE_PGBOUNCER to skip its tests.',
    )
  }
  const user = await serverUser()
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const folder = await mkdtemp(join(tmpdir(), 'tenancy-pgbouncer-'))
    const files = { 'pgbouncer.ini': configuration(options, port, folder), 'users.txt': userList(options) }
    for (const [name, content] of Object.entries(files)) {
      await writeFile(join(folder, name), content, { mode: 0o600 })
    }
    for (const path of [...Object.keys(files).map((name) => join(folder, name)), folder]) {
      if (user.uid !== undefined && user.gid !== undefined) await chown(path, user.uid, user.gid)
    }
    const ready = (log: string): boolean => log.includes('process up')
    const started = await startGuarded({ command: [command, join(folder, 'pgbouncer.ini')], folder, user, ready })
    if ('stop' in started) return { host: HOST, port, url: (name) => urlFor(options, port, name), stop: started.stop }
    if (!started.log.includes('Address already in use') || attempt === ATTEMPTS) {
      throw new Error(`PgBouncer did not start. Its log:\n${started.log}`)
    }
  }
}

function configuration(options: PgBouncerOptions, port: number, folder: string): string {
  const { server, database, poolSize = 1, poolMode = 'transaction' } = options
  return `[databases]
${database} = host=${server.host} port=${server.port} dbname=${database}
[pgbouncer]
listen_addr = ${HOST}
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${join(folder, 'users.txt')}
pool_mode = ${poolMode}
default_pool_size = ${poolSize}
max_client_conn = 200
# What drivers send at start-up and a pooler cannot keep per client.
ignore_startup_parameters = extra_float_digits, options, statement_timeout, lock_timeout, idle_in_transaction_session_timeout
`
}

function userList({ users }: PgBouncerOptions): string {
  // Plain passwords: PgBouncer checks its clients with them and logs in to the server with them.
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`
  return users.map(({ name, password }) => `${quoted(name)} ${quoted(password)}\n`).join('')
}

function urlFor({ users, database }: PgBouncerOptions, port: number, name: string): string {
  const user = users.find((known) => known.name === name)
  if (user === undefined) throw new Error(`'${name}' is not among the users this PgBouncer was started with.`)
  const login = `${encodeURIComponent(name)}:${encodeURIComponent(user.password)}`
  return `postgresql://${login}@${HOST}:${port}/${database}`
}
