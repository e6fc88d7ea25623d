// Proves what a listener finds: the scope of whoever emits, or none; its own where it was bound to it. What it closed over
// from another tenant's scope opens nothing: PostgreSQL shows it no row of that tenant.

import { EventEmitter, EventEmitterAsyncResource, on, once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { isTenancyError } from '../../src/errors.js'
import { rowsSeenBySuperuser } from '../support/database.js'
import { cures } from './cures.js'
import { atOnce, inEachMode, later, type Seen, type Side } from './two-sides.js'

inEachMode((scene) => {
  describe('a listener', () => {
    /** What a listener of `own` sees, made by `listen` in own's scope, when `emit` runs. */
    const heard = async (
      own: Side,
      emit: (fire: () => void) => unknown,
      listen: (look: () => void) => () => void = (look) => look,
    ) => {
      const emitter = new EventEmitter()
      const { look, seen } = later()
      await own.run(
        () =>
          void emitter.on(
            'saved',
            listen(() => look(own)),
          ),
      )
      await emit(() => emitter.emit('saved'))
      return seen
    }

    test('runs as whoever emits, whoever registered it', async () => {
      expect(await atOnce(scene, (own) => heard(own, (fire) => own.run(fire)))).toEqual(['own'])
      expect(await atOnce(scene, (own, other) => heard(own, (fire) => other.run(fire)))).toEqual(['other'])
    })

    test('finds no tenant where the event is emitted outside every scope', async () => {
      expect(await atOnce(scene, (own) => heard(own, (fire) => fire()))).toEqual(['NoTenantError'])
    })

    test('registered at module level runs as whoever emits, for two tenants in one tick', async () => {
      const emitter = new EventEmitter<{ saved: [Side, (seen: Promise<Seen>) => void] }>()
      emitter.on('saved', (side, answer) => answer(side.sees()))
      const play = (own: Side) =>
        own.run(() => new Promise<Seen>((resolve) => emitter.emit('saved', own, (seen) => resolve(seen))))
      expect(await atOnce(scene, play)).toEqual(['own'])
    })

    test.each(Object.entries(cures))('%s runs as whoever registered it, whoever emits', async (_, bound) => {
      const listen = (own: Side) => (look: () => void) => bound(look, own)
      const play = async (own: Side, other: Side) => [
        await heard(own, (fire) => other.run(fire), listen(own)),
        await heard(own, (fire) => fire(), listen(own)),
      ]
      expect(await atOnce(scene, play)).toEqual([['own', 'own']])
    })

    test('with a client of $forTenant gets that tenant, whoever emits', async () => {
      const play = async (own: Side, other: Side) => {
        const emitter = new EventEmitter()
        const client = scene.prisma.$forTenant(own.tenantId)
        const rows = new Promise<{ tenantId: string }[]>((resolve, reject) =>
          emitter.on('saved', () => void client.project.findMany().then(resolve, reject)),
        )
        await other.run(() => void emitter.emit('saved'))
        return own.owns(await rows)
      }
      expect(await atOnce(scene, play)).toEqual(['own'])
    })

    test('of an EventTarget and of an AbortSignal runs as whoever dispatches', async () => {
      const play = async (own: Side, other: Side) => {
        const controller = new AbortController()
        const { look, seen } = later()
        await own.run(() => controller.signal.addEventListener('abort', () => look(own)))
        await other.run(() => controller.abort())
        return seen
      }
      expect(await atOnce(scene, play)).toEqual(['other'])
    })
  })

  describe('EventEmitterAsyncResource', () => {
    test('runs its listeners in the scope that it was made in, whoever emits', async () => {
      const play = async (own: Side, other: Side) => {
        const emitter = await own.run(() => new EventEmitterAsyncResource({ name: 'Orders' }))
        const { look, seen } = later()
        emitter.on('saved', () => look(own))
        await other.run(() => void emitter.emit('saved'))
        return seen
      }
      expect(await atOnce(scene, play)).toEqual(['own'])
    })

    test('made at module level finds no tenant, whoever emits', async () => {
      const emitter = new EventEmitterAsyncResource({ name: 'Orders' })
      const play = async (own: Side) => {
        const { look, seen } = later()
        await own.run(() => {
          emitter.once('saved', () => look(own))
          emitter.emit('saved')
        })
        return seen
      }
      expect(await atOnce(scene, play)).toEqual(['NoTenantError'])
    })
  })

  describe('what is awaited stays with whoever awaits it', () => {
    test('once(emitter)', async () => {
      const play = (emit: (other: Side, fire: () => void) => unknown) => (own: Side, other: Side) => {
        const emitter = new EventEmitter()
        const seen = own.run(async () => {
          await once(emitter, 'saved')
          return own.sees()
        })
        emit(other, () => emitter.emit('saved'))
        return seen
      }
      expect(
        await atOnce(
          scene,
          play((other, fire) => other.run(fire)),
        ),
      ).toEqual(['own'])
      expect(
        await atOnce(
          scene,
          play((_, fire) => fire()),
        ),
      ).toEqual(['own'])
    })

    test('on(emitter), iterated', async () => {
      const play = async (own: Side, other: Side) => {
        const emitter = new EventEmitter()
        const seen = own.run(async () => {
          const all: Seen[] = []
          for await (const [last] of on(emitter, 'saved')) {
            all.push(await own.sees())
            if (last) return all
          }
          return all
        })
        await other.run(() => void emitter.emit('saved', false))
        emitter.emit('saved', true)
        return seen
      }
      expect(await atOnce(scene, play)).toEqual([['own', 'own']])
    })
  })

  describe('a listener that closes over what belongs to whoever registered it, run as another', () => {
    /** What `work` of own ends with in a listener that `other` sets off: its result, or the code of its error. */
    const asOther = async (own: Side, other: Side, work: () => PromiseLike<unknown>) => {
      const emitter = new EventEmitter()
      const result = new Promise((resolve) =>
        own.run(() => emitter.on('saved', () => void work().then(resolve, (error) => resolve(codeOf(error))))),
      )
      await other.run(() => void emitter.emit('saved'))
      return result
    }
    const codeOf = (error: { code?: string }) => error.code ?? String(error)
    const truth = () =>
      rowsSeenBySuperuser(
        scene.db,
        'SELECT id, tenant_id, name FROM projects UNION ALL SELECT id, tenant_id, title FROM tasks ORDER BY 1',
      )

    test('reads and writes no row of that tenant', async () => {
      const { project } = scene.prisma
      const before = await truth()
      const play = async (own: Side, other: Side) => {
        const where = { id: own.projectId }
        // That the row is there: its owner gets it.
        expect(await own.run(() => project.findUnique({ where }))).toMatchObject({ tenantId: own.tenantId })
        return [
          await asOther(own, other, () => project.findUnique({ where })),
          await asOther(own, other, () => project.findUniqueOrThrow({ where })),
          await asOther(own, other, () => project.update({ where, data: { name: 'x' } })),
          await asOther(own, other, () => project.updateMany({ where, data: { name: 'x' } })),
          await asOther(own, other, () => project.delete({ where })),
          await asOther(own, other, () => project.findMany({ where: { tenantId: own.tenantId } })),
          await asOther(own, other, () => project.create({ data: { name: 'x', tenantId: own.tenantId } })),
        ]
      }
      expect(await atOnce(scene, play, 5)).toEqual([
        [null, 'P2025', 'P2025', { count: 0 }, 'P2025', [], 'TENANT.MISMATCH'],
      ])
      expect(await truth()).toEqual(before)
    })

    test('cannot use its open transaction', async () => {
      const play = (own: Side, other: Side) =>
        own.run(() => scene.prisma.$transaction((tx) => asOther(own, other, () => tx.project.findMany())))
      expect(await atOnce(scene, play, 5)).toEqual(['TENANT.MISMATCH'])
    })

    // Nobody can tell a text that may be written from one that may not: this is why the scope has to be right.
    test('writes texts that it closed over to whoever emits', async () => {
      const play = async (own: Side, other: Side) => {
        const name = `a note of ${own.tenantId}`
        const row = await asOther(own, other, () => scene.prisma.project.create({ data: { name } }))
        await other.run(() => scene.prisma.project.deleteMany({ where: { name } }))
        return own.owns([row as { tenantId: string }])
      }
      expect(await atOnce(scene, play, 5)).toEqual(['other'])
    })
  })

  test('an error of a listener that finds no tenant says what to type', async () => {
    const emitter = new EventEmitter()
    const refused = new Promise((resolve) =>
      emitter.on('saved', () => void scene.prisma.project.findMany().then(resolve, resolve)),
    )
    emitter.emit('saved')
    const error = await refused
    expect(isTenancyError(error)).toBe(true)
    expect(error).toMatchObject({ code: 'TENANT.REQUIRED', hint: expect.stringContaining('withTenant(tenantId') })
  })
})
