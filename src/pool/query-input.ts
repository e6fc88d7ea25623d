import type { TenancyError } from '../errors.js'
import { unsupported } from '../refusals.js'
import { type TypeParsers, type WireValue, wireValues } from './pg-internals.js'

/** A query as pg users write it, checked and ready for the wire. */
export interface QueryInput {
  readonly text: string
  /** The prepared statement's name, or `''`. */
  readonly name: string
  readonly values: readonly WireValue[]
  readonly rowMode: string | undefined
  readonly binary: boolean
  readonly types: TypeParsers | undefined
  readonly timeout: number | undefined
}

export type QueryCallback = (error: unknown, result?: unknown) => void

/** What `pool.query` and `client.query` were given: a text or config, and values, where those are not the callback. */
export function readInput(config: unknown, values: unknown): QueryInput {
  return readConfig(config, typeof values === 'function' ? undefined : values)
}

/** The callback alone, which a refusal needs before the input was read. pg takes it in the config too. */
export function callbackOf(config: unknown, values: unknown, callback: unknown): QueryCallback | undefined {
  const inConfig = (config as { callback?: unknown } | null | undefined)?.callback
  const given = typeof values === 'function' ? values : (callback ?? inConfig)
  return typeof given === 'function' ? (given as QueryCallback) : undefined
}

/** Is this a query object of its own, such as a cursor, a row stream or a COPY stream? */
export function isSubmittable(config: unknown): boolean {
  return typeof (config as { submit?: unknown } | null | undefined)?.submit === 'function'
}

export function refuseSubmittable(): TenancyError {
  return unsupported(
    'Cursors, row streams and COPY streams write to the connection themselves and cannot be bound to a tenant.',
    'Read in pages: SELECT … WHERE id > $1 ORDER BY id LIMIT 1000.',
  )
}

interface Submittable {
  callback?: unknown
  handleError?: (error: unknown, connection: undefined) => void
}

/**
 * Refuses a query object as pg does on a connection that was lost: hands it back, and then the error to it. Its caller
 * listens to it, and gives the client back when it fails.
 *
 * @throws the refusal where the object takes no error
 */
export function failSubmittable(query: unknown, values: unknown, callback: unknown): unknown {
  const refusal = refuseSubmittable()
  const submittable = query as Submittable
  if (typeof submittable.handleError !== 'function') throw refusal
  submittable.callback ||= callbackOf(undefined, values, callback)
  process.nextTick(() => submittable.handleError?.(refusal, undefined))
  return query
}

function readConfig(config: unknown, list: unknown): QueryInput {
  const query = (typeof config === 'string' ? { text: config } : config) as Partial<Record<string, unknown>> | null
  // Each property is read once: what is checked is what is sent.
  const { text, name = '', rowMode, types, query_timeout: timeout, binary = false } = query ?? {}
  if (typeof text !== 'string')
    throw unsupported('A query must have a text.', "Call query('SELECT …', values) or query({ text, values }).")
  const values = list ?? query?.['values'] ?? []
  if (typeof name !== 'string' || name.includes('\0') || Buffer.byteLength(name) > 63) {
    throw unsupported('The name of the prepared statement is not text of at most 63 bytes.', 'Give a shorter name.')
  }
  if (!Array.isArray(values)) throw unsupported('Query values must be an array.', 'Call query(text, [value]).')
  if (values.length > 65_535)
    throw unsupported(
      `A statement takes at most 65535 values, and ${values.length} were given.`,
      'Pass an array: … = ANY($1).',
    )
  const prepared = wireValues(values)
  checkSize(text, prepared)
  return {
    text,
    name,
    values: prepared,
    rowMode: rowMode as string | undefined,
    binary: binary === true,
    types: types as TypeParsers | undefined,
    timeout: timeout as number | undefined,
  }
}

/** PostgreSQL ends the connection on a longer message (PQ_LARGE_MESSAGE_LIMIT), and pg's writer breaks on twice as much. */
const MAX_MESSAGE_BYTES = 0x3fff_ffff - 4096

function checkSize(text: string, values: readonly WireValue[]): void {
  // A character takes at most three bytes of UTF-8. What may be too long by that is measured.
  if (text.length * 3 > MAX_MESSAGE_BYTES && Buffer.byteLength(text) > MAX_MESSAGE_BYTES) throw tooLong('The text')
  let atMost = 0
  for (const value of values) atMost += 6 + (typeof value === 'string' ? value.length * 3 : (value?.length ?? 0))
  if (atMost <= MAX_MESSAGE_BYTES) return
  let bytes = 0
  for (const value of values) bytes += 6 + (value === null ? 0 : Buffer.byteLength(value))
  if (bytes > MAX_MESSAGE_BYTES) throw tooLong('The values')
}

function tooLong(what: string): TenancyError {
  return unsupported(`${what} of a statement take at most 1 GiB. Nothing was sent.`, 'Send them in parts.')
}
