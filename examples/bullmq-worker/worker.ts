import { Worker } from 'bullmq'
import { tenantProcessor } from 'prisma-extension-tenancy/bullmq'
import type { Prisma } from '../http-service/db.js'
import { connection, QUEUE, type Report, type Sent, signed } from './queue.js'

/** No query names a company: each job runs in the scope of the one that it was added for. */
export function startWorker(prisma: Prisma): Worker<Report, Sent> {
  const report = tenantProcessor<Report, Sent>(
    async ({ data }) => {
      const [projects, openTasks] = await Promise.all([
        prisma.project.count(),
        prisma.task.count({ where: { done: false } }),
      ])
      return { title: data.title, projects, openTasks }
    },
    { jobs: signed },
  )
  return new Worker<Report, Sent>(QUEUE, report, { connection, concurrency: 10 })
}
