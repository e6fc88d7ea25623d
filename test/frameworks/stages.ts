// What every app under test does: it shows the tenant at each stage of a request, and notes it where no answer can.
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises'
import { tryCurrentTenant } from '../../src/context.js'
import type { TenantScopeOptions } from '../../src/frameworks/resolve.js'
import type { TenantPrisma } from '../support/modes.js'

/** The tenant that a request expects, in a header that no source reads. */
export const EXPECTED = 'x-expected'
export const NOBODY = 'nobody'
export const here = (): string => tryCurrentTenant() ?? NOBODY

export interface AppOptions {
  // biome-ignore lint/suspicious/noExplicitAny: each framework has a request of its own
  readonly options: TenantScopeOptions<any, any>
  readonly notes: Notes
  readonly prisma?: TenantPrisma
}

/**
 * An app with these routes, all but the first behind tenantScope:
 * /public, /tenant?wait=, /t/:tenant/tenant, /stream?wait=&chunks=, /throw?wait=, POST /echo, /projects, /lost.
 */
export interface ServerUnderTest {
  readonly url: string
  readonly server: Server
  close(): Promise<void>
}

/** A server that was told to listen on a port of its own choice, as soon as it does. */
export async function listening(server: Server): Promise<ServerUnderTest> {
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export interface Framework {
  readonly name: string
  open(app: AppOptions): Promise<ServerUnderTest>
  /** The stages that it notes. */
  readonly noted: readonly string[]
  /** What the app answered, out of the framework's own envelope. */
  unwrap?(text: string, status: number): string
  /** How it answers a request that it cannot read, where that is not 400. */
  readonly unreadable?: number
  /** Its paths cannot hold a tenant. */
  readonly noPaths?: true
}

/** Stages that no answer can show, each with the tenant that it should have seen. */
export class Notes {
  readonly wrong: string[] = []
  readonly counts: Record<string, number> = {}

  add(stage: string, expected: unknown): void {
    this.counts[stage] = (this.counts[stage] ?? 0) + 1
    if (here() !== expected) this.wrong.push(`${stage}: ${here()} instead of ${expected}`)
  }

  /** A server and its sockets outlive the requests and know no tenant. */
  watch(server: Server): void {
    const nobody = (stage: string) => () => this.add(stage, NOBODY)
    server.prependListener('request', nobody('server request'))
    server.on('request', nobody('server request'))
    server.on('connection', (socket) => {
      nobody('connection')()
      // Not its `close` and `drain`: Node emits those from whoever closed it or wrote to it last.
      socket.on('end', nobody('socket'))
    })
  }
}

/** The tenant after each kind of wait. */
export async function waits(url: string): Promise<Record<string, string>> {
  const seen: Record<string, string> = { start: here() }
  await sleep(numberIn(url, 'wait'))
  seen.timer = here()
  await immediate()
  seen.immediate = here()
  await new Promise<void>((resolve) => process.nextTick(resolve))
  seen.tick = here()
  await readFile(new URL(import.meta.url))
  seen.file = here()
  await Promise.all([sleep(1), Promise.resolve()])
  seen.all = here()
  return seen
}

/** One line a chunk, each with the tenant that was seen when it was made. */
export async function* lines(url: string): AsyncGenerator<string, void, void> {
  for (let left = numberIn(url, 'chunks'); left > 0; left--) {
    await sleep(numberIn(url, 'wait'))
    yield `${here()}\n`
  }
}

/** A stream of the Web that makes its chunks when they are asked for, by whoever asks. */
export function webStream(url: string, cancelled: () => void): ReadableStream<Uint8Array> {
  let left = numberIn(url, 'chunks')
  return new ReadableStream(
    {
      async pull(controller) {
        await sleep(numberIn(url, 'wait'))
        if (left-- > 0) controller.enqueue(Buffer.from(`${here()}\n`))
        else controller.close()
      },
      cancel: cancelled,
    },
    { highWaterMark: 0 },
  )
}

/** A stream of Node that makes its chunks when it is read. */
export function nodeStream(url: string): Readable {
  let left = numberIn(url, 'chunks')
  return new Readable({
    highWaterMark: 1,
    read() {
      setTimeout(() => this.push(left-- > 0 ? `${here()}\n` : null), numberIn(url, 'wait'))
    },
  })
}

export function numberIn(url: string, name: string): number {
  return Number(new URL(url, 'http://x').searchParams.get(name) ?? 1)
}
