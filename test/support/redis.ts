// A Redis of a test's own, in a temporary folder and with nothing kept. BullMQ wants a real one.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.js'
import { startGuarded } from './guarded-process.js'
import { installedCommand } from './installed-command.js'

export interface TestRedis {
  readonly host: string
  readonly port: number
  readonly url: string
  stop(): Promise<void>
}

const HOST = '127.0.0.1'
const ATTEMPTS = 10
const COMMANDS = ['redis-server', '/usr/bin/redis-server']

/**
 * For `test.skipIf(!redisAvailable())`. With `REQUIRE_REDIS=1` always true: where Redis has to be there, its absence fails
 * the test in `startRedis`.
 */
export function redisAvailable(): boolean {
  return process.env.REQUIRE_REDIS === '1' || installedCommand(COMMANDS) !== undefined
}

export async function startRedis(): Promise<TestRedis> {
  const command = installedCommand(COMMANDS)
  if (command === undefined) {
    throw new Error(
      'Redis is not installed: run apt-get install redis-server, or unset REQUIRE_REDIS to skip its tests.',
    )
  }
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const folder = await mkdtemp(join(tmpdir(), 'tenancy-redis-'))
    const options = ['--bind', HOST, '--port', String(port), '--save', '', '--appendonly', 'no', '--dir', folder]
    const ready = (log: string): boolean => log.includes('Ready to accept connections')
    const started = await startGuarded({ command: [command, ...options], folder, user: {}, ready })
    if ('stop' in started) return { host: HOST, port, url: `redis://${HOST}:${port}`, stop: started.stop }
    if (!started.log.includes('Address already in use') || attempt === ATTEMPTS) {
      throw new Error(`Redis did not start. Its log:\n${started.log}`)
    }
  }
}
