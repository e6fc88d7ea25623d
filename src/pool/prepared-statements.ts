import { TenancyError } from '../errors.js'
import type { Wire } from './pg-internals.js'

/** The name under which the binding itself is prepared. */
export const BINDING_NAME = 'tenancy_bind'
export const BEGIN_NAME = 'tenancy_begin'

/**
 * Which prepared statements one connection has.
 *
 * pg keeps such a list too, but credits the first ParseComplete of a flight to the query's name, and in our flights
 * the first is the binding's. After a failure it is not known which Parse still ran: such a name is closed, which
 * never fails, before it is prepared again.
 */
export class PreparedStatements {
  readonly #texts = new Map<string, string>()
  readonly #doubtful = new Set<string>()
  #inFlight: [name: string, text: string][] = []

  /** @throws TenancyError `QUERY.UNSUPPORTED` where the name stands for another text, or for the binding */
  checkName(name: string, text: string): void {
    // A COMMIT or SAVEPOINT of this name, which goes alone, would be taken for the binding by everybody who comes later.
    if (name === BINDING_NAME || name === BEGIN_NAME) {
      throw new TenancyError('QUERY.UNSUPPORTED', `The name ${JSON.stringify(name)} is taken by the binding itself.`, {
        hint: 'Give the prepared statement another name.',
      })
    }
    const known = this.#texts.get(name)
    if (name === '' || known === undefined || known === text) return
    throw new TenancyError(
      'QUERY.UNSUPPORTED',
      `The prepared statement ${JSON.stringify(name)} stands for another text on this connection.`,
      {
        hint: 'Give every text a name of its own, or none.',
      },
    )
  }

  /** Writes Parse, unless the connection has the statement. */
  parse(wire: Wire, name: string, text: string): void {
    if (name !== '') {
      if (this.#texts.has(name)) return
      if (this.#doubtful.delete(name)) wire.close({ type: 'S', name })
      this.#inFlight.push([name, text])
    }
    wire.parse({ name, text })
  }

  /** The flight ended; did every Parse of it succeed? */
  settle(succeeded: boolean): void {
    if (this.#inFlight.length === 0) return
    for (const [name, text] of this.#inFlight) {
      if (succeeded) this.#texts.set(name, text)
      else this.#doubtful.add(name)
    }
    this.#inFlight = []
  }

  /** The server does not have what it should have: prepare everything again. */
  doubtAll(): void {
    for (const name of this.#texts.keys()) this.#doubtful.add(name)
    this.#texts.clear()
  }
}
