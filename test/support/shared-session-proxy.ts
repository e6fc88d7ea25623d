// A proxy that puts all its clients on one server session, as PGlite's socket does with several connections: a transaction
// at a time, and each client is told the process id of the session itself.
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

import { encoded } from './mangling-proxy.js'
import { asksForEncryption, MessageReader, type WireMessage } from './wire-messages.js'

export interface SharedSessionProxy {
  url(original: string): string
  stop(): Promise<void>
}

export async function startSharedSessionProxy(to: {
  readonly host: string
  readonly port: number
}): Promise<SharedSessionProxy> {
  const sockets = new Set<Socket>()
  let server: Socket | undefined
  /** What the server said to the first client after it had let it in: parameters, key, readiness. */
  const greeting: WireMessage[] = []
  let greeted = false
  let letIn = false
  let current: Socket | undefined
  const waiting: { client: Socket; flight: Buffer[] }[] = []

  const next = (): void => {
    const turn = current ? undefined : waiting.shift()
    if (!turn) return
    current = turn.client
    for (const bytes of turn.flight) server?.write(bytes)
  }
  const open = (): Socket => {
    const socket = connect(to)
    sockets.add(socket)
    const reader = new MessageReader('typed')
    socket.on('data', (chunk) => {
      for (const message of reader.read(chunk)) {
        if (!greeted && message.type === 'R' && message.body.readInt32BE(0) === 0) letIn = true
        if (!greeted && letIn) greeting.push(message)
        const client = current
        if (message.type === 'Z') {
          greeted = true
          if (message.body.toString() === 'I') current = undefined
        }
        if (client?.writable) client.write(encoded(message))
      }
      next()
    })
    socket.on('error', () => {})
    return socket
  }

  const listener = createServer((client) => {
    sockets.add(client)
    client.setNoDelay(true)
    const reader = new MessageReader('untyped')
    let flight: Buffer[] = []
    client.on('data', (chunk) => {
      if (asksForEncryption(chunk)) return void client.write('N')
      for (const message of reader.read(chunk)) {
        if (message.type === '' && greeted) {
          for (const one of greeting) client.write(encoded(one))
        } else if (!greeted) {
          current = client
          server ??= open()
          server.write(encoded(message))
        } else if (message.type !== 'X') {
          flight.push(encoded(message))
          if (message.type !== 'S' && message.type !== 'Q') continue
          if (current === client) for (const bytes of flight) server?.write(bytes)
          else waiting.push({ client, flight })
          flight = []
          next()
        }
      }
    })
    client.on('error', () => {})
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
    async stop() {
      listener.close()
      for (const socket of sockets) socket.destroy()
      await once(listener, 'close')
    },
  }
}
