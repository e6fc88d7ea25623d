// A worker to be killed: says into a list of Redis what it begins and ends, and as whom.
import { Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { currentTenant } from 'prisma-extension-tenancy'
import { tenantProcessor } from 'prisma-extension-tenancy/bullmq'

const [url = '', queue = ''] = process.argv.slice(2)
const ledger = new Redis(url)
const { hostname: host, port } = new URL(url)

new Worker<{ name: string; owner: string }>(
  queue,
  tenantProcessor(async (job) => {
    const { name, owner } = job.data
    const record = (end: boolean) =>
      ledger.rpush(`ledger-${queue}`, JSON.stringify({ name, owner, ranAs: currentTenant(), by: 'first', end }))
    await record(false)
    await new Promise((resolve) => setTimeout(resolve, 20))
    await record(true)
  }),
  {
    connection: { host, port: Number(port), maxRetriesPerRequest: null },
    concurrency: 8,
    // Short, so that the test need not wait half a minute for the jobs of the dead.
    lockDuration: 1000,
    stalledInterval: 300,
  },
)
