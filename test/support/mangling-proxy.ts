// A TCP proxy in front of PostgreSQL that changes what the server answers, as a broken or hostile pooler might.
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

import { asksForEncryption, MessageReader, type WireMessage } from './wire-messages.js'

/** Gets one whole answer, up to and including its ReadyForQuery; returns what the client is given instead. */
export type Mangle = (answer: readonly WireMessage[]) => readonly WireMessage[]

export interface ManglingProxy {
  /** `original` with this proxy's host and port. */
  url(original: string): string
  /** From now on, on every connection that is authenticated; `undefined` is honest. */
  mangle(how: Mangle | undefined): void
  stop(): Promise<void>
}

export async function startManglingProxy(to: { readonly host: string; readonly port: number }): Promise<ManglingProxy> {
  let mangle: Mangle | undefined
  const sockets = new Set<Socket>()
  const listener = createServer((client) => {
    const server = connect({ host: to.host, port: to.port })
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    }
    relay(client, server, (answer) => (mangle ? mangle(answer) : answer))
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('A listening TCP server has a port.')

  return {
    url(original) {
      const url = new URL(original)
      url.host = `127.0.0.1:${address.port}`
      return url.href
    },
    mangle: (how) => {
      mangle = how
    },
    async stop() {
      listener.close()
      for (const socket of sockets) socket.destroy()
      await once(listener, 'close')
    },
  }
}

function relay(client: Socket, server: Socket, mangle: Mangle): void {
  const reader = new MessageReader('typed')
  let authenticated = false
  let answer: WireMessage[] = []

  client.on('data', (chunk) => {
    // Encrypted messages could not be read.
    if (asksForEncryption(chunk)) client.write('N')
    else server.write(chunk)
  })
  server.on('data', (chunk) => {
    for (const message of reader.read(chunk)) {
      if (!authenticated) {
        authenticated = message.type === 'Z'
        client.write(encoded(message))
        continue
      }
      answer.push(message)
      if (message.type !== 'Z') continue
      const given = mangle(answer)
      answer = []
      client.write(Buffer.concat(given.map(encoded)))
    }
  })
  // An answer that ends with the connection has no ReadyForQuery: it is passed on as it is.
  server.on('end', () => client.end(Buffer.concat(answer.map(encoded))))
  client.on('end', () => server.end())
  for (const [socket, other] of [
    [client, server],
    [server, client],
  ] as const) {
    socket.on('error', () => other.destroy())
  }
}

/** A message as it lies on the wire. */
export function encoded({ type, body }: WireMessage): Buffer {
  // The start-up packet has no type.
  const header = Buffer.alloc(type.length + 4, type, 'latin1')
  header.writeInt32BE(body.length + 4, type.length)
  return Buffer.concat([header, body])
}

/** A DataRow of these texts. */
export function dataRow(values: readonly (string | null)[]): WireMessage {
  const parts = values.map((value) => {
    const bytes = Buffer.from(value ?? '')
    const length = Buffer.alloc(4)
    length.writeInt32BE(value === null ? -1 : bytes.length)
    return Buffer.concat([length, bytes])
  })
  const count = Buffer.alloc(2)
  count.writeInt16BE(values.length)
  return { type: 'D', body: Buffer.concat([count, ...parts]) }
}

/** The texts of a DataRow. */
export function valuesOf({ body }: WireMessage): (string | null)[] {
  const values: (string | null)[] = []
  for (let at = 2; values.length < body.readInt16BE(0); ) {
    const length = body.readInt32BE(at)
    values.push(length < 0 ? null : body.toString('utf8', at + 4, at + 4 + length))
    at += 4 + Math.max(length, 0)
  }
  return values
}
