// A worker to be killed, with all that it has in hand.
import { Worker } from 'bullmq'
import { tenantProcessor } from 'prisma-extension-tenancy/bullmq'
import { stoppingWork } from './stopping-work.js'

const [url = '', queue = '', appUrl = '', prefix = '', ends, holds] = process.argv.slice(2)
const { hostname: host, port } = new URL(url)
const work = await stoppingWork(appUrl, prefix, { ends: Number(ends), holds: Number(holds) })

new Worker<{ name: string; owner: string }>(
  queue,
  tenantProcessor(({ data }) => work(data)),
  {
    connection: { host, port: Number(port), maxRetriesPerRequest: null },
    concurrency: Number(holds),
    // Short, so that the test need not wait half a minute for the jobs of the dead. While it lives nobody looks.
    lockDuration: 1000,
    skipStalledCheck: true,
  },
)
