// What a server that was told to stop still owes: the answer to a request that it has begun to read.
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { json } from 'node:stream/consumers'
import { until } from '../jobs/tenants.js'

export interface RequestUnderWay {
  /** Sends the body, and resolves to the answer's. */
  finish(): Promise<unknown>
}

/** A POST whose head the server has, and whose body it waits for: with this header it says so. */
export async function beginPost(url: string, headers: Record<string, string>, body: object): Promise<RequestUnderWay> {
  const text = JSON.stringify(body)
  const sent = request(url, {
    method: 'POST',
    headers: {
      ...headers,
      'content-type': 'application/json',
      'content-length': text.length,
      connection: 'close',
      expect: '100-continue',
    },
  })
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>
  sent.flushHeaders()
  await once(sent, 'continue')
  return {
    async finish() {
      sent.end(text)
      const [response] = await answered
      return json(response)
    },
  }
}

/** Resolves when nobody can connect any more. */
export function takesNoMoreRequests(url: string): Promise<void> {
  return until(`nothing listens at ${url}`, () =>
    fetch(url).then(
      () => false,
      () => true,
    ),
  )
}
