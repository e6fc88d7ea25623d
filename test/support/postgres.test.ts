// Proves that servers start beside each other, leave nothing behind, and say in one line why they cannot start.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { expect, test, vi } from 'vitest'

import { startEmbeddedPostgres } from './embedded-postgres.js'
import { freePort } from './free-port.js'
import { runSql, SHARED_SERVER, startPostgres } from './postgres.js'

// Servers are started by the dozen here, and other test files run beside.
vi.setConfig({ testTimeout: 90_000 })

const run = promisify(execFile)
const FOLDER = fileURLToPath(new URL('.', import.meta.url))

test('the run shares one server, and stopping it is left to the run', async () => {
  const server = await startPostgres()
  expect(server.adminUrl).toBe(process.env[SHARED_SERVER])
  await server.stop()
  expect(await runSql(server.adminUrl, 'SHOW max_prepared_transactions')).toEqual([{ max_prepared_transactions: '0' }])
})

test('a database is created, and dropped under a client that is still there', async () => {
  const server = await startPostgres()
  const database = await server.createDatabase()
  const [row] = await runSql(database.adminUrl, 'SELECT current_database() AS name')
  expect(row).toEqual({ name: database.name })
  const sleeping = expect(runSql(database.adminUrl, 'SELECT pg_sleep(20)')).rejects.toMatchObject({ code: '57P01' })
  while ((await activeOn(database.name)) === 0);
  await database.drop()
  await sleeping
  await expect(runSql(database.adminUrl, 'SELECT 1')).rejects.toMatchObject({ code: '3D000' })

  async function activeOn(name: string): Promise<unknown> {
    const rows = await runSql(
      server.adminUrl,
      'SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = $1 AND query ~ $2',
      [name, 'pg_sleep'],
    )
    return rows[0]?.n
  }
})

test('a second server beside the first, and a port that is taken, disturb nobody', async () => {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const servers = await Promise.all([
    startEmbeddedPostgres({ major: 15, port: address.port }),
    startEmbeddedPostgres({ major: 15 }),
  ])
  const ports = servers.map(({ port }) => port)
  expect(new Set([...ports, address.port]).size).toBe(3)
  expect(listener.listening).toBe(true)

  const [first, second] = servers
  const [folder] = await runSql<{ data_directory: string }>(first.adminUrl, 'SHOW data_directory')
  await first.stop()
  expect(await runSql(second.adminUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  await expect(runSql(first.adminUrl, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  expect(existsSync(folder?.data_directory ?? '/')).toBe(false)
  await second.stop()
  listener.close()
})

test('a wanted port is used when it is free', async () => {
  const port = await freePort()
  const server = await startEmbeddedPostgres({ major: 15, port })
  expect(server.port).toBe(port)
  await server.stop()
})

test('another password than the server’s own is refused', async () => {
  const server = await startPostgres()
  const url = new URL(server.adminUrl)
  url.password = 'wrong'
  await expect(runSql(url.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' })
})

test.each(['SIGTERM', 'SIGINT', 'SIGKILL', 'exit', 'throw'] as const)(
  'the server ends with its parent: %s',
  async (how) => {
    const script = `
    import { startEmbeddedPostgres } from ${JSON.stringify(`${FOLDER}embedded-postgres.ts`)}
    const { adminUrl } = await startEmbeddedPostgres({ major: 15 })
    console.log(adminUrl)
    process.stdin.on('data', () => { ${how === 'throw' ? "throw new Error('uncaught')" : 'process.exit(0)'} })`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    const [line] = await once(child.stdout, 'data')
    const url = String(line).trim()
    const [folder] = await runSql<{ data_directory: string }>(url, 'SHOW data_directory')
    if (how === 'exit' || how === 'throw') child.stdin.write('now')
    else child.kill(how)
    await once(child, 'exit')
    await expect
      .poll(() => runSql(url, 'SELECT 1').catch((error) => error.code), { timeout: 10_000 })
      .toBe('ECONNREFUSED')
    await expect.poll(() => existsSync(folder?.data_directory ?? '/'), { timeout: 10_000 }).toBe(false)
  },
)

test('TEST_POSTGRES=docker on a machine without containers says so in one line', async () => {
  const script = `
    import { startPostgres } from ${JSON.stringify(`${FOLDER}postgres.ts`)}
    await startPostgres().then((server) => server.stop(), (error) => console.log(error.message))`
  const { [SHARED_SERVER]: _, TEST_DATABASE_URL: __, ...env } = process.env
  // Nothing listens there: the same answer on machines that do have Docker.
  const withoutDocker = { ...env, TEST_POSTGRES: 'docker', DOCKER_HOST: 'tcp://127.0.0.1:1' }
  const command = ['--import', 'tsx', '--input-type=module', '-e', script]
  const { stdout } = await run(process.execPath, command, { env: withoutDocker })
  expect(stdout).toBe(
    'TEST_POSTGRES=docker needs a container runtime, and none answered: start Docker, or leave TEST_POSTGRES unset to use the embedded PostgreSQL.\n',
  )
})
