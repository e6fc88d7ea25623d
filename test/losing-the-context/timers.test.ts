// Proves that a timer keeps the scope that it was started in, long after that scope's function has returned, and that
// one started outside every scope finds no tenant.
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { atOnce, inEachMode, later, type Seen, type Side } from './two-sides.js'

const starters: [string, (fn: () => void) => unknown][] = [
  ['setTimeout', (fn) => setTimeout(fn, 1)],
  ['setImmediate', (fn) => setImmediate(fn)],
  ['queueMicrotask', (fn) => queueMicrotask(fn)],
  ['process.nextTick', (fn) => process.nextTick(fn)],
  [
    'setInterval',
    (fn) => {
      const timer = setInterval(() => {
        clearInterval(timer)
        fn()
      }, 1)
    },
  ],
]

inEachMode((scene) => {
  describe.each(starters)('%s', (_, start) => {
    test('keeps the scope that it was started in, after the scope has returned', async () => {
      const play = async (own: Side, other: Side) => {
        const { look, seen } = later()
        await own.run(() => void start(() => look(own)))
        return other.run(() => seen)
      }
      expect(await atOnce(scene, play)).toEqual(['own'])
    })

    test('started outside every scope finds no tenant', async () => {
      const play = async (own: Side, other: Side) => {
        const { look, seen } = later()
        start(() => look(own))
        return other.run(() => seen)
      }
      expect(await atOnce(scene, play)).toEqual(['NoTenantError'])
    })
  })

  test('an interval that a request started ticks as its tenant until it is stopped', async () => {
    const play = async (own: Side, other: Side) => {
      const ticks: Promise<Seen>[] = []
      const enough = new Promise<void>((resolve) =>
        own.run(() => {
          const timer = setInterval(() => {
            if (ticks.push(own.sees()) < 3) return
            clearInterval(timer)
            resolve()
          }, 1)
        }),
      )
      await other.run(() => enough)
      return Promise.all(ticks)
    }
    expect(await atOnce(scene, play)).toEqual([['own', 'own', 'own']])
  })

  test('what is awaited from node:timers/promises stays with whoever awaits it', async () => {
    expect(await atOnce(scene, (own) => own.run(() => wait(1).then(() => own.sees())))).toEqual(['own'])
  })

  test('a collector that starts one timer for all calls runs as whoever called first', async () => {
    const waiting: { side: Side; answer: (seen: Seen) => void }[] = []
    // What debounces, throttles and batches do: the first call starts the timer, and it serves those who came meanwhile.
    const collect = (side: Side) =>
      new Promise<Seen>((answer) => {
        if (waiting.push({ side, answer }) > 1) return
        setTimeout(() => {
          for (const call of waiting.splice(0)) void call.side.sees().then(call.answer)
        }, 1)
      })
    const [a, b] = scene.sides
    for (const [first, second] of [
      [a, b],
      [b, a],
    ] as const) {
      expect(await Promise.all([first.run(() => collect(first)), second.run(() => collect(second))])).toEqual([
        'own',
        'other',
      ])
    }
  })

  test('a collector that opens the scope of each call serves every caller as itself', async () => {
    const waiting: { side: Side; answer: (seen: Seen) => void }[] = []
    const collect = (side: Side) =>
      new Promise<Seen>((answer) => {
        if (waiting.push({ side, answer }) > 1) return
        setTimeout(() => {
          for (const call of waiting.splice(0)) void call.side.run(() => call.side.sees()).then(call.answer)
        }, 1)
      })
    expect(await atOnce(scene, (own) => own.run(() => collect(own)))).toEqual(['own'])
  })
})
