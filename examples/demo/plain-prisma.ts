import assert from 'node:assert/strict'
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from '../../generated/example/client.js'
import { CLEAN_UP, type Subject } from './operations.js'
import type { Stage } from './stage.js'

/**
 * Runs `work` with what this library is compared with: Prisma as it is, as a superuser, to whom no policy applies, and
 * with `where: { tenantId }` written by hand. Works on the bystander's rows, and takes away what was added.
 */
export async function besidePlainPrisma(
  { bystander, truth }: Stage,
  plainUrl: string,
  work: (plain: PrismaClient, subject: Subject) => Promise<void>,
): Promise<void> {
  const plain = new PrismaClient({ adapter: new PrismaPg({ connectionString: plainUrl }) })
  try {
    const rows = await truth<{ id: string }>('SELECT id FROM projects WHERE tenant_id = $1', [bystander.id])
    const [first, ...others] = rows.map(({ id }) => id)
    assert.ok(first)
    await work(plain, { tenantId: bystander.id, projectIds: [first, ...others] })
  } finally {
    await plain.$disconnect()
    for (const sql of CLEAN_UP) await truth(sql)
  }
}
