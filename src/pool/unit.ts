import type { Binding } from '../binding.js'
import { currentScope } from '../context.js'
import { bindingChannel, tellBinding } from '../diagnostics.js'
import { bindFailed, refusesBinding } from '../refusals.js'
import { newResult, type ResultBuilder, type TransactionStatus, type TypeParsers, type Wire } from './pg-internals.js'
import { BEGIN_NAME, BINDING_NAME, type PreparedStatements } from './prepared-statements.js'
import type { QueryInput } from './query-input.js'

/** What one flight carries: held-back statements, the binding, one query, one Sync. */
export interface UnitPlan {
  /** `BEGIN` and `SET TRANSACTION` that were held back. They come first: nothing may stand between them and BEGIN. */
  readonly held: readonly string[]
  /** The binding, or undefined for what goes alone: COMMIT, ROLLBACK, savepoints. */
  readonly binding: { readonly sql: string; readonly values: Binding['values'] } | undefined
  readonly query: QueryInput
}

/** How a unit ended. `status` is undefined where the connection is lost or must be given up. */
export interface Outcome {
  readonly result: ResultBuilder
  readonly error: unknown
  readonly status: TransactionStatus | undefined
  /** The query's command tag, such as `SELECT 3`; undefined where it did not complete. */
  readonly tag: string | undefined
  /** Did the query describe rows? A SELECT that does not has made a table. */
  readonly describedRows: boolean
}

// What Prisma and most people write to end a transaction: one message instead of five, and too plain to be anything else.
const PLAIN_CONTROL = /^(?:COMMIT|ROLLBACK|(?:ROLLBACK TO |RELEASE )?SAVEPOINT [a-z_][a-z0-9_]*)$/i

/**
 * A query of pg's (https://node-postgres.com/apis/client#clientquery) that writes the binding before its own messages
 * and a single Sync after them. PostgreSQL runs what stands before a Sync as one implicit transaction
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING), so the binding holds for
 * exactly this query, in one flight.
 */
export class Unit {
  readonly outcome: Promise<Outcome>
  // pg reads these two from a query that is handed to it, and replaces the second where there is a timeout.
  readonly query_timeout: number | undefined
  callback: () => void = () => {}

  readonly #plan: UnitPlan
  readonly #prepared: PreparedStatements
  readonly #bindingName: string
  readonly #result: ResultBuilder
  /** Commands to complete before the query's own messages begin. */
  #preludeLeft: number
  #bound: unknown[] | undefined
  #error: unknown
  #tag: string | undefined
  #describedRows = false
  #wire: Wire | undefined
  #settle!: (outcome: Outcome) => void

  constructor(plan: UnitPlan, prepared: PreparedStatements, prepareBinding: boolean, types: TypeParsers) {
    this.#plan = plan
    this.#prepared = prepared
    // Whoever names his statements has connections that keep prepared ones.
    this.#bindingName = prepareBinding || plan.query.name !== '' ? BINDING_NAME : ''
    this.#result = newResult(plan.query.rowMode, plan.query.types ?? types)
    this.#preludeLeft = plan.held.length + (plan.binding ? 1 : 0)
    this.query_timeout = plan.query.timeout
    // Now: what is made here is in scope, what pg calls later is not.
    if (bindingChannel.hasSubscribers && plan.binding)
      tellBinding(plan.binding.values, currentScope()?.across !== undefined)
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  submit(wire: Wire): null {
    this.#wire = wire
    wire.once('readyForQuery', this.#onReady)
    wire.stream.cork()
    try {
      this.#write(wire)
    } catch (error) {
      // pg would take the connection for idle. What was written is still corked: none of it is sent.
      this.#abandon(asError(error))
    } finally {
      wire.stream.uncork()
    }
    return null
  }

  #write(wire: Wire): void {
    const { held, binding, query } = this.#plan
    if (!binding && held.length === 0 && PLAIN_CONTROL.test(query.text)) {
      wire.query(query.text)
      return
    }
    for (const text of held) {
      const name = this.#bindingName !== '' && text === 'BEGIN' ? BEGIN_NAME : ''
      this.#prepared.parse(wire, name, text)
      wire.bind({ statement: name, values: [], binary: false })
      wire.execute({ portal: '' })
    }
    if (binding) {
      this.#prepared.parse(wire, this.#bindingName, binding.sql)
      wire.bind({ statement: this.#bindingName, values: binding.values, binary: false })
      wire.execute({ portal: '' })
    }
    this.#prepared.parse(wire, query.name, query.text)
    wire.bind({ statement: query.name, values: query.values, binary: query.binary })
    wire.describe({ type: 'P', name: '' })
    wire.execute({ portal: '' })
    wire.sync()
  }

  handleRowDescription(message: { fields: unknown[] }): void {
    if (this.#inPrelude() || this.#describedRows) return void this.#surprise('a row description')
    this.#describedRows = true
    // Asks for the type parsers, which may be the user's.
    this.#try(() => this.#result.addFields(message.fields))
  }

  handleDataRow(message: { fields: unknown[] }): void {
    if (this.#inPrelude()) {
      if (this.#preludeLeft !== 1 || this.#bound) return void this.#surprise('a second row')
      this.#bound = message.fields
      return
    }
    if (!this.#describedRows) return void this.#surprise('a row that it did not describe')
    if (this.#error !== undefined) return
    this.#try(() => this.#result.addRow(this.#result.parseRow(message.fields)))
  }

  handleCommandComplete(message: { text: string }): void {
    if (!this.#inPrelude()) {
      if (this.#tag !== undefined) return void this.#surprise('a second command')
      this.#tag = message.text
      this.#result.addCommandComplete(message)
      return
    }
    this.#preludeLeft -= 1
    if (this.#preludeLeft > 0 || !this.#plan.binding) return
    const { values } = this.#plan.binding
    const same = this.#bound?.length === values.length && values.every((value, i) => value === this.#bound?.[i])
    // The rows that follow would be somebody else's: they are dropped with the connection.
    if (!same) this.#surprise('another answer to the binding than what was bound')
  }

  handleEmptyQuery(): void {
    if (this.#inPrelude()) this.#surprise('an empty query')
    else this.#tag = ''
  }

  handlePortalSuspended(): void {
    this.#surprise('a suspended portal')
  }

  handleCopyInResponse(wire: Wire): void {
    wire.sendCopyFail('COPY cannot be bound to a tenant')
    this.#surprise('COPY')
  }

  handleCopyData(): void {
    this.#surprise('COPY')
  }

  handleReadyForQuery(): void {
    // Answered by #onReady, which also hears the ReadyForQuery after an error.
  }

  handleError(error: unknown): void {
    const { severity, code } = error as { severity?: string; code?: string }
    const fromServer = severity !== undefined && code !== undefined
    this.#error ??=
      fromServer && this.#inPrelude() && refusesBinding(code)
        ? bindFailed('the server refused the binding', error)
        : error
    if (code === '26000' || code === '0A000') this.#prepared.doubtAll()
    if (fromServer && severity !== 'FATAL' && severity !== 'PANIC') {
      // ReadyForQuery follows, and pg hands it to nobody; unless the connection ends first.
      this.#wire?.once('end', this.#onEnd)
    } else {
      this.#finish(this.#error, undefined)
    }
  }

  readonly #onReady = ({ status }: { status: TransactionStatus }): void => {
    if (this.#error === undefined && this.#tag === undefined) this.#surprise('no end of the command')
    else this.#finish(this.#error, status)
  }

  readonly #onEnd = (): void => this.#finish(this.#error, undefined)

  /** What a type parser throws is the query's error: thrown through pg's reader it would end the process. */
  #try(parse: () => void): void {
    try {
      parse()
    } catch (error) {
      this.#error ??= asError(error)
    }
  }

  #inPrelude(): boolean {
    return this.#preludeLeft > 0
  }

  /** What the protocol does not allow here: nothing of this answer is handed over, and the connection is destroyed. */
  #surprise(what: string): void {
    this.#abandon(bindFailed(`the server sent ${what}`))
  }

  #abandon(error: unknown): void {
    this.#finish(error, undefined)
    // Without the error, which the caller has: pg's pool would tell it to its own listeners, or throw it uncaught.
    this.#wire?.stream.destroy()
  }

  #finish(error: unknown, status: TransactionStatus | undefined): void {
    this.#wire?.removeListener('readyForQuery', this.#onReady)
    this.#wire?.removeListener('end', this.#onEnd)
    this.#prepared.settle(error === undefined)
    // pg has wrapped this around its own to stop the query_timeout, which else ends a query that is over.
    this.callback()
    this.#settle({ result: this.#result, error, status, tag: this.#tag, describedRows: this.#describedRows })
  }
}

/** `undefined` can be thrown too, and would pass for success. */
function asError(thrown: unknown): unknown {
  return thrown ?? new Error(`${thrown} was thrown.`)
}
