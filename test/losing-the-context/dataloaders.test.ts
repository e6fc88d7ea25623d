// Proves what DataLoader does with tenants: a loader that they share asks as whoever came first in a tick, and keeps what it
// got for all; one for each request, one for each tenant, and one whose keys say whose they are answer everybody for itself.
import DataLoader from 'dataloader'
import { describe, expect, test } from 'vitest'
import { currentTenant, withTenant } from '../../src/context.js'
import { tenantKey } from '../../src/keyed.js'
import { atOnce, inEachMode, type Side } from './two-sides.js'

inEachMode((scene) => {
  type Row = { id: string; tenantId: string } | null
  const batch = async (ids: readonly string[]): Promise<Row[]> => {
    const rows = await scene.prisma.project.findMany({ where: { id: { in: [...ids] } } })
    return ids.map((id) => rows.find((row) => row.id === id) ?? null)
  }
  const newLoader = () => new DataLoader<string, Row>(batch)
  /** Whose rows a side gets that asks for its own row, and for the other's. */
  const asks = async (own: Side, other: Side, loaderOf: () => DataLoader<string, Row>) =>
    own.run(async () => {
      const loader = loaderOf()
      const [mine, theirs] = await Promise.all([loader.load(own.projectId), loader.load(other.projectId)])
      return [own.owns([mine]), own.owns([theirs])]
    })

  describe('a loader that tenants share', () => {
    // What the page warns of: the library sees one query, of whoever came first, and that is what it answers.
    test('asks as whoever came first in a tick: the second misses its own row, and gets that of the first', async () => {
      const [a, b] = scene.sides
      for (const [first, second] of [
        [a, b],
        [b, a],
      ] as const) {
        const loader = newLoader()
        expect(await Promise.all([asks(first, second, () => loader), asks(second, first, () => loader)])).toEqual([
          ['own', 'nothing'],
          ['nothing', 'other'],
        ])
      }
    })

    test('keeps what it got for the first, and gives it to the second in any later tick', async () => {
      const [a, b] = scene.sides
      const loader = newLoader()
      expect(await asks(a, b, () => loader)).toEqual(['own', 'nothing'])
      expect(await asks(b, a, () => loader)).toEqual(['nothing', 'other'])
    })

    test('asks as nobody where the first has no tenant, and then nobody gets anything', async () => {
      const [a, b] = scene.sides
      const loader = newLoader()
      const outside = loader.load(a.projectId).catch((error) => error.code)
      const inside = b.run(() => loader.load(b.projectId)).catch((error) => error.code)
      expect(await Promise.all([outside, inside])).toEqual(['TENANT.REQUIRED', 'TENANT.REQUIRED'])
    })
  })

  describe('everybody gets their own row, and not the other’s,', () => {
    test('from a loader made in the scope of the request', async () => {
      const play = (own: Side, other: Side) => {
        let loader: DataLoader<string, Row> | undefined
        return asks(own, other, () => {
          loader ??= newLoader()
          return loader
        })
      }
      expect(await atOnce(scene, play)).toEqual([['own', 'nothing']])
    })

    test('from a loader for each tenant, found by tenantKey', async () => {
      const loaders = new Map<string, DataLoader<string, Row>>()
      const loaderOf = () => {
        const key = tenantKey('projects')
        const loader = loaders.get(key) ?? new DataLoader<string, Row>(batch, { cache: false })
        loaders.set(key, loader)
        return loader
      }
      expect(await atOnce(scene, (own, other) => asks(own, other, loaderOf))).toEqual([['own', 'nothing']])
      expect(loaders.size).toBe(2)
      expect(() => loaderOf()).toThrow(expect.objectContaining({ code: 'TENANT.REQUIRED' }))
    })

    test('from a shared loader whose keys say whose they are, and whose batch opens those scopes', async () => {
      const shared = new DataLoader<{ tenant: string; id: string }, Row, string>(
        async (keys) => {
          const found = new Map<string, Row>()
          for (const tenant of new Set(keys.map((key) => key.tenant))) {
            const ids = keys.filter((key) => key.tenant === tenant).map(({ id }) => id)
            const rows = await withTenant(tenant, () => batch(ids))
            for (const [n, id] of ids.entries()) found.set(`${tenant} ${id}`, rows[n] ?? null)
          }
          return keys.map(({ tenant, id }) => found.get(`${tenant} ${id}`) ?? null)
        },
        { cacheKeyFn: ({ tenant, id }) => `${tenant} ${id}` },
      )
      const load = (id: string) => shared.load({ tenant: currentTenant(), id })
      const play = (own: Side, other: Side) =>
        own.run(async () => {
          const [mine, theirs] = await Promise.all([load(own.projectId), load(other.projectId)])
          return [own.owns([mine]), own.owns([theirs])]
        })
      expect(await atOnce(scene, play)).toEqual([['own', 'nothing']])
    })

    test('from findUnique of Prisma, which collects on its own and keeps tenants apart', async () => {
      const find = (id: string) => scene.prisma.project.findUnique({ where: { id } })
      const play = (own: Side, other: Side) =>
        own.run(async () => {
          const [mine, theirs] = await Promise.all([find(own.projectId), find(other.projectId)])
          return [own.owns([mine]), own.owns([theirs])]
        })
      expect(await atOnce(scene, play)).toEqual([['own', 'nothing']])
    })
  })
})
