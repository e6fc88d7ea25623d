// Proves whose scope the parts of a Node stream run in: those made and used by one request in its own, iteration in that of
// whoever iterates; and that a stream shared by tenants handles a chunk that waited as whoever was there before.
import { PassThrough, Readable, Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, test } from 'vitest'
import { atOnce, inEachMode, later, type Seen, type Side } from './two-sides.js'

/** Something to do for a chunk, and somewhere to tell what was seen. */
interface Chunk {
  readonly side: Side
  readonly tell: (seen: Seen) => void
}

inEachMode((scene) => {
  test('every part of a pipeline that a request makes runs as its tenant', async () => {
    const play = (own: Side) =>
      own.run(async () => {
        const seen: Seen[] = []
        const look = async () => void seen.push(await own.sees())
        await pipeline(
          Readable.from(
            (async function* () {
              await look()
              yield 'a'
              yield 'b'
            })(),
          ),
          new Transform({ objectMode: true, transform: (chunk, _, done) => void look().then(() => done(null, chunk)) }),
          new Writable({ objectMode: true, write: (_chunk, _, done) => void look().then(() => done()) }),
        )
        return seen
      })
    expect(await atOnce(scene, play)).toEqual([Array.from({ length: 5 }, () => 'own')])
  })

  test("a 'data' listener runs as whoever pushes into a stream that flows", async () => {
    const play = (push: (other: Side, fire: () => void) => unknown) => async (own: Side, other: Side) => {
      const stream = new Readable({ read: () => {} })
      const { look, seen } = later()
      await own.run(() => void stream.on('data', () => look(own)))
      await new Promise(setImmediate)
      await push(other, () => stream.push('x'))
      return seen
    }
    expect(
      await atOnce(
        scene,
        play((other, fire) => other.run(fire)),
      ),
    ).toEqual(['other'])
    expect(
      await atOnce(
        scene,
        play((_, fire) => fire()),
      ),
    ).toEqual(['NoTenantError'])
  })

  test('for await over a stream stays with whoever iterates, whoever pushes', async () => {
    const play = async (own: Side, other: Side) => {
      const stream = new PassThrough({ objectMode: true })
      const seen = own.run(async () => {
        const all: Seen[] = []
        for await (const _ of stream) all.push(await own.sees())
        return all
      })
      await other.run(() => void stream.write('x'))
      stream.end('y')
      return seen
    }
    expect(await atOnce(scene, play)).toEqual([['own', 'own']])
  })

  describe('the body of an async generator', () => {
    const looks = async function* (side: Side) {
      yield await side.sees()
      yield await side.sees()
    }
    const drain = async (generator: AsyncGenerator<Seen>) => {
      const all: Seen[] = []
      for await (const seen of generator) all.push(seen)
      return all
    }

    test('runs as whoever iterates it, whoever made it', async () => {
      const play = async (own: Side, other: Side) => {
        const made = await own.run(() => [looks(own), looks(own), looks(own)] as const)
        return [await own.run(() => drain(made[0])), await other.run(() => drain(made[1])), await drain(made[2])]
      }
      expect(await atOnce(scene, play, 10)).toEqual([
        [
          ['own', 'own'],
          ['other', 'other'],
          ['NoTenantError', 'NoTenantError'],
        ],
      ])
    })

    test('that took its client from $forTenant is of that tenant, whoever iterates it', async () => {
      const rows = async function* (side: Side) {
        yield side.owns(await scene.prisma.$forTenant(side.tenantId).project.findMany())
      }
      const play = (own: Side, other: Side) => other.run(() => drain(rows(own)))
      expect(await atOnce(scene, play)).toEqual(['own'].map((seen) => [seen]))
    })
  })

  describe('a Transform made at module level and shared', () => {
    const shared = (handle: (chunk: Chunk) => PromiseLike<Seen>) =>
      new Transform({
        objectMode: true,
        transform: (chunk: Chunk, _, done) =>
          void handle(chunk)
            .then(chunk.tell)
            .then(() => done()),
      }).resume()
    const write = (stream: Transform, side: Side) =>
      new Promise<Seen>((tell) => void side.run(() => stream.write({ side, tell } satisfies Chunk)))

    test('handles a chunk as whoever wrote it while it is idle, and one that waited as whoever was there before', async () => {
      const stream = shared(({ side }) => side.sees())
      for (const [first, second] of [scene.sides, [...scene.sides].reverse() as [Side, Side]]) {
        expect(await write(stream, first)).toBe('own')
        expect(await Promise.all([write(stream, first), write(stream, second)])).toEqual(['own', 'other'])
      }
    })

    test('serves everybody as itself where the chunk says whose it is, and the transform opens that scope', async () => {
      const stream = shared(({ side }) => side.run(() => side.sees()))
      expect(await atOnce(scene, (own) => write(stream, own))).toEqual(['own'])
    })
  })
})
