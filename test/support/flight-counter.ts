// What one connection sent and what it is owed for it: where a flight begins, and which statements were executed.
import { leadingStrings, MessageReader } from './wire-messages.js'

/** What all connections of one proxy add to. */
export interface FlightLog {
  flights: number
  statements: string[]
  transactionStatuses: string[]
}

export class FlightCounter {
  readonly #log: FlightLog
  readonly #client = new MessageReader('untyped')
  readonly #server = new MessageReader('typed')
  readonly #prepared = new Map<string, string>()
  readonly #portals = new Map<string, string>()
  #authenticated = false
  #inFlight = false
  /** ReadyForQuery messages that the client has yet to be given. */
  #owed = 0
  /** Messages of the extended protocol were sent, and their Sync is still to come. */
  #unsynced = false

  constructor(log: FlightLog) {
    this.#log = log
  }

  /** To be called when the client's bytes arrive. */
  clientSent(chunk: Buffer): void {
    for (const { type, body } of this.#client.read(chunk)) {
      if (!this.#authenticated || type === 'X') continue
      this.#begin()
      this.#record(type, body)
      if (type === 'Q' || type === 'S' || type === 'F') this.#owed++
      if (type === 'S') this.#unsynced = false
      else if ('PBDECH'.includes(type)) this.#unsynced = true
    }
    const { begun } = this.#client
    if (this.#authenticated && begun !== undefined && begun !== 'X') this.#begin()
  }

  /** To be called when the server's bytes are handed to the client, not when they arrive: until then it waits. */
  serverSent(chunk: Buffer): void {
    for (const { type, body } of this.#server.read(chunk)) {
      if (type !== 'Z') continue
      if (!this.#authenticated) {
        this.#authenticated = true
        continue
      }
      this.#log.transactionStatuses.push(body.toString('latin1', 0, 1))
      this.#owed--
      if (this.#owed === 0 && !this.#unsynced && this.#client.begun === undefined) this.#inFlight = false
    }
  }

  #begin(): void {
    if (this.#inFlight) return
    this.#inFlight = true
    this.#log.flights++
  }

  #record(type: string, body: Buffer): void {
    if (type === 'Q') {
      this.#log.statements.push(...leadingStrings(body, 1))
    } else if (type === 'P') {
      const [name = '', text = ''] = leadingStrings(body, 2)
      this.#prepared.set(name, text)
    } else if (type === 'B') {
      // A portal keeps its statement's text, whatever is parsed under that name later.
      const [portal = '', name = ''] = leadingStrings(body, 2)
      this.#portals.set(portal, this.#prepared.get(name) ?? '')
    } else if (type === 'E') {
      const [portal = ''] = leadingStrings(body, 1)
      this.#log.statements.push(this.#portals.get(portal) ?? '')
    }
  }
}
