// Proves what a queue of callbacks does: it resumes a waiter in the scope of whoever made room for it. Promises do not,
// and neither do callbacks that were bound. Whatever belongs to the waiter cannot be reached from the other's scope.

import { AsyncResource } from 'node:async_hooks'
import { describe, expect, test } from 'vitest'
import { cures } from './cures.js'
import { atOnce, inEachMode, later, type Seen, type Side } from './two-sides.js'

/** A pool of one resource, as many libraries have them: whoever releases calls the next one in line. */
class OneAtATime {
  readonly #line: (() => void)[] = []
  #taken = false

  acquire(callback: () => void): void {
    if (this.#taken) return void this.#line.push(callback)
    this.#taken = true
    callback()
  }

  release(): void {
    const next = this.#line.shift()
    if (next === undefined) this.#taken = false
    else next()
  }
}

inEachMode((scene) => {
  /** `own` waits, in its scope, for what `holder` has and releases in its own; `bound` is what own hands to the queue. */
  const resumed = async (own: Side, holder: Side | undefined, callback: (queue: OneAtATime) => () => void) => {
    const queue = new OneAtATime()
    queue.acquire(() => {})
    await own.run(() => queue.acquire(callback(queue)))
    if (holder) await holder.run(() => queue.release())
    else queue.release()
  }

  describe('a callback that waited', () => {
    test('runs as whoever made room for it', async () => {
      const play = (who: (own: Side, other: Side) => Side | undefined) => async (own: Side, other: Side) => {
        const { look, seen } = later()
        await resumed(own, who(own, other), () => () => look(own))
        return seen
      }
      expect(
        await atOnce(
          scene,
          play((own) => own),
        ),
      ).toEqual(['own'])
      expect(
        await atOnce(
          scene,
          play((_, other) => other),
        ),
      ).toEqual(['other'])
      expect(
        await atOnce(
          scene,
          play(() => undefined),
        ),
      ).toEqual(['NoTenantError'])
    })

    test.each(Object.entries(cures))('%s runs as whoever waited', async (_, bound) => {
      const play = async (own: Side, other: Side) => {
        const all: Seen[] = []
        for (const holder of [other, undefined, own]) {
          const { look, seen } = later()
          await resumed(own, holder, () => bound(() => look(own), own))
          all.push(await seen)
        }
        return all
      }
      expect(await atOnce(scene, play, 10)).toEqual([['own', 'own', 'own']])
    })

    test('reaches nothing of its own tenant in the scope of another', async () => {
      const play = async (own: Side, other: Side) => {
        const where = { id: own.projectId }
        expect(await own.run(() => scene.prisma.project.count({ where }))).toBe(1)
        const found = new Promise((resolve, reject) => {
          const ask = () => void scene.prisma.project.findUnique({ where }).then(resolve, reject)
          void resumed(own, other, () => ask)
        })
        return found
      }
      expect(await atOnce(scene, play)).toEqual([null])
    })

    test('is refused by the transaction of its own tenant, when resumed by another', async () => {
      const play = (own: Side, other: Side) =>
        own.run(() =>
          scene.prisma.$transaction(
            (tx) =>
              new Promise((resolve) => {
                const ask = () => void tx.project.count().then(resolve, (error) => resolve(error.code))
                void resumed(own, other, () => ask)
              }),
          ),
        )
      expect(await atOnce(scene, play, 10)).toEqual(['TENANT.MISMATCH'])
    })

    test('with a client of $forTenant gets that tenant, whoever made room', async () => {
      const play = async (own: Side, other: Side) => {
        const rows = await new Promise<{ tenantId: string }[]>((resolve, reject) => {
          const ofOwn = scene.prisma.$forTenant(own.tenantId)
          void resumed(own, other, () => () => void ofOwn.project.findMany().then(resolve, reject))
        })
        return own.owns(rows)
      }
      expect(await atOnce(scene, play)).toEqual(['own'])
    })
  })

  test('whoever awaits a promise of the queue stays who it is, with both tenants in line all the time', async () => {
    const queue = new OneAtATime()
    const acquired = () => new Promise<void>((resolve) => queue.acquire(resolve))
    const turns = Array.from({ length: 60 }, (_, turn) => {
      const own = scene.sides[turn % 2] as Side
      return own.run(async () => {
        await acquired()
        const seen = await own.sees()
        queue.release()
        return seen
      })
    })
    expect(new Set(await Promise.all(turns))).toEqual(new Set(['own']))
  })

  test('a queue that binds what it is given serves every caller as itself, with both in line all the time', async () => {
    const queue = new OneAtATime()
    const turns = Array.from({ length: 60 }, (_, turn) => {
      const own = scene.sides[turn % 2] as Side
      return own.run(
        () =>
          new Promise<Seen>((resolve, reject) =>
            queue.acquire(
              AsyncResource.bind(() => {
                void own.sees().then(resolve, reject)
                queue.release()
              }),
            ),
          ),
      )
    })
    expect(new Set(await Promise.all(turns))).toEqual(new Set(['own']))
  })
})
