// A TCP proxy in front of PostgreSQL that counts flights, lists the statements that were executed, adds latency, and can
// cut the line.
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

import { FlightCounter, type FlightLog } from './flight-counter.js'
import { asksForEncryption } from './wire-messages.js'

export interface FlightProxy {
  readonly host: string
  readonly port: number
  /** `original` with this proxy's host and port. */
  url(original: string): string
  /**
   * A flight begins when the client sends something after it was given everything it was owed: one ReadyForQuery for
   * each Sync and simple Query. Start-up, authentication and Terminate are none. All connections together, since the
   * last `reset`. Not seen: waiting without Sync, as after a Flush or for the server's consent to COPY … FROM STDIN.
   */
  flights(): number
  reset(): void
  /** Texts in the order in which the client executed them; a simple Query with several statements is one text. */
  statements(): string[]
  /** `I`, `T` or `E` of every ReadyForQuery that answered a flight. */
  transactionStatuses(): string[]
  /** Destroys every connection, both ends; new ones are let in. */
  cut(): void
  stop(): Promise<void>
}

/**
 * `delayMs` is added in each direction, so a flight takes `2 * delayMs` more. Node's timers only fire late: 1 ms is
 * about 1.1 ms. There is no backpressure: both ends are ours, and tests send little.
 */
export async function startFlightProxy(options: {
  readonly host: string
  readonly port: number
  readonly delayMs?: number
}): Promise<FlightProxy> {
  const log: FlightLog = { flights: 0, statements: [], transactionStatuses: [] }
  const sockets = new Set<Socket>()
  const listener = createServer({ allowHalfOpen: true }, (client) => {
    const server = connect({ host: options.host, port: options.port, allowHalfOpen: true })
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    }
    relay(client, server, new FlightCounter(log), options.delayMs ?? 0)
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('A listening TCP server has a port.')
  const { port } = address

  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    host: '127.0.0.1',
    port,
    url(original) {
      const url = new URL(original)
      url.host = `127.0.0.1:${port}`
      return url.href
    },
    flights: () => log.flights,
    reset: () => void Object.assign(log, { flights: 0, statements: [], transactionStatuses: [] }),
    statements: () => [...log.statements],
    transactionStatuses: () => [...log.transactionStatuses],
    cut,
    async stop() {
      listener.close()
      cut()
      await once(listener, 'close')
    },
  }
}

function relay(client: Socket, server: Socket, counter: FlightCounter, delayMs: number): void {
  // Timers of one duration fire in the order they were set, and so do immediates: nothing overtakes anything.
  const delayed = (act: () => void): void => void (delayMs > 0 ? setTimeout(act, delayMs) : act())
  // Two immediates have a whole poll of the sockets between them. So before an answer is delivered, everything that the
  // client had written by then, without waiting for that answer, has been read and counted.
  const delivered = (act: () => void): void => delayed(() => setImmediate(() => setImmediate(act)))

  client.on('data', (chunk) => {
    // Encrypted messages could not be read.
    if (asksForEncryption(chunk)) return void client.write('N')
    counter.clientSent(chunk)
    delayed(() => write(server, chunk))
  })
  server.on('data', (chunk) =>
    delivered(() => {
      counter.serverSent(chunk)
      write(client, chunk)
    }),
  )
  client.on('end', () => delayed(() => server.end()))
  server.on('end', () => delivered(() => client.end()))
  for (const [socket, other] of [
    [client, server],
    [server, client],
  ] as const) {
    socket.on('error', () => other.destroy())
  }
}

function write(socket: Socket, chunk: Buffer): void {
  if (socket.writable) socket.write(chunk)
}
