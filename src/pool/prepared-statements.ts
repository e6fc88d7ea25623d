import { randomBytes } from 'node:crypto'
import { TenancyError } from '../errors.js'
import type { Wire } from './pg-internals.js'

type Writes = Pick<Wire, 'parse' | 'close'>

/** Keys of what the pool itself prepares. No name that a caller gives contains NUL. */
export const BINDING = '\0bind'
export const BEGIN = '\0begin'

/**
 * The server keeps every prepared statement, with its plan, for as long as the connection lives: some 10 to 100 kB each.
 * An application has a few hundred texts; one that builds its texts from data has no end of them.
 */
const LIMIT = 500

interface Prepared {
  readonly text: string
  /** Its name on the server. */
  readonly name: string
  /** Whether the server has it. In doubt until its flight succeeded: of one that fails it is not known which Parse ran. */
  state: 'new' | 'doubtful' | 'there'
}

/**
 * Which prepared statements one connection has.
 *
 * pg keeps such a list too, but credits the first ParseComplete of a flight to the query's name, and in our flights
 * the first is the binding's.
 *
 * Names on the server are this connection's alone. What stands between may put several connections on one server
 * session (PGlite's socket, some poolers): under a name that they share, one would run the other's text, and with other
 * settings the binding itself is another text.
 */
export class PreparedStatements {
  readonly #own = `tenancy_${randomBytes(12).toString('base64url')}_`
  /** By the caller's name, least recently used first. */
  readonly #statements = new Map<string, Prepared>()
  readonly #limit: number
  #count = 0
  #sent: Prepared[] = []
  /** Statements to close, which the next flight takes along. */
  #closing: string[] = []

  constructor(limit = LIMIT) {
    this.#limit = limit
  }

  /** @throws TenancyError `QUERY.UNSUPPORTED` where the name stands for another text */
  checkName(name: string, text: string): void {
    const known = this.#statements.get(name)
    if (known?.state !== 'there' || known.text === text) return
    throw new TenancyError(
      'QUERY.UNSUPPORTED',
      `The prepared statement ${JSON.stringify(name)} stands for another text on this connection.`,
      {
        hint: 'Give every text a name of its own, or none.',
      },
    )
  }

  /** Writes Close for what was forgotten. First in a flight: what follows may fail, and is then skipped. */
  closeForgotten(wire: Writes): void {
    for (const name of this.#closing) wire.close({ type: 'S', name })
    this.#closing = []
  }

  /** Writes Parse, unless the connection has the statement. Returns the name under which the server knows it. */
  parse(wire: Writes, key: string, text: string): string {
    if (key === '') {
      wire.parse({ name: '', text })
      return ''
    }
    let statement = this.#statements.get(key)
    if (statement?.text !== text) {
      const { name, state } = statement ?? { name: `${this.#own}${this.#count++}`, state: 'new' }
      statement = { text, name, state }
    }
    // Last in the map: the most recently used.
    this.#statements.delete(key)
    this.#statements.set(key, statement)
    const { name, state } = statement
    if (state === 'there') return name
    // To close what is not there never fails.
    if (state === 'doubtful') wire.close({ type: 'S', name })
    statement.state = 'doubtful'
    this.#sent.push(statement)
    wire.parse({ name, text })
    return name
  }

  /** The flight ended; did every Parse of it succeed? */
  settle(succeeded: boolean): void {
    if (this.#sent.length === 0) return
    if (succeeded) for (const statement of this.#sent) statement.state = 'there'
    this.#sent = []
    for (const [key, { name }] of this.#statements) {
      if (this.#statements.size <= this.#limit) break
      this.#statements.delete(key)
      this.#closing.push(name)
    }
  }

  /** The server will not run this one as it was prepared: prepare it again. */
  doubt(key: string): void {
    const statement = this.#statements.get(key)
    if (statement !== undefined) statement.state = 'doubtful'
  }

  /** The server does not have what it should have, as after DEALLOCATE ALL: prepare everything again. */
  doubtAll(): void {
    for (const statement of this.#statements.values()) statement.state = 'doubtful'
  }
}
