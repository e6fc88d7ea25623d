// A real PostgreSQL from npm: binaries in node_modules, a fresh data folder, a port of its own, gone with its parent.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdtemp, readFile, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'

import { freePort } from './free-port.js'
import { startGuarded } from './guarded-process.js'
import { nativePostgres } from './native-postgres.js'
import { type ServerUser, serverUser } from './server-user.js'

const run = promisify(execFile)

export type PostgresMajor = 15 | 16 | 17 | 18

export interface EmbeddedPostgres {
  readonly major: PostgresMajor
  readonly host: string
  readonly port: number
  /** A superuser's URL on the database `postgres`; the password is random, so no other server answers for this one. */
  readonly adminUrl: string
  stop(): Promise<void>
}

const HOST = '127.0.0.1'
const ATTEMPTS = 10

/** Durability is what tests can do without; everything that decides who sees a row stays as PostgreSQL ships it. */
export const TEST_SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '200',
  max_prepared_transactions: '0',
  shared_buffers: '32MB',
}

/** Starts a server of `major`; `port` is only the first one tried, and another is taken where that is in use. */
export async function startEmbeddedPostgres(options: {
  readonly major: PostgresMajor
  readonly port?: number
}): Promise<EmbeddedPostgres> {
  const { major } = options
  const user = await serverUser()
  const native = await nativePostgres(major, user)
  for (let attempt = 1; ; attempt++) {
    const port = attempt === 1 && options.port !== undefined ? options.port : await freePort()
    const password = randomBytes(12).toString('hex')
    const folder = await createCluster(native, password, user)
    const command = serverCommand(native, folder, port)
    const started = await startGuarded({ command, folder, user, ready: () => isReady(folder) })
    if ('stop' in started) {
      const adminUrl = `postgresql://postgres:${password}@${HOST}:${port}/postgres`
      return { major, host: HOST, port, adminUrl, stop: started.stop }
    }
    // Between finding a free port and listening on it anybody may have taken it.
    if (!started.log.includes('Address already in use') || attempt === ATTEMPTS) {
      throw new Error(`PostgreSQL ${major} did not start. Its log:\n${started.log}`)
    }
  }
}

/**
 * A standby of a server that this file started, in streaming replication
 * (https://www.postgresql.org/docs/current/warm-standby.html): a copy of its folder, taken while it runs.
 */
export async function startStandby(primary: EmbeddedPostgres): Promise<EmbeddedPostgres> {
  const { major, adminUrl } = primary
  const { username, password, hostname, port: primaryPort } = new URL(adminUrl)
  const user = await serverUser()
  const native = await nativePostgres(major, user)
  const folder = await mkdtemp(join(tmpdir(), 'tenancy-postgres-standby-'))
  const client = new pg.Client({ connectionString: adminUrl })
  await client.connect()
  try {
    const { rows } = await client.query('SHOW data_directory')
    await client.query("SELECT pg_backup_start('standby', true)")
    await run('cp', ['-a', rows[0].data_directory, join(folder, 'data')])
    const { rows: stopped } = await client.query('SELECT labelfile FROM pg_backup_stop(false)')
    await writeFile(join(folder, 'data/backup_label'), stopped[0].labelfile)
    await writeFile(join(folder, 'data/standby.signal'), '')
    await rm(join(folder, 'data/postmaster.pid'))
  } finally {
    await client.end()
  }
  for (const file of ['', 'data/backup_label', 'data/standby.signal'])
    if (user.uid !== undefined && user.gid !== undefined) await chown(join(folder, file), user.uid, user.gid)
  const port = await freePort()
  const connection = `host=${hostname} port=${primaryPort} user=${username} password=${password}`
  const command = [...serverCommand(native, folder, port), '-c', `primary_conninfo=${connection}`]
  const started = await startGuarded({ command, folder, user, ready: () => isReady(folder) })
  if (!('stop' in started)) throw new Error(`The standby did not start. Its log:\n${started.log}`)
  const url = `postgresql://${username}:${password}@${HOST}:${port}/postgres`
  return { major, host: HOST, port, adminUrl: url, stop: started.stop }
}

async function createCluster(native: string, password: string, user: ServerUser): Promise<string> {
  const folder = await mkdtemp(join(await dataRoot(), 'tenancy-postgres-data-'))
  try {
    const passwordFile = join(folder, 'password')
    await writeFile(passwordFile, password, { mode: 0o600 })
    for (const path of [passwordFile, folder]) {
      if (user.uid !== undefined && user.gid !== undefined) await chown(path, user.uid, user.gid)
    }
    const options = ['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-sync', '--no-instructions']
    const files = [`--pgdata=${join(folder, 'data')}`, `--pwfile=${passwordFile}`]
    await run(join(native, 'bin/initdb'), ['--username=postgres', ...files, ...options], { ...user, cwd: folder })
    return folder
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

const ROOM_FOR_DATA = 4 * 2 ** 30

/** In memory where there is room: a database is 300 files, and a test often has one of its own. */
async function dataRoot(): Promise<string> {
  const memory = await statfs('/dev/shm').catch(() => undefined)
  return memory !== undefined && memory.bavail * memory.bsize >= ROOM_FOR_DATA ? '/dev/shm' : tmpdir()
}

function serverCommand(native: string, folder: string, port: number): string[] {
  const address = { listen_addresses: HOST, port, unix_socket_directories: '' }
  const settings = Object.entries({ ...TEST_SETTINGS, ...address }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ])
  return [join(native, 'bin/postgres'), '-D', join(folder, 'data'), ...settings]
}

/** The server writes its state into line 8 of its lock file, which is what `pg_ctl --wait` reads too. */
async function isReady(folder: string): Promise<boolean> {
  const lockFile = await readFile(join(folder, 'data/postmaster.pid'), 'utf8').catch(() => '')
  return lockFile.split('\n')[7]?.trim() === 'ready'
}
