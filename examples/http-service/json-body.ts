import type { IncomingMessage } from 'node:http'
import { HttpError } from './http-error.js'

const MAX_BYTES = 100_000

export type JsonBody = Readonly<Record<string, unknown>>

/** The body as an object, `{}` where there is none. */
export async function readJsonBody(request: IncomingMessage): Promise<JsonBody> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    // Read to the end, but not kept: who is still sending does not hear the answer.
    if (size <= MAX_BYTES) chunks.push(chunk)
  }
  if (size > MAX_BYTES) throw new HttpError(413, `A request has at most ${MAX_BYTES} bytes.`)
  if (size === 0) return {}
  const body = parse(Buffer.concat(chunks).toString())
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new HttpError(400, 'Send a JSON object.')
  return body as JsonBody
}

export function textOf(body: JsonBody, name: string): string {
  const text = optionalTextOf(body, name)
  if (text === undefined) throw new HttpError(400, `Give ${name}.`)
  return text
}

export function optionalTextOf(body: JsonBody, name: string): string | undefined {
  const value = body[name]
  if (value === undefined || (typeof value === 'string' && value.trim() !== '')) return value
  throw new HttpError(400, `${name} must be a text.`)
}

export function optionalFlagOf(body: JsonBody, name: string): boolean | undefined {
  const value = body[name]
  if (value === undefined || typeof value === 'boolean') return value
  throw new HttpError(400, `${name} must be true or false.`)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new HttpError(400, 'The body is not JSON.')
  }
}
