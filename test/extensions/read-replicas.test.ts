// Proves @prisma/extension-read-replicas with the real package: replicas that know tenants answer reads of one tenant in
// either order, in transactions and on $forTenant; a replica that knows none is refused, where it can be seen.
import { PrismaPg } from '@prisma/adapter-pg'
import { readReplicas } from '@prisma/extension-read-replicas'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Prisma, PrismaClient } from '../../generated/test/client.js'
import { withTenant } from '../../src/context.js'
import { isTenancyError } from '../../src/errors.js'
import { tenancy } from '../../src/extension.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { createTestDatabase, seedTenants, type TenantDatabase } from '../support/database.js'
import { type Mode, modes } from '../support/modes.js'

const A = 'aaaaaaaa-0000-4000-8000-00000000000a'
const B = 'bbbbbbbb-0000-4000-8000-00000000000b'

let db: TenantDatabase
const closing: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  db = await createTestDatabase()
  await seedTenants(db, [A, B])
})
afterAll(() => db.drop())
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const log: Prisma.LogDefinition[] = [{ emit: 'event', level: 'query' }]

/** A client that knows no tenants, the extension that fits it, and the statements that it sent. */
function make(mode: Mode, url = db.appUrl) {
  const pool = mode === 'pool' ? new TenantPool({ connectionString: url }) : new pg.Pool({ connectionString: url })
  const base = new PrismaClient({ adapter: new PrismaPg(pool), log })
  const sent: string[] = []
  base.$on('query' as never, ({ query }: Prisma.QueryEvent) => void sent.push(query))
  closing.push(async () => {
    await base.$disconnect()
    await pool.end()
  })
  return { base: base as PrismaClient, sent, ours: pool instanceof TenantPool ? tenancy({ pool }) : tenancy() }
}

/** A client that knows no tenants, with a login to which no row is hidden. */
function bareReplica() {
  const base = new PrismaClient({ adapter: new PrismaPg({ connectionString: db.bypassUrl }) })
  closing.push(() => base.$disconnect())
  return base
}

const tenantsOf = async (rows: PromiseLike<{ tenantId: string }[]>) => [
  ...new Set((await rows).map(({ tenantId }) => tenantId)),
]
const refusal = (apply: () => unknown): unknown => {
  try {
    return apply()
  } catch (error) {
    return error
  }
}
const refused = {
  code: 'CONFIG.INVALID',
  message: expect.stringContaining('A read replica of this client is a PrismaClient without the tenancy extension'),
  hint: expect.stringContaining('readReplicas({ replicas: [new PrismaClient('),
}

test('the replica that the wrong set-up would read from shows everything', async () => {
  expect((await tenantsOf(bareReplica().project.findMany())).sort()).toEqual([A, B])
})

describe.each(modes)('in %s mode', (mode) => {
  describe.each(['before', 'after'])('%s ours, replicas that know tenants', (order) => {
    function open() {
      const primary = make(mode)
      const replica = make(mode)
      const theirs = readReplicas({ replicas: [replica.base.$extends(replica.ours)] })
      const prisma =
        order === 'before'
          ? primary.base.$extends(theirs).$extends(primary.ours)
          : primary.base.$extends(primary.ours).$extends(theirs)
      return { prisma: prisma as ReturnType<typeof both>, primary: primary.sent, replica: replica.sent }
    }
    const both = (base: PrismaClient) => base.$extends(tenancy()).$extends(readReplicas({ replicas: [base] }))
    const sentTo = ({ primary, replica }: ReturnType<typeof open>) => {
      const read = (statements: string[]) => statements.splice(0).filter((sql) => sql.startsWith('SELECT')).length
      return { primary: read(primary), replica: read(replica) }
    }

    test('answer reads of the tenant in scope, and of nobody else', async () => {
      const opened = open()
      const { prisma } = opened
      const reads = await Promise.all(
        [A, B, A].map((id) => withTenant(id, () => tenantsOf(prisma.project.findMany({ include: { tasks: true } })))),
      )
      expect(reads).toEqual([[A], [B], [A]])
      expect(await withTenant(B, () => prisma.project.count())).toBe(3)
      expect(sentTo(opened)).toMatchObject({ primary: 0 })
      await expect(prisma.project.findMany().then()).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
    })

    test('leave writes, transactions and raw SQL to the primary, and the ways to either keep the scope', async () => {
      const opened = open()
      const { prisma } = opened
      await withTenant(A, async () => {
        const inside = await prisma.$transaction(async (tx) => {
          await tx.project.create({ data: { name: 'new' } })
          const rows = await tenantsOf(tx.project.findMany())
          await tx.project.deleteMany({ where: { name: 'new' } })
          return rows
        })
        expect(inside).toEqual([A])
        expect(await prisma.$transaction([prisma.project.count(), prisma.task.count()])).toEqual([3, 6])
        expect(await prisma.$queryRaw`SELECT DISTINCT tenant_id FROM projects`).toEqual([{ tenant_id: A }])
        expect(sentTo(opened)).toMatchObject({ replica: 0 })
        expect(await tenantsOf(prisma.$primary().project.findMany())).toEqual([A])
      })
      const raw = (id: string) =>
        withTenant(id, () => prisma.$replica().$queryRaw`SELECT DISTINCT tenant_id FROM projects`)
      expect(await Promise.all([raw(A), raw(B)])).toEqual([[{ tenant_id: A }], [{ tenant_id: B }]])
      expect(sentTo(opened).replica).toBe(2)
    })

    test('answer as the tenant of $forTenant, whatever scope surrounds it', async () => {
      const opened = open()
      const bound = opened.prisma.$forTenant(A)
      await withTenant(B, async () => {
        expect(await tenantsOf(bound.project.findMany())).toEqual([A])
        expect(sentTo(opened)).toEqual({ primary: 0, replica: 1 })
        expect(await tenantsOf(bound.$primary().project.findMany() as never)).toEqual([A])
        expect(await tenantsOf(bound.$replica().project.findMany() as never)).toEqual([A])
      })
    })
  })

  test('a bare replica is refused when theirs is applied after ours', () => {
    const { base, ours } = make(mode)
    const prisma = base.$extends(ours)
    expect(refusal(() => prisma.$extends(readReplicas({ replicas: [bareReplica()] })))).toMatchObject(refused)
    expect(isTenancyError(refusal(() => prisma.$extends({ name: 'other' })))).toBe(false)
  })

  test('a bare replica is refused when ours is applied after theirs, and nothing was changed', async () => {
    const { base, ours } = make(mode)
    const theirs = base.$extends(readReplicas({ replicas: [bareReplica()] }))
    expect(refusal(() => theirs.$extends(ours))).toMatchObject(refused)
    const prisma = base.$extends(ours)
    expect(await withTenant(A, () => tenantsOf(prisma.project.findMany()))).toEqual([A])
  })

  test('one bare replica among ten is refused', () => {
    const { base, ours } = make(mode)
    const scoped = Array.from({ length: 9 }, () => {
      const replica = make(mode)
      return replica.base.$extends(replica.ours)
    })
    const theirs = readReplicas({ replicas: [...scoped, bareReplica()] })
    expect(refusal(() => base.$extends(ours).$extends(theirs))).toMatchObject(refused)
  })
})
