// A client of the tests: many requests over kept connections, some that hang up, and some of exact bytes.
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'

export interface Answer {
  readonly status: number
  readonly text: string
  readonly reused: boolean
}

export interface Ask {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Record<string, string>
  readonly body?: string
  /** Hangs up after the first chunk of the answer. */
  readonly hangUp?: true
}

export function newAgent(maxSockets: number): Agent {
  return new Agent({ keepAlive: true, maxSockets, maxFreeSockets: maxSockets })
}

export function ask(
  url: string,
  agent: Agent,
  { method = 'GET', headers = {}, body, hangUp }: Ask = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, method, headers }, (response: IncomingMessage) => {
      let text = ''
      const answer = () => ({ status: response.statusCode ?? 0, text, reused: sent.reusedSocket })
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
        if (!hangUp) return
        resolve(answer())
        response.destroy()
      })
      response.on('end', () => resolve(answer()))
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Writes these bytes on a connection of its own, and answers with all that came back until the server hung up. */
export async function exchange(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk) => (text += chunk))
  socket.on('error', () => {})
  socket.write(Buffer.from(bytes, 'latin1'))
  await once(socket, 'close')
  return text
}

/** One request of exact header lines, and its answer. */
export async function askRaw(
  url: string,
  path: string,
  lines: readonly string[],
): Promise<{ status: number; text: string }> {
  const answer = await exchange(url, [`GET ${path} HTTP/1.1`, ...lines, 'Connection: close', '', ''].join('\r\n'))
  const [head = '', ...rest] = answer.split('\r\n\r\n')
  const text = rest.join('\r\n\r\n')
  const chunked = /transfer-encoding: chunked/i.test(head)
  return {
    status: Number(head.split(' ')[1]),
    text: chunked ? text.replace(/^[0-9a-f]+\r\n|\r\n[0-9a-f]+(?=\r\n)|\r\n/gim, '') : text,
  }
}
