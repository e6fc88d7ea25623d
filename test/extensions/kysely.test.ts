// Proves prisma-extension-kysely's documented uses with the real package: inside and outside transactions, applied before
// and after ours, on $forTenant, in both modes.
import { Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely'
import kyselyExtension from 'prisma-extension-kysely'
import { describe, expect, expectTypeOf, test } from 'vitest'
import type { PrismaClient } from '../../generated/test/client.js'
import { withTenant } from '../../src/context.js'
import type { Mode } from '../support/modes.js'
import { A, B, everyWay, newScene, type Order } from './scene.js'

interface Tables {
  projects: { id: string; tenant_id: string; name: string }
  tasks: { id: string; tenant_id: string; project_id: string; title: string }
}
const scene = newScene()
const theirs = () =>
  kyselyExtension({
    kysely: (driver) =>
      new Kysely<Tables>({
        dialect: {
          createDriver: () => driver,
          createAdapter: () => new PostgresAdapter(),
          createIntrospector: (db) => new PostgresIntrospector(db),
          createQueryCompiler: () => new PostgresQueryCompiler(),
        },
      }),
  })

function open(mode: Mode, order: Order) {
  const { base, ours } = scene().base(mode)
  const after = () => base.$extends(ours).$extends(theirs())
  return (order === 'before' ? base.$extends(theirs()).$extends(ours) : after()) as ReturnType<typeof after>
}

const tenants = async (kysely: Kysely<Tables>) =>
  (await kysely.selectFrom('projects').select('tenant_id').distinct().execute()).map((row) => row.tenant_id)

describe.each(everyWay)('in $mode mode, applied $order ours', ({ mode, order }) => {
  test('$kysely reads, joins and writes rows of the tenant in scope', async () => {
    const prisma = open(mode, order)
    const both = await Promise.all([A, B].map((id) => withTenant(id, () => tenants(prisma.$kysely))))
    expect(both).toEqual([[A], [B]])
    await withTenant(A, async () => {
      const joined = await prisma.$kysely
        .selectFrom('projects')
        .innerJoin('tasks', 'tasks.project_id', 'projects.id')
        .select(['projects.tenant_id', 'tasks.title'])
        .execute()
      expect(joined).toHaveLength(6)
      const renamed = await prisma.$kysely
        .updateTable('projects')
        .set({ name: 'x' })
        .where('tenant_id', '=', B)
        .execute()
      expect(renamed[0]?.numUpdatedRows).toBe(0n)
    })
    await expect(tenants(prisma.$kysely)).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
  })

  test('$kysely on $forTenant is that tenant, in whatever scope its query is executed', async () => {
    const { $kysely } = open(mode, order).$forTenant(A)
    expectTypeOf($kysely).toEqualTypeOf<Kysely<Tables>>()
    const query = $kysely.selectFrom('projects').select('tenant_id').distinct()
    for (const run of [(fn: () => Promise<unknown>) => withTenant(B, fn), (fn: () => Promise<unknown>) => fn()]) {
      expect(await run(() => tenants($kysely))).toEqual([A])
      expect(await run(() => query.execute())).toEqual([{ tenant_id: A }])
      expect(await run(() => query.where(({ eb }) => eb('tenant_id', '!=', A)).execute())).toEqual([])
      expect(
        await run(() =>
          $kysely
            .with('mine', () => query)
            .selectFrom('mine')
            .selectAll()
            .execute(),
        ),
      ).toEqual([{ tenant_id: A }])
    }
  })

  test('$kysely in a transaction gives what it gives in bare Prisma', async () => {
    const gone = new Error('rolled back')
    // Applied first, it does not see the transaction in bare Prisma either: a later $extends loses what it wraps.
    const seen = async (prisma: PrismaClient & { $kysely: Kysely<Tables> }) => {
      let inside: unknown
      const body = (tx: PrismaClient & { $kysely: Kysely<Tables> }) =>
        tx.$kysely
          .insertInto('projects')
          .values({ id: crypto.randomUUID(), tenant_id: A, name: 'of the transaction' })
          .execute()
          .then(async () => {
            const rows = await tx.$kysely.selectFrom('projects').select('id').where('tenant_id', '=', A).execute()
            inside = [await tx.project.count({ where: { tenantId: A } }), rows.length]
            throw gone
          })
      await expect(prisma.$transaction(body as never)).rejects.toBe(gone)
      const left = await prisma.$kysely
        .deleteFrom('projects')
        .where('name', '=', 'of the transaction')
        .executeTakeFirst()
      return { inside, left: left.numDeletedRows }
    }
    const plain = scene().bare()
    const bare = order === 'before' ? plain.$extends(theirs()).$extends({ name: 'other' }) : plain.$extends(theirs())
    const expected = await seen(bare as never)
    expect(expected).toEqual({ inside: [4, 4], left: order === 'before' ? 1n : 0n })
    expect(await withTenant(A, () => seen(open(mode, order) as never))).toEqual(expected)
    expect(await withTenant(B, () => seen(open(mode, order).$forTenant(A) as never))).toEqual(expected)
  })

  test.skipIf(order === 'before')("tx.$kysely in another tenant's scope is refused", async () => {
    const prisma = open(mode, order)
    await withTenant(A, () =>
      prisma.$transaction(async (tx) => {
        const inside = tx as unknown as typeof prisma
        expect(await tenants(inside.$kysely)).toEqual([A])
        await expect(withTenant(B, () => tenants(inside.$kysely))).rejects.toMatchObject({ code: 'TENANT.MISMATCH' })
        // Past the guard, on a client of Prisma's own, the connection's check of its binding is met.
        const { _appliedParent: unguarded } = tx as unknown as { _appliedParent: PrismaClient }
        expect(await unguarded.project.count()).toBe(3)
        await expect(withTenant(B, () => unguarded.project.count())).rejects.toMatchObject({ code: 'TENANT.MISMATCH' })
      }),
    )
  })
})
