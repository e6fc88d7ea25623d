// What a framework's entry costs beside withTenant by hand: the same app twice, requests in turn, medians.
// npx tsx bench/frameworks.ts [requests]
import { once } from 'node:events'
import { Agent, get, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { currentTenant, withTenant } from '../src/context.js'
import { tenantScope as expressScope } from '../src/frameworks/express.js'
import { tenantScope as fastifyScope } from '../src/frameworks/fastify.js'
import { tenantScope as honoScope } from '../src/frameworks/hono.js'
import { fromHeader } from '../src/frameworks/sources.js'

const REQUESTS = Number(process.argv[2] ?? 4000)
const WARM_UP = 1000
const HEADER = 'x-tenant-id'
const options = { tenant: fromHeader(HEADER), trusted: true } as const
type Way = 'by hand' | 'entry'

/** What a query of a database on the same machine takes, about: an app that asks nothing has no tenants either. */
const query = (): Promise<string> => new Promise((resolve) => setImmediate(() => resolve(currentTenant())))

const apps: Record<string, (way: Way) => Promise<Server>> = {
  async express(way) {
    const app = express()
    if (way === 'entry') app.use(expressScope(options))
    app.get('/', async (request, response) => {
      if (way === 'entry') response.json({ tenant: await query() })
      else await withTenant(request.get(HEADER) ?? '', async () => void response.json({ tenant: await query() }))
    })
    return listening(app.listen(0, '127.0.0.1'))
  },
  async fastify(way) {
    const app = fastify()
    if (way === 'entry') await app.register(fastifyScope(options))
    app.get('/', (request) => {
      const handler = async () => ({ tenant: await query() })
      return way === 'entry' ? handler() : withTenant(String(request.headers[HEADER]), handler)
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server
  },
  async hono(way) {
    const app = new Hono()
    if (way === 'entry') app.use(honoScope(options))
    app.get('/', (c) => {
      const handler = async () => c.json({ tenant: await query() })
      return way === 'entry' ? handler() : withTenant(c.req.header(HEADER) ?? '', handler)
    })
    return listening(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server)
  },
}

async function listening(server: Server): Promise<Server> {
  if (!server.listening) await once(server, 'listening')
  return server
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 })
function request(server: Server): Promise<number> {
  const { port } = server.address() as AddressInfo
  const start = performance.now()
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', agent, headers: { [HEADER]: 'acme' } }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`))
      response.resume().on('end', () => resolve(performance.now() - start))
    }).on('error', reject)
  })
}

const median = (times: number[]): number => times.sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN

for (const [name, open] of Object.entries(apps)) {
  const byHand = await open('by hand')
  const entry = await open('entry')
  const times: Record<Way, number[]> = { 'by hand': [], entry: [] }
  for (let n = -WARM_UP; n < REQUESTS; n++) {
    // Whoever comes second finds the machine warm: they take turns in that too.
    const turns: [Way, Server][] = [
      ['by hand', byHand],
      ['entry', entry],
    ]
    if (n % 2 === 0) turns.reverse()
    for (const [way, server] of turns) {
      const time = await request(server)
      if (n >= 0) times[way].push(time)
    }
  }
  const [hand, ours] = [median(times['by hand']), median(times.entry)]
  console.log(
    `${name.padEnd(8)} ${(ours / hand).toFixed(3)}  (${(hand * 1000).toFixed(0)} → ${(ours * 1000).toFixed(0)} µs)`,
  )
  for (const server of [byHand, entry]) server.close()
  agent.destroy()
}
process.exit(0)
