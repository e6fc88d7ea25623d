// A worker to be killed: says into a table what it runs, and as whom.
import { run } from 'graphile-worker'
import pg from 'pg'
import { currentTenant } from 'prisma-extension-tenancy'
import { tenantTask } from 'prisma-extension-tenancy/graphile-worker'

const [connectionString = '', task = ''] = process.argv.slice(2)
const pool = new pg.Pool({ connectionString, max: 12 })
pool.on('error', () => {})
pool.on('connect', (client) => client.on('error', () => {}))

await run({
  pgPool: pool,
  concurrency: 8,
  parsedCronItems: [],
  taskList: {
    [task]: tenantTask<{ name: string; owner: string }>(async ({ name, owner }) => {
      await pool.query('INSERT INTO ledger VALUES ($1, $2, $3, $4)', [name, owner, currentTenant(), 'first'])
      await new Promise((resolve) => setTimeout(resolve, 100))
    }),
  },
})
