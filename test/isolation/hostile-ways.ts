// The ways in which a raw statement reaches a connection.
import type pg from 'pg'
import type { TenantPrisma } from '../support/modes.js'
import { NESTS } from '../support/prisma-version.js'

type Way = (sql: string) => Promise<unknown>

export function prismaWays(prisma: TenantPrisma): Record<string, Way> {
  return {
    queryRaw: (sql) => prisma.$queryRawUnsafe(sql),
    executeRaw: (sql) => prisma.$executeRawUnsafe(sql),
    queryRawInTransaction: (sql) =>
      prisma.$transaction(async (tx) => {
        await tx.project.count()
        await tx.$queryRawUnsafe(sql)
      }),
    executeRawFirstInTransaction: (sql) => prisma.$transaction((tx) => tx.$executeRawUnsafe(sql)),
    ...(NESTS && {
      nestedTransaction: (sql) => prisma.$transaction((tx) => tx.$transaction((inner) => inner.$executeRawUnsafe(sql))),
    }),
    arrayTransaction: (sql) => prisma.$transaction([prisma.project.count(), prisma.$executeRawUnsafe(sql)]),
  }
}

/** What an interactive transaction sees whose author caught the refusal. */
export async function afterRefusalInTransaction(prisma: TenantPrisma, sql: string): Promise<string[]> {
  return prisma.$transaction(async (tx) => {
    await tx.$queryRawUnsafe(sql).then(
      () => {
        throw new Error('It was sent.')
      },
      () => {},
    )
    const rows = await tx.$queryRawUnsafe<{ tenant_id: string }[]>('SELECT DISTINCT tenant_id FROM projects')
    return rows.map(({ tenant_id }) => tenant_id)
  })
}

export function poolWays(pool: pg.Pool): Record<string, Way> {
  return {
    query: (sql) => pool.query(sql),
    lease: (sql) => inLease(pool, (client) => client.query(sql)),
    transaction: (sql) =>
      inLease(pool, async (client) => {
        await client.query('BEGIN')
        await client.query('SELECT 1')
        try {
          await client.query(sql)
          await client.query('COMMIT')
        } catch (error) {
          await client.query('ROLLBACK')
          throw error
        }
      }),
  }
}

async function inLease(pool: pg.Pool, use: (client: pg.PoolClient) => Promise<unknown>): Promise<unknown> {
  const client = await pool.connect()
  try {
    return await use(client)
  } finally {
    client.release()
  }
}
