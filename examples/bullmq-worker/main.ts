// node --import tsx examples/bullmq-worker/main.ts, with DATABASE_URL (the app role's), REDIS_URL and JOB_SIGNING_KEY set.
import { openDatabase } from '../http-service/db.js'
import { openReports } from './queue.js'
import { scheduleNightly } from './schedule.js'
import { startWorker } from './worker.js'

const { DATABASE_URL } = process.env
if (!DATABASE_URL) throw new Error('DATABASE_URL is not set: DATABASE_URL=postgresql://app_user:…@localhost:5432/app')

const { prisma, close } = openDatabase(DATABASE_URL)
const reports = openReports()
const worker = startWorker(prisma)
await worker.waitUntilReady()
const { succeeded, failed } = await scheduleNightly(prisma, reports)
for (const { tenant, error } of failed) console.error(`No schedule for ${tenant.id}:`, error)
console.log(`Working, with a nightly report for ${succeeded} companies.`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    // Waits for the jobs that run.
    await worker.close()
    await reports.close()
    await close()
  })
}
