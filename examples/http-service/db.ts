import { PrismaPg } from '@prisma/adapter-pg'
import { TenantPool, tenancy } from 'prisma-extension-tenancy'
import { PrismaClient } from '../../generated/example/client.js'

/** Log in as the app role: to the owner of the tables, or to a superuser, this refuses to talk. */
export function openDatabase(connectionString: string) {
  const pool = new TenantPool({ connectionString, max: 10 })
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) }).$extends(tenancy({ pool }))
  const close = async (): Promise<void> => {
    await prisma.$disconnect()
    await pool.end()
  }
  return { prisma, pool, close }
}

export type Prisma = ReturnType<typeof openDatabase>['prisma']
