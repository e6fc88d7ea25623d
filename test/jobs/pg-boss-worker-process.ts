// A worker to be killed, with the whole batch that it has in hand.
import PgBoss from 'pg-boss'
import { tenantBoss } from 'prisma-extension-tenancy/pg-boss'
import { stoppingWork } from './stopping-work.js'

const [connectionString = '', queue = '', appUrl = '', prefix = '', ends, holds] = process.argv.slice(2)
const work = await stoppingWork(appUrl, prefix, { ends: Number(ends), holds: Number(holds) })
const boss = new PgBoss({ connectionString, max: 2, supervise: false, schedule: false })
await boss.start()

await tenantBoss(boss).work<{ name: string; owner: string }>(
  queue,
  { batchSize: Number(holds), pollingIntervalSeconds: 0.5 },
  ({ data }) => work(data),
)
