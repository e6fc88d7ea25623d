// What the service that enqueues and the worker share: the queue, what its jobs are, and the keys that sign them.
import { Queue } from 'bullmq'
import { tenantQueue } from 'prisma-extension-tenancy/bullmq'
import { jobs } from 'prisma-extension-tenancy/jobs'

export interface Report {
  readonly title: string
}

/** What became of a report: the worker's answer, kept by BullMQ. */
export interface Sent {
  readonly title: string
  readonly projects: number
  readonly openTasks: number
}

export const QUEUE = 'reports'

const { JOB_SIGNING_KEY, REDIS_URL = 'redis://localhost:6379' } = process.env

/** Whoever can write to Redis, but has not the key, can make no job for a company. */
export const signed = jobs({ signingKeys: [{ keyId: '2026-01', key: JOB_SIGNING_KEY }], tenantId: 'uuid' })

const { hostname: host, port } = new URL(REDIS_URL)
export const connection = { host, port: Number(port || 6379), maxRetriesPerRequest: null }

export function openReports() {
  const queue = new Queue<Report, Sent>(QUEUE, { connection })
  return { queue, reports: tenantQueue(queue, { jobs: signed }), close: () => queue.close() }
}
