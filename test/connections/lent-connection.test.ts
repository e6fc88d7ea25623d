// Proves that a connection which fails just when it is lent for a transaction ends no process in portable mode: between
// pg's pool, which stops listening, and the adapter, which begins a little later, the library listens. In bare Prisma nothing does.
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { PrismaPg } from '@prisma/adapter-pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PrismaClient } from '../../generated/test/client.js'
import { withTenant } from '../../src/index.js'
import { type HostileWorld, newHostileWorld } from '../isolation/hostile-world.js'
import { modes, openMode } from '../support/modes.js'
import { startPostgres } from '../support/postgres.js'
import { asksForEncryption, MessageReader } from '../support/wire-messages.js'
import { takingUncaught, within } from './whole.js'

/** FATAL 57P01, as the server sends it to a backend that is terminated. */
const TERMINATED = (() => {
  const body = Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0')
  const header = Buffer.alloc(5, 'E', 'latin1')
  header.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
})()

let world: HostileWorld
let server: ReturnType<typeof createServer>
/** After which ReadyForQuery of a connection its end comes, in one chunk with it; 0 for never. */
let killing = 0
const sockets = new Set<Socket>()
beforeAll(async () => {
  world = await newHostileWorld()
  const { host, port } = await startPostgres()
  server = createServer((client) => {
    const upstream = connect({ host, port })
    const reader = new MessageReader('typed')
    let ready = 0
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}))
    client.on('data', (chunk) => void (asksForEncryption(chunk) ? client.write('N') : upstream.write(chunk)))
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
    upstream.on('data', (chunk) => {
      ready += reader.read(chunk).filter(({ type }) => type === 'Z').length
      if (ready === killing && killing > 0) client.end(Buffer.concat([chunk, TERMINATED]))
      else client.write(chunk)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  server.close()
  await world.drop()
})

const proxied = () => {
  const url = new URL(world.db.appUrl)
  url.host = `127.0.0.1:${(server.address() as { port: number }).port}`
  return url.href
}
const lost = /terminating connection|Connection terminated|not queryable|Server has closed|ECONNRESET/

test.each(modes)('in %s mode what runs on it fails, and nothing is uncaught', async (mode) => {
  const opened = await openMode(mode, proxied(), { max: 1, binding: { allowNames: ['pg_terminate_backend'] } })
  const inA = <T>(fn: () => T | PromiseLike<T>) => within(withTenant(world.a.tenantId, fn), 'the work')
  const uncaught = await takingUncaught(async () => {
    // The first makes the connection ready to be lent, the others answer what is asked before any work.
    for (const at of mode === 'pool' ? [1, 2] : [1, 2, 3]) {
      killing = at
      await expect(inA(() => opened.prisma.project.count())).rejects.toThrow(lost)
      await expect(inA(() => opened.prisma.$transaction(async (tx) => tx.project.count()))).rejects.toThrow(lost)
      killing = 0
      expect(await inA(() => opened.prisma.$transaction(async (tx) => tx.project.count()))).toBe(3)
      await expect.poll(() => opened.pool.idleCount, { interval: 5 }).toBe(1)
      // The next one is made anew.
      await expect(inA(() => opened.prisma.$queryRaw`SELECT pg_terminate_backend(pg_backend_pid())`)).rejects.toThrow(
        lost,
      )
      await expect.poll(() => opened.pool.totalCount, { interval: 5 }).toBe(0)
    }
    await opened.close()
  })
  expect(uncaught).toEqual([])
})

test('in bare Prisma it is uncaught: the harm is there', async () => {
  const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: proxied(), max: 1 }) })
  killing = 1
  const uncaught = await takingUncaught(async () => {
    await expect(prisma.$transaction(async (tx) => tx.plan.count())).rejects.toThrow(lost)
  })
  killing = 0
  expect(uncaught).toEqual([expect.objectContaining({ code: '57P01' })])
  await prisma.$disconnect()
})
