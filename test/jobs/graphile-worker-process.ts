// A worker to be killed, with all that it has in hand.
import { run } from 'graphile-worker'
import { tenantTask } from 'prisma-extension-tenancy/graphile-worker'
import { stoppingWork } from './stopping-work.js'

const [connectionString = '', task = '', appUrl = '', prefix = '', ends, holds] = process.argv.slice(2)
const work = await stoppingWork(appUrl, prefix, { ends: Number(ends), holds: Number(holds) })

await run({
  connectionString,
  concurrency: Number(holds),
  parsedCronItems: [],
  taskList: { [task]: tenantTask<{ name: string; owner: string }>(work) },
})
