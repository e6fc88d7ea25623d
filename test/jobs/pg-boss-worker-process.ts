// A worker to be killed: says into a table what it runs, and as whom.
import pg from 'pg'
import PgBoss from 'pg-boss'
import { currentTenant } from 'prisma-extension-tenancy'
import { tenantBoss } from 'prisma-extension-tenancy/pg-boss'

const [connectionString = '', queue = ''] = process.argv.slice(2)
const ledger = new pg.Pool({ connectionString, max: 4 })
const boss = new PgBoss({ connectionString, max: 2, supervise: false, schedule: false })
await boss.start()

await tenantBoss(boss).work<{ name: string; owner: string }>(
  queue,
  { batchSize: 20, pollingIntervalSeconds: 0.5 },
  async ({ data: { name, owner } }) => {
    await ledger.query('INSERT INTO ledger VALUES ($1, $2, $3, $4, $5)', [queue, name, owner, currentTenant(), 'first'])
    // Longer than its neighbours of the batch: some are done when it is killed, and none of these is completed yet.
    await new Promise((resolve) => setTimeout(resolve, 200))
  },
)
