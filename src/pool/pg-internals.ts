// The only file that touches what pg does not document: the wire methods that a submittable query is handed
// (pg-cursor and pg-query-stream stand on the same ones), pg's result builder and its conversion of values.
import type { Duplex } from 'node:stream'
import pg from 'pg'
import { TenancyError } from '../errors.js'

export type TransactionStatus = 'I' | 'T' | 'E'

/** What `submit(connection)` of a query is handed: one method per message of PostgreSQL's wire protocol. */
export interface Wire {
  readonly stream: Pick<Duplex, 'cork' | 'uncork' | 'destroy' | 'listeners' | 'on' | 'removeListener'>
  query(text: string): void
  parse(message: { name: string; text: string }): void
  bind(message: { statement: string; values: readonly WireValue[]; binary: boolean }): void
  describe(message: { type: 'P'; name: string }): void
  execute(message: { portal: string }): void
  close(message: { type: 'S'; name: string }): void
  sync(): void
  sendCopyFail(reason: string): void
  on(event: string, listener: (message: never) => void): void
  once(event: 'readyForQuery', listener: (message: { status: TransactionStatus }) => void): void
  once(event: 'end', listener: () => void): void
  removeListener(event: string, listener: (message: never) => void): void
}

export type WireValue = string | Buffer | null

export interface TypeParsers {
  getTypeParser(oid: number, format?: string): (text: string) => unknown
}

/** pg's own result, so that rows come out as they always did. */
export interface ResultBuilder extends pg.QueryArrayResult<never> {
  addFields(fields: unknown[]): void
  parseRow(fields: unknown[]): unknown
  addRow(row: unknown): void
  addCommandComplete(message: { text: string }): void
}

interface Internals {
  Result: new (rowMode: string | undefined, types: TypeParsers) => ResultBuilder
  utils: { prepareValue(value: unknown): WireValue }
}
const { Result, utils } = pg as unknown as Internals

/** @throws TenancyError `CONFIG.UNSUPPORTED_VERSION` where pg looks different from what was tested */
export function checkPg(): void {
  if (typeof Result === 'function' && typeof utils?.prepareValue === 'function') return
  throw unsupported('pg exports no Result or no utils.prepareValue')
}

/** The wire of a connected client. */
export function checkWire(client: pg.Client): Wire {
  const wire = (client as unknown as { connection?: Wire }).connection
  const methods = [
    'query',
    'parse',
    'bind',
    'describe',
    'execute',
    'close',
    'sync',
    'sendCopyFail',
    'on',
    'once',
    'removeListener',
  ] as const
  const complete =
    wire &&
    methods.every((name) => typeof wire[name] === 'function') &&
    typeof wire.stream?.cork === 'function' &&
    wire.stream.listeners('data').length > 0
  if (!complete) throw unsupported("pg's client has no JavaScript connection")
  if (typeof (client as unknown as Partial<Ending>)._ending !== 'boolean')
    throw unsupported('its client has no _ending')
  return wire
}

interface Ending {
  _ending: boolean
}

/** Whether the client was asked to end. */
export function isEnding(client: pg.ClientBase): boolean {
  return (client as unknown as Ending)._ending
}

/** What waits in a pool for a connection. */
interface Waiting {
  _pendingQueue: { callback(error: Error): void }[]
}

export function checkPool(pool: pg.Pool): void {
  if (!Array.isArray((pool as unknown as Partial<Waiting>)._pendingQueue)) throw unsupported('pg-pool has no queue')
}

/** Answers all that wait for a connection of a pool. Its own `end` forgets them. */
export function refuseWaiters(pool: pg.Pool, error: Error): void {
  for (const { callback } of (pool as unknown as Waiting)._pendingQueue.splice(0)) callback(error)
}

/**
 * Ends the connection on bytes that pg's parser cannot read. It throws then, in a listener of the socket's where nobody
 * can catch it, and without this the process would end.
 */
export function guardParser({ stream }: Wire, unreadable: (cause: unknown) => Error): void {
  for (const parse of stream.listeners('data')) {
    stream.on('data', (chunk) => {
      try {
        parse(chunk)
      } catch (error) {
        // What is not the parser's is a listener's own.
        const own =
          !(error instanceof RangeError) && !/^Unknown authenticationOk/.test(String((error as Error)?.message))
        stream.destroy(own ? undefined : unreadable(error))
        if (own) throw error
      }
    })
    stream.removeListener('data', parse as (...args: unknown[]) => void)
  }
}

export function newResult(rowMode: string | undefined, types: TypeParsers): ResultBuilder {
  return new Result(rowMode, types)
}

/**
 * The values as they go over the wire. Calls what pg would call, `toPostgres` of a value among it, before anything is sent.
 *
 * @throws TypeError where one is neither text nor bytes then: pg would notice in the middle of writing
 */
export function wireValues(values: readonly unknown[]): WireValue[] {
  const { length } = values
  const prepared = new Array<WireValue>(length)
  // A loop: `map` of an array that is not a plain one is not pg's.
  for (let i = 0; i < length; i += 1) {
    const value = utils.prepareValue(values[i]) ?? null
    if (typeof value !== 'string' && value !== null && !(value instanceof Buffer))
      throw new TypeError(`The value $${i + 1} cannot be sent: it is neither text nor bytes.`)
    prepared[i] = value
  }
  return prepared
}

function unsupported(what: string): TenancyError {
  return new TenancyError('CONFIG.UNSUPPORTED_VERSION', `This version of pg is not supported: ${what}.`, {
    hint: 'Install pg 8 (npm install pg@8), without pg-native and without NODE_PG_FORCE_NATIVE.',
  })
}
