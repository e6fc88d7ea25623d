// Proves what `await` on a promise made elsewhere does: the code after it stays with whoever awaits; a query is its
// maker's, awaited by whomsoever; and a cache of promises that tenants share hands out what its first caller asked for.
import { describe, expect, test } from 'vitest'
import { tenantKey } from '../../src/keyed.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { atOnce, inEachMode, later, type Seen, type Side } from './two-sides.js'

type Row = { tenantId: string }

inEachMode((scene) => {
  describe('the code after await stays with whoever awaits', () => {
    /** The promise is made by `other`, awaited by `own`, and settled by `settle`. */
    const awaited = (make: (other: Side) => Promise<PromiseLike<unknown>[]>) => async (own: Side, other: Side) => {
      const [promise] = await make(other)
      return own.run(async () => {
        await promise
        return own.sees()
      })
    }

    test('a native promise of another tenant', async () => {
      expect(
        await atOnce(
          scene,
          awaited((other) => other.run(() => [other.sees()])),
        ),
      ).toEqual(['own'])
    })

    test('a Prisma promise of another tenant', async () => {
      const make = (other: Side) => other.run(() => [scene.prisma.project.count()])
      expect(await atOnce(scene, awaited(make))).toEqual(['own'])
    })

    test('a promise made outside every scope', async () => {
      expect(
        await atOnce(
          scene,
          awaited(async () => [new Promise(setImmediate)]),
        ),
      ).toEqual(['own'])
    })

    test.each(['own', 'other', 'nobody'])('a promise that is settled by %s', async (who) => {
      const play = async (own: Side, other: Side) => {
        let settle = () => {}
        const promise = new Promise<void>((resolve) => {
          settle = resolve
        })
        const seen = own.run(async () => {
          await promise
          const afterAwait = await own.sees()
          return [afterAwait, await promise.then(() => own.sees())]
        })
        if (who === 'nobody') settle()
        else await (who === 'own' ? own : other).run(settle)
        return seen
      }
      expect(await atOnce(scene, play)).toEqual([['own', 'own']])
    })

    test('a thenable that calls back from the scope of another', async () => {
      const play = async (own: Side, other: Side) => {
        let callBack = () => {}
        const thenable = {
          // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tried
          then(done: (value: string) => void) {
            callBack = () => done('x')
          },
        }
        const seen = own.run(async () => {
          await thenable
          return own.sees()
        })
        await new Promise(setImmediate)
        await other.run(() => callBack())
        return seen
      }
      expect(await atOnce(scene, play)).toEqual(['own'])
    })
  })

  test('a callback of then runs as whoever called then', async () => {
    const play = async (own: Side, other: Side) => {
      const { look, seen } = later()
      const [promise] = await other.run(() => [new Promise<void>(setImmediate)])
      await own.run(() => void promise.then(() => look(own)))
      return seen
    }
    expect(await atOnce(scene, play)).toEqual(['own'])
  })

  test('a Prisma query answers for its maker, and hands those rows to whoever awaits it', async () => {
    const play = async (own: Side, other: Side) => {
      const [ofOwn, ofNobody] = await own
        .run(async () => [scene.prisma.project.findMany()])
        .then(([made]) => [made, scene.prisma.project.findMany()] as const)
      const code = other.run(() => ofNobody).catch((error) => error.code)
      return [own.owns((await other.run(() => ofOwn)) as Row[]), await code]
    }
    expect(await atOnce(scene, play)).toEqual([['own', 'TENANT.REQUIRED']])
  })

  test('a lazy thenable of somebody else, such as a query builder, runs as whoever awaits it', async () => {
    const play = async (own: Side, other: Side) => {
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tried
      const lazy = (): PromiseLike<Seen> => ({ then: (done, failed) => own.sees().then(done, failed) })
      const [forOwn, forOther, forNobody] = await own.run(() => [lazy(), lazy(), lazy()] as const)
      return [await own.run(() => forOwn), await other.run(() => forOther), await forNobody]
    }
    expect(await atOnce(scene, play)).toEqual([['own', 'other', 'NoTenantError']])
  })

  test('a query of a TenantPool is that of whoever called query, whoever awaits it', async () => {
    const pool = new TenantPool({ connectionString: scene.db.appUrl, max: 2 })
    const play = async (own: Side, other: Side) => {
      const [made] = await own.run(() => [pool.query<Row>('SELECT tenant_id::text AS "tenantId" FROM projects')])
      return own.owns((await other.run(() => made))?.rows ?? [])
    }
    expect(await atOnce(scene, play)).toEqual(['own'])
    await pool.end()
  })

  describe('a cache of promises that tenants share', () => {
    const cached = (cache: Map<string, PromiseLike<Row[]>>, key: string) => {
      const found = cache.get(key) ?? scene.prisma.project.findMany()
      cache.set(key, found)
      return found
    }

    // The library sees one query, of one tenant, awaited twice.
    test.each([
      ['of Prisma', (made: PromiseLike<Row[]>) => made],
      ['of an async function', async (made: PromiseLike<Row[]>) => await made],
    ])('hands the rows of whoever asked first to everybody: promises %s', async (_, keep) => {
      const [a, b] = scene.sides
      for (const [first, second] of [
        [a, b],
        [b, a],
      ] as const) {
        const cache = new Map<string, PromiseLike<Row[]>>()
        await first.run(() => void cache.set('projects', keep(scene.prisma.project.findMany())))
        expect(first.owns(await first.run(() => cached(cache, 'projects')))).toBe('own')
        expect(second.owns(await second.run(() => cached(cache, 'projects')))).toBe('other')
      }
    })

    test('keyed by tenantKey hands everybody their own, and refuses who has no tenant', async () => {
      const cache = new Map<string, PromiseLike<Row[]>>()
      const play = (own: Side) => own.run(async () => own.owns(await cached(cache, tenantKey('projects'))))
      expect(await atOnce(scene, play)).toEqual(['own'])
      expect(cache.size).toBe(2)
      expect(() => cached(cache, tenantKey('projects'))).toThrow(expect.objectContaining({ code: 'TENANT.REQUIRED' }))
    })
  })
})
