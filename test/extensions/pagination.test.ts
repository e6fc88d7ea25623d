// Proves prisma-extension-pagination's documented uses with the real package: pages by number and by cursor, inside and
// outside transactions, applied before and after ours, on $forTenant, in both modes.
import { createPaginator, pagination } from 'prisma-extension-pagination'
import { describe, expect, test } from 'vitest'
import { withTenant } from '../../src/context.js'
import type { Mode } from '../support/modes.js'
import { A, B, everyWay, newScene, type Order } from './scene.js'

const scene = newScene()
const theirs = pagination({ pages: { limit: 2, includePageCount: true } })
const ofTasks = { model: { task: { firstPage: createPaginator({ pages: { limit: 4, includePageCount: true } }) } } }

function open(mode: Mode, order: Order) {
  const { base, ours } = scene().base(mode)
  const after = () => base.$extends(ours).$extends(theirs).$extends(ofTasks)
  return (order === 'before' ? base.$extends(theirs).$extends(ofTasks).$extends(ours) : after()) as ReturnType<
    typeof after
  >
}
type Paginated = Pick<ReturnType<typeof open>, 'project' | 'task'>

/** Every documented use, of one tenant's three projects: ids and counters. */
async function pages(client: Paginated) {
  const query = { select: { id: true }, orderBy: { id: 'asc' as const } }
  const first = await client.project.paginate(query).withPages()
  const second = await client.project.paginate(query).withPages({ page: 2 })
  const byId = { getCursor: ({ id }: { id: string }) => id, parseCursor: (id: string) => ({ id }) }
  const start = await client.project.paginate(query).withCursor({ limit: 1, ...byId })
  const next = await client.project.paginate(query).withCursor({ limit: 1, after: start[1].endCursor ?? '', ...byId })
  const all = await client.project.paginate(query).withCursor({ limit: null, ...byId })
  const tasks = await client.task.firstPage({ select: { id: true }, orderBy: { id: 'asc' } }).withPages()
  return { first, second, start, next, all, tasks }
}

describe.each(everyWay)('in $mode mode, applied $order ours', ({ mode, order }) => {
  /** What bare Prisma answers where only this tenant's rows are asked for. */
  async function expected(tenantId: string) {
    const bare = scene()
      .bare()
      .$extends({
        query: {
          $allModels: { $allOperations: ({ args, query }) => query({ ...args, where: { tenantId } } as never) },
        },
      })
    return pages(bare.$extends(theirs).$extends(ofTasks) as unknown as Paginated)
  }

  test('pages are of the tenant in scope, and counted so', async () => {
    const prisma = open(mode, order)
    const [ofA, ofB] = await Promise.all([A, B].map((id) => withTenant(id, () => pages(prisma))))
    expect(ofA?.first[1]).toMatchObject({ currentPage: 1, isLastPage: false, pageCount: 2, totalCount: 3 })
    expect(ofA).toEqual(await expected(A))
    expect(ofB).toEqual(await expected(B))
    const other = { where: { id: scene().b.projectIds[0] as string } }
    expect((await withTenant(A, () => prisma.project.paginate(other).withPages()))[0]).toEqual([])
    await expect(prisma.project.paginate().withPages()).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
  })

  test('pages in a transaction are of its rows, and refused in the scope of another tenant', async () => {
    const prisma = open(mode, order)
    await withTenant(A, () =>
      prisma.$transaction(async (tx) => {
        expect(await pages(tx)).toEqual(await expected(A))
        await tx.project.create({ data: { name: 'inside' } })
        const [, { totalCount }] = await tx.project.paginate().withPages()
        expect(totalCount).toBe(4)
        const inB = withTenant(B, () => tx.project.paginate().withPages())
        await expect(inB).rejects.toMatchObject({ code: 'TENANT.MISMATCH' })
        await tx.project.deleteMany({ where: { name: 'inside' } })
      }),
    )
  })

  test('pages on $forTenant are of that tenant, in whatever scope they are asked for', async () => {
    const bound = open(mode, order).$forTenant(A)
    const paginator = bound.project.paginate({ orderBy: { id: 'asc' }, select: { id: true } })
    const answer = (await expected(A)).first
    await withTenant(B, async () => {
      expect(await pages(bound)).toEqual(await expected(A))
      expect(await paginator.withPages()).toEqual(answer)
    })
    expect(await paginator.withPages()).toEqual(answer)
  })
})
