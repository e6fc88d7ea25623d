import { withTenant } from 'prisma-extension-tenancy'
import { openDatabase } from '../http-service/db.js'
import { OPERATIONS } from './operations.js'
import { besidePlainPrisma } from './plain-prisma.js'
import { printTable } from './printing.js'
import type { Stage } from './stage.js'

const CALLS = 200
const WARM_UP = 20

/** Straight to PostgreSQL, without the proxy. The two take turns call by call, so that a busy machine slows both. */
export async function measureTimes(stage: Stage): Promise<void> {
  const { prisma, close } = openDatabase(stage.database.appUrl)
  const rows: string[][] = []
  try {
    await besidePlainPrisma(stage, stage.database.superuserUrl, async (plain, subject) => {
      for (const { name, ...run } of OPERATIONS) {
        const scoped: number[] = []
        const bare: number[] = []
        for (let call = 0; call < WARM_UP + CALLS; call++) {
          scoped.push(await timeOf(() => withTenant(subject.tenantId, () => run.scoped(prisma, subject))))
          bare.push(await timeOf(() => run.plain(plain, subject)))
        }
        const [ours, theirs] = [median(scoped.slice(WARM_UP)), median(bare.slice(WARM_UP))]
        rows.push([name, ours.toFixed(0), theirs.toFixed(0), (ours / theirs).toFixed(2)])
      }
    })
  } finally {
    await close()
  }
  printTable(['', 'tenancy', 'plain Prisma', 'ratio'], rows)
}

/** Microseconds. */
async function timeOf(call: () => PromiseLike<unknown>): Promise<number> {
  const begin = process.hrtime.bigint()
  await call()
  return Number(process.hrtime.bigint() - begin) / 1000
}

function median(times: number[]): number {
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN
}
