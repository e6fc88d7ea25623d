import type { Binding } from '../binding.js'
import { currentScope } from '../context.js'
import { bindingChannel, tellBinding } from '../diagnostics.js'
import { answerRefused, bindFailed, noWritesHere, refusesBinding } from '../refusals.js'
import { newResult, type ResultBuilder, type TransactionStatus, type TypeParsers, type Wire } from './pg-internals.js'
import { BEGIN, BINDING, type PreparedStatements } from './prepared-statements.js'
import type { QueryInput } from './query-input.js'

/** What one flight carries: held-back statements, the binding, one query, one Sync. */
export interface UnitPlan {
  /** `BEGIN` and `SET TRANSACTION` that were held back. They come first: nothing may stand between them and BEGIN. */
  readonly held: readonly string[]
  /** Comes first of all, and says what the transaction may do. */
  readonly opening?: string | undefined
  /**
   * The binding, or undefined for what goes alone: COMMIT, ROLLBACK, savepoints. `once`: its text is not the connection's
   * usual one, for which the name stands.
   */
  readonly binding: { readonly sql: string; readonly values: Binding['values']; readonly once?: boolean } | undefined
  readonly query: QueryInput
}

/** What the server must say of the query that a unit carries. */
export interface Expected {
  /** Of what has one answer only, such as COMMIT. Undefined where rows may come. */
  readonly tag: RegExp | undefined
  /** Undefined where the statement may change it. */
  readonly status: TransactionStatus | undefined
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
  readonly #expected: Expected
  readonly #prepared: PreparedStatements
  readonly #prepares: boolean
  readonly #result: ResultBuilder
  /** What goes before the binding. */
  readonly #opening: readonly string[]
  /** What the server has to confirm, in this order: `3` a Close, `1` a Parse, `2` a Bind, `C` a command of the prelude. */
  readonly #script: string[] = []
  #confirmed = 0
  /** Commands to complete before the query's own messages begin. */
  #preludeLeft: number
  #bound: unknown[] | undefined
  #error: unknown
  #tag: string | undefined
  /** The columns; `null` where the server said that there are none. */
  #described: unknown[] | null | undefined
  #rows = 0
  #finished = false
  #wire: Wire | undefined
  #settle!: (outcome: Outcome) => void

  constructor(
    plan: UnitPlan,
    expected: Expected,
    prepared: PreparedStatements,
    prepareBinding: boolean,
    types: TypeParsers,
  ) {
    this.#plan = plan
    this.#expected = expected
    this.#prepared = prepared
    // Whoever names his statements has connections that keep prepared ones.
    this.#prepares = (prepareBinding || plan.query.name !== '') && !plan.binding?.once
    this.#result = newResult(plan.query.rowMode, plan.query.types ?? types)
    this.#opening = plan.opening === undefined ? plan.held : [plan.opening, ...plan.held]
    this.#preludeLeft = this.#opening.length + (plan.binding ? 1 : 0)
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
      this.#writeAll(wire)
    } catch (error) {
      // pg would take the connection for idle. What was written is still corked: none of it is sent.
      this.#abandon(asError(error))
    } finally {
      wire.stream.uncork()
    }
    return null
  }

  #writeAll(wire: Wire): void {
    const { binding, query } = this.#plan
    if (!binding && this.#opening.length === 0 && PLAIN_CONTROL.test(query.text)) {
      wire.query(query.text)
      this.#described = null
      return
    }
    this.#prepared.closeForgotten(this)
    for (const text of this.#opening) {
      this.#write(wire, this.#prepares && text === 'BEGIN' ? BEGIN : '', text, [], false)
      this.#execute(wire)
    }
    if (binding) {
      this.#write(wire, this.#prepares ? BINDING : '', binding.sql, binding.values, false)
      this.#execute(wire)
    }
    this.#write(wire, query.name, query.text, query.values, query.binary)
    wire.describe({ type: 'P', name: '' })
    wire.execute({ portal: '' })
    wire.sync()
  }

  #write(wire: Wire, key: string, text: string, values: QueryInput['values'], binary: boolean): void {
    wire.bind({ statement: this.#prepared.parse(this, key, text), values, binary })
    this.#script.push('2')
  }

  #execute(wire: Wire): void {
    wire.execute({ portal: '' })
    this.#script.push('C')
  }

  /** @internal What {@link PreparedStatements} writes. */
  parse(message: { name: string; text: string }): void {
    this.#wire?.parse(message)
    this.#script.push('1')
  }

  /** @internal */
  close(message: { type: 'S'; name: string }): void {
    this.#wire?.close(message)
    this.#script.push('3')
  }

  /** ParseComplete, BindComplete or CloseComplete, which pg hands to no query. */
  confirm(kind: '1' | '2' | '3'): void {
    if (this.#finished) return
    if (this.#script[this.#confirmed] === kind) this.#confirmed += 1
    else this.#surprise('a confirmation out of turn')
  }

  handleNoData(): void {
    if (this.#finished) return
    if (!this.#inTurn() || this.#described !== undefined) this.#surprise('no columns')
    else this.#described = null
  }

  handleRowDescription(message: { fields: unknown[] }): void {
    if (!this.#inTurn() || this.#described !== undefined || this.#expected.tag)
      return void this.#surprise('a row description')
    this.#described = message.fields
    // Asks for the type parsers, which may be the user's.
    this.#try(() => this.#result.addFields(message.fields))
  }

  handleDataRow(message: { fields: unknown[] }): void {
    if (this.#inPrelude()) {
      if (this.#preludeLeft !== 1 || this.#bound || this.#script[this.#confirmed] !== 'C')
        return void this.#surprise('a second row')
      this.#bound = message.fields
      return
    }
    if (!this.#inTurn() || message.fields.length !== this.#described?.length)
      return void this.#surprise('a row that it did not describe')
    this.#rows += 1
    if (this.#error !== undefined) return
    this.#try(() => this.#result.addRow(this.#result.parseRow(message.fields)))
  }

  handleCommandComplete(message: { text: string }): void {
    const { text } = message
    if (!this.#inPrelude()) {
      if (!this.#inTurn() || this.#described === undefined) return void this.#surprise('a command out of turn')
      if (this.#expected.tag?.test(text) === false) return void this.#surprise(`the tag ${JSON.stringify(text)}`)
      if (this.#described && !tellsRows(text, this.#rows))
        return void this.#surprise(`${this.#rows} rows and the tag ${JSON.stringify(text)}`)
      this.#tag = text
      this.#result.addCommandComplete(message)
      return
    }
    if (this.#script[this.#confirmed] !== 'C') return void this.#surprise('a command out of turn')
    this.#confirmed += 1
    this.#preludeLeft -= 1
    if (this.#preludeLeft > 0 || !this.#plan.binding) {
      if (!/^(?:BEGIN|START TRANSACTION|SET)$/.test(text)) this.#surprise('another command than BEGIN')
      return
    }
    const { values } = this.#plan.binding
    const same = this.#bound?.length === values.length && values.every((value, i) => value === this.#bound?.[i])
    // The rows that follow would be somebody else's: they are dropped with the connection.
    if (!same || text !== 'SELECT 1') this.#surprise('another answer to the binding than what was bound')
  }

  handleEmptyQuery(): void {
    if (!this.#inTurn() || this.#described !== null || this.#expected.tag) this.#surprise('an empty query')
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
    this.#error ??= fromServer && refusesBinding(code) ? this.#refusal(error) : error
    if (code === '26000') this.#prepared.doubtAll()
    // A cached plan whose columns have changed, of this statement alone; other reasons cost a Parse.
    if (code === '0A000') this.#prepared.doubt(this.#plan.query.name)
    if (fromServer && severity !== 'FATAL' && severity !== 'PANIC') {
      // ReadyForQuery follows, and pg hands it to nobody; unless the connection ends first.
      this.#wire?.once('end', this.#onEnd)
    } else {
      this.#finish(this.#error, undefined)
    }
  }

  readonly #onReady = ({ status }: { status: TransactionStatus }): void => {
    if (this.#error === undefined && !this.#ended()) this.#surprise('no end of the command')
    else if (this.#error === undefined && status !== (this.#expected.status ?? status))
      this.#surprise(`the transaction status ${JSON.stringify(status)}`)
    else this.#finish(this.#error, status)
  }

  readonly #onEnd = (): void => this.#finish(this.#error, undefined)

  /** What an error of the server's is to its caller: of the opening or of the binding where it came in answer to one. */
  #refusal(cause: unknown): unknown {
    const { opening, held, binding } = this.#plan
    if (opening !== undefined && this.#preludeLeft > held.length + 1) return noWritesHere(cause)
    return binding && this.#preludeLeft === 1 ? bindFailed('the server refused the binding', cause) : cause
  }

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

  #ended(): boolean {
    return this.#tag !== undefined
  }

  /** The query's own messages: everything before them is confirmed, and the command has not ended. */
  #inTurn(): boolean {
    return this.#confirmed === this.#script.length && !this.#ended()
  }

  /** What the protocol does not allow here: nothing of this answer is handed over, and the connection is destroyed. */
  #surprise(what: string): void {
    this.#abandon(answerRefused(what))
  }

  #abandon(error: unknown): void {
    this.#finish(error, undefined)
    // Without the error, which the caller has: pg's pool would tell it to its own listeners, or throw it uncaught.
    this.#wire?.stream.destroy()
  }

  #finish(error: unknown, status: TransactionStatus | undefined): void {
    this.#finished = true
    this.#wire?.removeListener('readyForQuery', this.#onReady)
    this.#wire?.removeListener('end', this.#onEnd)
    this.#prepared.settle(error === undefined)
    // pg has wrapped this around its own to stop the query_timeout, which else ends a query that is over.
    this.callback()
    this.#settle({ result: this.#result, error, status, tag: this.#tag, describedRows: !!this.#described })
  }
}

/**
 * Whether a tag fits this many described rows. Where PostgreSQL describes rows, the number in the tag is that of the
 * rows it sent, not of those affected: a trigger that skips one, a rule, ON CONFLICT DO NOTHING make no difference
 * (PortalRun in src/backend/tcop/pquery.c). EXPLAIN, SHOW and CALL have rows and no number.
 */
function tellsRows(tag: string, rows: number): boolean {
  const count = /^(?:SELECT|INSERT 0|UPDATE|DELETE|MERGE|FETCH) (\d+)$/.exec(tag)?.[1]
  return count === undefined ? /^(?:EXPLAIN|SHOW|CALL)$/.test(tag) : Number(count) === rows
}

/** `undefined` can be thrown too, and would pass for success. */
function asError(thrown: unknown): unknown {
  return thrown ?? new Error(`${thrown} was thrown.`)
}
