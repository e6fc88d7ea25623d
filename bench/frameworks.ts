// `npm run bench -- --frameworks [requests] [name]`: what a framework's entry costs beside withTenant by hand. The same app twice,
// each request asks PostgreSQL for twenty rows; the two take turns, request by request, and so do two tenants.
import { once } from 'node:events'
import { Agent, get, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PrismaPg } from '@prisma/adapter-pg'
import { TenantPool, tenancy } from 'prisma-extension-tenancy'
import { PrismaClient } from '../generated/test/client.js'
import { startDatabases } from './databases.js'
import { apps, HEADER, type Way } from './framework-apps.js'
import { median, medianRatio } from './statistics.js'

const REQUESTS = Number(process.argv[2] ?? 2000)
const ONLY = process.argv[3]
const WARM_UP = 500
/** What is compared is compared this often, and the median of the ratios is told. */
const ROUNDS = 5

const databases = await startDatabases()
const pool = new TenantPool({ connectionString: await databases.create('frameworks', 'plain'), max: 5 })
const prisma = new PrismaClient({ adapter: new PrismaPg(pool) }).$extends(tenancy({ pool }))
const rows = () => prisma.project.findMany({ take: 20 })
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
const [one, other] = databases.tenants.map(({ id }) => id) as [string, string]

try {
  for (const [name, open] of Object.entries(apps)) {
    if (ONLY !== undefined && name !== ONLY) continue
    const servers = { 'by hand': await open('by hand', rows), entry: await open('entry', rows) }
    await compare(servers, WARM_UP)
    const rounds: Record<Way, number>[] = []
    for (let n = 0; n < ROUNDS; n++) rounds.push(await compare(servers, REQUESTS / ROUNDS))
    const hand = rounds.map((times) => times['by hand'])
    const entry = rounds.map((times) => times.entry)
    const ratio = medianRatio(entry, hand).toFixed(3)
    console.log(`${name.padEnd(8)} ${ratio}  (${median(hand).toFixed(0)} → ${median(entry).toFixed(0)} µs)`)
    for (const server of Object.values(servers)) server.close().closeAllConnections()
  }
} finally {
  agent.destroy()
  await prisma.$disconnect()
  await pool.end()
  await databases.stop()
}

/** The median latency of each, in microseconds. */
async function compare(servers: Record<Way, Server>, requests: number): Promise<Record<Way, number>> {
  const times: Record<Way, number[]> = { 'by hand': [], entry: [] }
  for (let n = 0; n < requests; n++) {
    // Whoever comes second finds the machine warm: they take turns in that too.
    const turns: Way[] = n % 2 === 0 ? ['by hand', 'entry'] : ['entry', 'by hand']
    for (const way of turns) times[way].push(await latency(servers[way], n % 4 < 2 ? one : other))
  }
  return { 'by hand': median(times['by hand']), entry: median(times.entry) }
}

async function latency(server: Server, tenant: string): Promise<number> {
  const { port } = server.address() as AddressInfo
  const start = performance.now()
  const asked = get({ port, host: '127.0.0.1', path: '/projects', agent, headers: { [HEADER]: tenant } })
  const [response] = await once(asked, 'response')
  let text = ''
  for await (const chunk of response) text += chunk
  const time = (performance.now() - start) * 1000
  if (response.statusCode !== 200 || text.split('"name"').length !== 21) throw new Error(`No twenty rows: ${text}`)
  return time
}
