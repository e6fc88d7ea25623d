// Proves that no scope crosses into a thread; that a payload carries the tenant there; and whose scope the messages that
// come back are heard in.
import { AsyncResource } from 'node:async_hooks'
import { once } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { tenantPayload } from '../../src/jobs/index.js'
import { atOnce, inEachMode, later, type Scene, type Side } from './two-sides.js'
import { TypeScriptWorker } from './typescript-worker.js'

/** Call it in the scope that the thread is to be started in. */
function startWorker({ mode, db }: Scene, payload?: unknown): Worker {
  return new TypeScriptWorker(new URL('worker.ts', import.meta.url), {
    workerData: { mode, url: db.appUrl, payload },
  })
}

inEachMode((scene) => {
  test('a thread that a tenant starts, and sends messages to, has no tenant; a payload brings it', async () => {
    const [a, b] = scene.sides
    const worker = await a.run(() => startWorker(scene, tenantPayload({ of: 'a' })))
    const [{ started }] = await once(worker, 'message')
    expect(started).toEqual({ inNoScope: ['TENANT.REQUIRED'], asPayload: [a.tenantId] })

    const waiting = new Map<number, (seen: string[]) => void>()
    worker.on('message', ({ n, seen }: { n: number; seen: string[] }) => waiting.get(n)?.(seen))
    let sent = 0
    const ask = (payload?: object) =>
      new Promise<string[]>((resolve) => {
        waiting.set(++sent, resolve)
        worker.postMessage({ n: sent, payload })
      })
    const play = (own: Side) =>
      own.run(async () => {
        const [owners, without] = await Promise.all([ask(tenantPayload({})), ask()])
        // After the await this is own's scope again.
        return [own.owns(owners.map((tenantId) => ({ tenantId }))), without, await own.sees()]
      })
    expect(await atOnce(scene, play)).toEqual([['own', ['TENANT.REQUIRED'], 'own']])
    await b.run(() => worker.postMessage('end'))
    await once(worker, 'exit')
  })

  test('a message is heard as whoever started the thread, whoever listens and whoever asked', async () => {
    const [a, b] = scene.sides
    for (const [starter, expected] of [
      [a, ['other', 'own']],
      [undefined, ['NoTenantError', 'own']],
    ] as const) {
      const worker = starter ? await starter.run(() => startWorker(scene)) : startWorker(scene)
      await once(worker, 'message')
      const [plain, bound] = [later(), later()]
      await b.run(() => {
        worker.once('message', () => plain.look(b))
        worker.once(
          'message',
          AsyncResource.bind(() => bound.look(b)),
        )
        worker.postMessage({ n: 1 })
      })
      expect([await plain.seen, await bound.seen]).toEqual(expected)
      worker.postMessage('end')
      await once(worker, 'exit')
    }
  })
})
