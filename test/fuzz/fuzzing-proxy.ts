// A TCP proxy in front of PostgreSQL that strikes at random, at most once a flight: it cuts, delays, repeats, drops, swaps
// and corrupts messages of either direction, and mixes in those of other connections.
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

import { encoded } from '../support/mangling-proxy.js'
import { asksForEncryption, MessageReader, type WireMessage } from '../support/wire-messages.js'
import { pick, type Random } from './random.js'

export type From = 'client' | 'server'
export type Fault = keyof typeof faults

export interface FuzzingProxy {
  url(original: string): string
  /** From now on faults of these kinds; none, and it is honest. */
  strike(kinds: readonly Fault[], random: Random): void
  /** Honest from now on: connections that were struck are closed, as a network does in the end with what is silent. */
  calm(): void
  /** How often each fault was made. */
  readonly made: Map<string, number>
  /** Connections that are open. */
  connections(): number
  stop(): Promise<void>
}

/** One message in fifty: about one flight in three. */
const CHANCE = 0.02

/** Does something to a message on its way; `pass` sends messages on in its place. */
type Strike = (message: WireMessage, line: Line, world: World) => void

const faults = {
  'cut before': (_, { cut }) => cut(),
  'cut inside': (message, line) => {
    const bytes = encoded(message)
    line.write(bytes.subarray(0, Math.ceil(bytes.length / 2)))
    line.cut()
  },
  'cut after': (message, line) => {
    line.write(encoded(message))
    line.cut()
  },
  delay: (message, line, { random }) => {
    line.pause(1 + random() * 30)
    line.write(encoded(message))
  },
  'in two pieces': (message, line) => {
    const bytes = encoded(message)
    line.write(bytes.subarray(0, 3))
    line.pause(1)
    line.write(bytes.subarray(3))
  },
  twice: (message, line) => {
    line.write(encoded(message))
    line.write(encoded(message))
  },
  drop: () => {},
  swap: (message, line) => {
    line.held = message
  },
  /** A message that another connection got or sent lately comes before it. */
  splice: (message, line, { others, random }) => {
    const found = others(line)
    if (found.length > 0) line.write(encoded(pick(random, found)))
    line.write(encoded(message))
  },
  /** A whole answer, of whichever connection, comes before it. */
  replay: (message, line, { answers, random }) => {
    if (answers.length > 0) for (const old of pick(random, answers)) line.write(encoded(old))
    line.write(encoded(message))
  },
  /** Another letter in front of the same bytes. */
  type: ({ body }, line, { random }) => {
    // None whose body is read up to a NUL (A, C, E, N, R, S, T): pg's parser looks for one beyond the message and, where
    // there is none, for ever. Nothing in the same process can end that.
    line.write(encoded({ type: pick(random, [...'123DGHIKZnst?']), body }))
  },
  /** Another number of rows, another status. */
  'tag or status': (message, line, { random }) => {
    const { type, body } = message
    if (type === 'Z') line.write(encoded({ type, body: Buffer.from(pick(random, ['I', 'T', 'E', '?'])) }))
    else if (type !== 'C') line.write(encoded(message))
    else {
      const more = body.toString('latin1').replace(/\d(?=\0$)/, (digit) => `${(Number(digit) + 1) % 10}`)
      line.write(encoded({ type, body: Buffer.from(more, 'latin1') }))
    }
  },
} satisfies Record<string, Strike>

export const allFaults = Object.keys(faults) as Fault[]

interface World {
  random: Random
  others(line: Line): readonly WireMessage[]
  readonly answers: readonly (readonly WireMessage[])[]
}

/** One direction of one connection. */
class Line {
  /** Waits for the next message to go first. */
  held: WireMessage | undefined
  /** The latest messages, for others to receive. */
  readonly recent: WireMessage[] = []
  readonly from: From
  readonly cut: () => void
  readonly #to: Socket
  #paused: Buffer[] | undefined

  constructor(from: From, to: Socket, cut: () => void) {
    this.from = from
    this.#to = to
    this.cut = cut
  }

  write(bytes: Buffer): void {
    if (this.#paused) this.#paused.push(bytes)
    else if (this.#to.writable) this.#to.write(bytes)
  }

  pause(ms: number): void {
    this.#paused ??= []
    setTimeout(() => {
      const paused = this.#paused ?? []
      this.#paused = undefined
      for (const bytes of paused) this.write(bytes)
    }, ms)
  }

  pass(message: WireMessage): void {
    this.write(encoded(message))
    if (this.held) this.write(encoded(this.held))
    this.held = undefined
  }
}

export async function startFuzzingProxy(to: { readonly host: string; readonly port: number }): Promise<FuzzingProxy> {
  let kinds: readonly Fault[] = []
  const lines = new Set<Line>()
  const answers: WireMessage[][] = []
  const made = new Map<string, number>()
  const cuts = new Map<() => void, { struck: boolean }>()
  const world: World = {
    random: () => 1,
    others: (line) => [...lines].flatMap((other) => (other !== line && other.from === line.from ? other.recent : [])),
    answers,
  }

  const listener = createServer((client) => {
    const server = connect({ host: to.host, port: to.port })
    const sockets = [client, server]
    const cut = (): void => {
      for (const socket of sockets) socket.destroy()
    }
    const connection = { struck: false }
    cuts.set(cut, connection)
    const ofClient = new Line('client', server, cut)
    const ofServer = new Line('server', client, cut)
    lines.add(ofClient).add(ofServer)
    for (const socket of sockets) {
      socket.setNoDelay(true)
      socket.on('error', cut)
      socket.on('close', () => {
        cuts.delete(cut)
        lines.delete(ofClient)
        lines.delete(ofServer)
      })
    }

    let authenticated = false
    let flightStruck = false
    let answer: WireMessage[] = []
    const relay = (line: Line, message: WireMessage): void => {
      line.recent.push(message)
      if (line.recent.length > 30) line.recent.shift()
      const [kind] = !flightStruck && world.random() < CHANCE ? [pick(world.random, kinds)] : []
      if (kind === undefined || (kind === 'replay' && line.from === 'client')) {
        line.pass(message)
        return
      }
      connection.struck = flightStruck = true
      made.set(kind, (made.get(kind) ?? 0) + 1)
      faults[kind](message, line, world)
    }
    const fromClient = new MessageReader('untyped')
    client.on('data', (chunk) => {
      // Encrypted messages could not be read.
      if (asksForEncryption(chunk)) return void client.write('N')
      for (const message of fromClient.read(chunk)) {
        if (!authenticated) ofClient.write(encoded(message))
        else relay(ofClient, message)
        if (message.type === 'S' || message.type === 'Q') flightStruck = false
      }
    })
    const fromServer = new MessageReader('typed')
    server.on('data', (chunk) => {
      for (const message of fromServer.read(chunk)) {
        if (!authenticated) {
          authenticated = message.type === 'Z'
          ofServer.write(encoded(message))
          continue
        }
        answer.push(message)
        if (message.type === 'Z') {
          answers.push(answer)
          if (answers.length > 30) answers.shift()
          answer = []
        }
        relay(ofServer, message)
      }
    })
    client.on('end', () => server.end())
    server.on('end', () => client.end())
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('A listening TCP server has a port.')

  const calm = (): void => {
    kinds = []
    world.random = () => 1
    for (const [cut, { struck }] of cuts) if (struck) cut()
  }
  return {
    made,
    calm,
    connections: () => cuts.size,
    url(original) {
      const url = new URL(original)
      url.host = `127.0.0.1:${address.port}`
      return url.href
    },
    strike(chosen, random) {
      kinds = chosen
      world.random = random
    },
    async stop() {
      listener.close()
      for (const cut of cuts.keys()) cut()
      await once(listener, 'close')
    },
  }
}
