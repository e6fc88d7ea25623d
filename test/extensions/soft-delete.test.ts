// Proves prisma-extension-soft-delete's documented uses with the real package: inside and outside transactions, applied
// before and after ours, on $forTenant, in both modes.
import { beforeEach, describe, expect, test } from 'vitest'
import type { PrismaClient } from '../../generated/test/client.js'
import { withTenant } from '../../src/context.js'
import { rowsSeenBySuperuser } from '../support/database.js'
import type { Mode } from '../support/modes.js'
import { A, B, everyWay, newScene, type Order } from './scene.js'
import { softDeletePackage } from './soft-delete-package.js'

const scene = newScene()
const theirs = softDeletePackage().createSoftDeleteExtension({
  models: { Project: { field: 'archived', createValue: Boolean }, Task: { field: 'done', createValue: Boolean } },
})
beforeEach(() =>
  rowsSeenBySuperuser(scene().db, 'WITH p AS (UPDATE projects SET archived = false) UPDATE tasks SET done = false'),
)

function open(mode: Mode, order: Order) {
  const { base, ours } = scene().base(mode)
  const after = () => base.$extends(ours).$extends(theirs)
  return (order === 'before' ? base.$extends(theirs).$extends(ours) : after()) as ReturnType<typeof after>
}

/** How many rows of each tenant are marked. */
async function marked() {
  const rows = await rowsSeenBySuperuser<{ tenant_id: string; projects: number; tasks: number }>(
    scene().db,
    `SELECT tenant_id, count(*) FILTER (WHERE archived)::int AS projects, (SELECT count(*) FROM tasks
      WHERE done AND tasks.tenant_id = projects.tenant_id)::int AS tasks FROM projects GROUP BY tenant_id`,
  )
  return Object.fromEntries(rows.map(({ tenant_id, projects, tasks }) => [tenant_id, { projects, tasks }]))
}

/** Each documented use, on tenant a's rows; what is visible afterwards. */
async function uses(client: PrismaClient) {
  const { projectIds, taskIds } = scene().a
  const [first = '', second = ''] = projectIds
  const deleted = await client.project.delete({ where: { id: first } })
  const { count } = await client.task.deleteMany({ where: { projectId: second } })
  const where = { tenantId: A }
  return {
    deleted: [deleted.id, deleted.archived],
    count,
    found: await client.project.findUnique({ where: { id: first } }),
    firstFound: await client.project.findFirst({ where: { id: first } }),
    explicitly: (await client.project.findMany({ where: { archived: true, tenantId: A } })).length,
    many: (await client.project.findMany({ where, include: { tasks: true } }))
      .map(({ id, tasks }) => [id, tasks.length])
      .sort(),
    counted: await client.project.count({ where }),
    changed: (await client.project.updateMany({ where, data: { budget: 3 } })).count,
    aggregated: (await client.task.aggregate({ where, _count: true }))._count,
    task: (await client.task.findUnique({ where: { id: taskIds[0] as string } }))?.id,
  }
}

describe.each(everyWay)('in $mode mode, applied $order ours', ({ mode, order }) => {
  test('it marks and hides rows of the tenant in scope as it does in bare Prisma', async () => {
    const expected = await uses(scene().bare().$extends(theirs) as never)
    expect(expected).toMatchObject({ count: 2, found: null, explicitly: 1, counted: 2, changed: 2 })
    await rowsSeenBySuperuser(
      scene().db,
      'WITH p AS (UPDATE projects SET archived = false) UPDATE tasks SET done = false',
    )
    const prisma = open(mode, order)
    expect(await withTenant(A, () => uses(prisma as never))).toEqual(expected)
    expect(await marked()).toEqual({ [A]: { projects: 1, tasks: 2 }, [B]: { projects: 0, tasks: 0 } })
  })

  test("it marks nothing of another tenant's", async () => {
    const prisma = open(mode, order)
    await withTenant(B, async () => {
      const id = scene().a.projectIds[0] as string
      await expect(prisma.project.delete({ where: { id } })).rejects.toMatchObject({ code: 'P2025' })
      expect(await prisma.project.deleteMany({ where: { id } })).toEqual({ count: 0 })
      expect(await prisma.project.deleteMany()).toEqual({ count: 3 })
    })
    expect(await marked()).toEqual({ [A]: { projects: 0, tasks: 0 }, [B]: { projects: 3, tasks: 0 } })
    await expect(prisma.project.deleteMany().then()).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
  })

  test('on $forTenant it is that tenant, in whatever scope it is asked', async () => {
    const bound = open(mode, order).$forTenant(A)
    expect(await withTenant(B, () => bound.project.deleteMany())).toEqual({ count: 3 })
    const [first = '', second = ''] = scene().a.taskIds
    expect(await bound.task.delete({ where: { id: first } })).toMatchObject({ done: true })
    expect(await withTenant(B, () => bound.task.delete({ where: { id: second } }))).toMatchObject({ done: true })
    expect(await marked()).toEqual({ [A]: { projects: 3, tasks: 2 }, [B]: { projects: 0, tasks: 0 } })
  })

  test('in a transaction it does what it does in bare Prisma: what it turns into an update leaves the transaction', async () => {
    const gone = new Error('rolled back')
    const inside = async (prisma: PrismaClient) => {
      let counted: unknown
      const [first = '', second = ''] = scene().a.projectIds
      await prisma
        .$transaction(async (tx) => {
          await tx.project.delete({ where: { id: first } })
          await tx.project.updateMany({ where: { id: second }, data: { budget: 9 } })
          counted = await tx.project.count({ where: { tenantId: A } })
          throw gone
        })
        .catch((error) => expect(error).toBe(gone))
      return { counted, after: await prisma.project.count({ where: { tenantId: A } }) }
    }
    const expected = await inside(scene().bare().$extends(theirs) as never)
    await rowsSeenBySuperuser(scene().db, 'UPDATE projects SET archived = false')
    expect(await withTenant(A, () => inside(open(mode, order) as never))).toEqual(expected)
    expect((await marked())[B]).toEqual({ projects: 0, tasks: 0 })
  })

  test("a transaction's client in the scope of another tenant is refused", async () => {
    const prisma = open(mode, order)
    await withTenant(A, () =>
      (prisma as unknown as PrismaClient).$transaction(async (tx) => {
        const refused = { code: 'TENANT.MISMATCH' }
        await expect(withTenant(B, () => tx.project.deleteMany())).rejects.toMatchObject(refused)
        await expect(withTenant(B, () => tx.project.findMany())).rejects.toMatchObject(refused)
      }),
    )
    expect(await marked()).toEqual({ [A]: { projects: 0, tasks: 0 }, [B]: { projects: 0, tasks: 0 } })
  })
})
