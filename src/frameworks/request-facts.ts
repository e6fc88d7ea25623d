import type { IncomingMessage } from 'node:http'

/** What the sources read of a request, whichever framework it came by. */
export interface RequestFacts {
  /** Every value that came for this header, named in lower case. Empty where it did not come at all. */
  header(name: string): readonly string[]
  /** The path as it was sent: undecoded, without the query. Undefined where the framework shows none. */
  readonly path: string | undefined
}

/** A request of Node's `http`, or of `http2` in its compatible form. */
export type NodeRequest = Pick<IncomingMessage, 'headers' | 'url'> & {
  readonly headersDistinct?: NodeJS.Dict<string[]>
  /** What a router above has not cut yet. */
  readonly originalUrl?: string
}

export function factsOfNode(request: NodeRequest): RequestFacts {
  return {
    header(name) {
      // Not `headers`: that keeps the first of two Host or Authorization headers and hides the second.
      const distinct = request.headersDistinct
      if (distinct !== undefined) return distinct[name] ?? []
      const value = request.headers[name] ?? (name === 'host' ? request.headers[':authority'] : undefined)
      return value === undefined ? [] : Array.isArray(value) ? value : [value]
    },
    path: pathOf(request.originalUrl ?? request.url),
  }
}

/** The parts of the Web's `Request` that are read. Its `Headers` join what came twice with a comma. */
export interface WebRequest {
  readonly headers: { get(name: string): string | null }
  readonly url?: string
}

export function factsOfWeb(request: WebRequest): RequestFacts {
  const { url } = request
  return {
    header(name) {
      const value = request.headers.get(name)
      return value === null ? [] : [value]
    },
    path: url === undefined ? undefined : pathOf(url.replace(/^[a-z]+:\/\/[^/?#]*/i, '')),
  }
}

function pathOf(target: string | undefined): string | undefined {
  // `OPTIONS *` is about the server.
  if (target === undefined || target === '*') return undefined
  return target.replace(/[?#].*$/s, '')
}
