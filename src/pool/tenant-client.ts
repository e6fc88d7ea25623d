import { EventEmitter } from 'node:events'
import type pg from 'pg'
import type { Binding, Binds } from '../binding.js'
import type { TenancyError } from '../errors.js'
import type { Statement } from '../gate/statement.js'
import { transactionIsOver, transactionOfAnotherScope, unsupported } from '../refusals.js'
import type { Admission, RefusedControl } from './admission.js'
import { answer } from './answer.js'
import { newResult, type ResultBuilder } from './pg-internals.js'
import { failSubmittable, isSubmittable, type QueryInput } from './query-input.js'
import { admitControl } from './refused-control.js'
import type { Session } from './session.js'

/** How a client reaches the pool that lent it. */
export interface Lender {
  readonly binder: Binds
  /** Reads and judges one statement in the caller's scope, or throws. */
  admit(config: unknown, values: unknown): Admission
  /** Like `admit` for a client that was given back: throws what to do instead. */
  refuse(): TenancyError
}

interface Transaction {
  readonly binding: Binding
  /** BEGIN and SET TRANSACTION, until the first statement takes them along; then empty. */
  held: string[]
  /** What was bound then, and is again with each statement: a seal counts from the start of its transaction. */
  values?: Binding['values']
}

const forwarded = new Set<string | symbol>(['error', 'notice', 'notification', 'drain', 'end'])

/**
 * What `pool.connect()` hands out: a client of pg's for one lease. Every statement runs bound to the scope in which it
 * was issued; a transaction belongs to the scope in which it was opened. After `release()` it answers nothing, so a
 * handle that was kept reaches no connection.
 */
export class TenantClient extends EventEmitter {
  readonly #lender: Lender
  /** The connection, until it is given back. */
  #session: Session | undefined
  #last: Promise<unknown> | undefined
  #waiting = 0
  #transaction: Transaction | undefined
  /** Why nothing but ROLLBACK and the release may follow, or undefined. */
  #over: string | undefined
  /** The refusal of a BEGIN that was answered all the same, until ROLLBACK. Every other statement meets it. */
  #refusal: unknown
  readonly #listeners = new Map<string, (...args: unknown[]) => void>()

  /** @internal Clients come from `TenantPool#connect`. Without a session it is the handle that pool events carry. */
  constructor(lender: Lender, session?: Session) {
    super()
    this.#lender = lender
    this.#session = session
  }

  override on(...[event, listener]: Parameters<EventEmitter['on']>): this {
    if (forwarded.has(event)) this.#forward(event as string)
    return super.on(event, listener)
  }

  override addListener(...[event, listener]: Parameters<EventEmitter['on']>): this {
    return this.on(event, listener)
  }

  /**
   * Runs one statement, bound to the tenant in scope. Takes what `client.query` of pg takes, except query objects
   * (cursors, row streams, COPY), which fail with the refusal. Statements of one client run one after another, however
   * they overlap. The refusal of a BEGIN meets the statement after it: what sent BEGIN can then ROLLBACK and release.
   *
   * @throws NoTenantError, TenantMismatchError, TenancyError `QUERY.UNSUPPORTED`
   */
  query<R extends pg.QueryResultRow = pg.QueryResultRow>(
    config: string | pg.QueryConfig,
    values?: unknown[],
  ): Promise<pg.QueryResult<R>>
  query<R extends pg.QueryResultRow = pg.QueryResultRow>(
    config: string | pg.QueryConfig,
    callback: (error: Error, result: pg.QueryResult<R>) => void,
  ): void
  query<R extends pg.QueryResultRow = pg.QueryResultRow>(
    config: string | pg.QueryConfig,
    values: unknown[],
    callback: (error: Error, result: pg.QueryResult<R>) => void,
  ): void
  query(config: unknown, values?: unknown, callback?: unknown): unknown {
    if (isSubmittable(config)) return failSubmittable(config, values, callback)
    return answer(config, values, callback, () => {
      if (!this.#session) throw this.#lender.refuse()
      const admission = this.#admit(config, values)
      return this.#inTurn(() => this.#step(admission))
    })
  }

  #admit(config: unknown, values: unknown): Admission | RefusedControl {
    try {
      return this.#lender.admit(config, values)
    } catch (error) {
      return admitControl(this.#refusal ?? error, config, values)
    }
  }

  /** Gives the connection back; with `true` or an error, or where anything is amiss, it is destroyed instead. */
  release(destroy?: Error | boolean): void {
    const session = this.#session
    if (!session) throw new Error('Release called on client which has already been released to the pool.')
    this.#session = undefined
    for (const [event, listener] of this.#listeners) session.client.removeListener(event, listener)
    if (this.#transaction?.held.length === 0) session.mark('a transaction was left open')
    if (this.#waiting > 0) session.mark('a statement was still running')
    session.release(destroy)
  }

  /** pg's own: see https://node-postgres.com/apis/client */
  escapeIdentifier(text: string): string {
    return this.#leased().client.escapeIdentifier(text)
  }

  escapeLiteral(text: string): string {
    return this.#leased().client.escapeLiteral(text)
  }

  getTypeParser(oid: number, format?: string): unknown {
    return (this.#leased().client.getTypeParser as (oid: number, format?: string) => unknown)(oid, format)
  }

  get processID(): number | null {
    return (this.#leased().client as unknown as { processID: number | null }).processID
  }

  /** Runs at once, or after what runs already: pg takes one statement at a time. */
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#waiting === 0 ? run() : (this.#last as Promise<unknown>).then(run, run)
    const done = () => {
      this.#waiting -= 1
    }
    this.#waiting += 1
    this.#last = turn
    turn.then(done, done)
    return turn
  }

  #step(admission: Admission | RefusedControl): Promise<ResultBuilder> {
    const { explain } = admission
    const step = this.#run(admission)
    return explain === undefined ? step : step.catch((error: unknown) => Promise.reject(explain(error) ?? error))
  }

  async #run({ binding, statement, input, fromPrisma, refusal }: Admission | RefusedControl): Promise<ResultBuilder> {
    this.#leased()
    const transaction = this.#transaction
    if (this.#refusal !== undefined) return this.#refuse(statement)
    if (refusal !== undefined && statement.kind !== 'rollback') {
      if (statement.kind !== 'begin' || transaction || this.#over !== undefined) throw refusal
      this.#refusal = refusal
      return localAnswer('BEGIN')
    }
    if (this.#over !== undefined) {
      if (statement.kind === 'rollback') return localAnswer('ROLLBACK')
      throw transactionIsOver(this.#over)
    }
    // Anybody may end a transaction by rolling it back: it can only undo.
    if (transaction && statement.kind !== 'rollback' && transaction.binding.key !== binding?.key)
      throw transactionOfAnotherScope()
    switch (statement.kind) {
      case 'begin':
        if (transaction)
          throw unsupported(
            'A transaction is open on this client already.',
            'Use SAVEPOINT, or tx.$transaction(…) in Prisma.',
          )
        this.#transaction = { binding: binding as Binding, held: [input.text] }
        return localAnswer('BEGIN')
      case 'commit':
      case 'rollback':
        return this.#end(statement, input, fromPrisma)
      case 'set-local':
        if (transaction && statement.beforeFirstQuery && transaction.held.length > 0) {
          transaction.held.push(input.text)
          return localAnswer('SET')
        }
        if (!transaction)
          throw unsupported('SET TRANSACTION, SET CONSTRAINTS and SET LOCAL work inside a transaction.', 'BEGIN first.')
        return this.#send(statement, input, !statement.beforeFirstQuery)
      case 'savepoint':
        return this.#send(statement, input, false)
      default:
        return this.#send(statement, input, true, binding)
    }
  }

  /** After a BEGIN that was refused. Nothing is sent. */
  #refuse({ kind, beforeFirstQuery }: Statement): ResultBuilder {
    if (kind !== 'rollback' && !beforeFirstQuery) throw this.#refusal
    if (kind === 'rollback') this.#refusal = undefined
    return localAnswer(kind === 'rollback' ? 'ROLLBACK' : 'SET')
  }

  /** COMMIT or ROLLBACK. Where nothing was sent yet, nothing is. */
  async #end(statement: Statement, input: QueryInput, fromPrisma: boolean): Promise<ResultBuilder> {
    const transaction = this.#transaction
    this.#transaction = undefined
    // Prisma ends what it opened and gives the client back. A raw COMMIT looks just like it; what came after would
    // run outside the transaction that its author believes in.
    if (fromPrisma) this.#over = 'it was committed or rolled back'
    if (!transaction || transaction.held.length > 0)
      return localAnswer(statement.kind === 'commit' ? 'COMMIT' : 'ROLLBACK')
    const { result, error, status } = await this.#leased().run(
      statement,
      { held: [], binding: undefined, query: input },
      'I',
    )
    if (status !== 'I') this.#over = 'the connection is in an unexpected state'
    if (error !== undefined) throw error
    return result
  }

  async #send(statement: Statement, input: QueryInput, bound: boolean, binding?: Binding): Promise<ResultBuilder> {
    const transaction = this.#transaction
    const held = transaction?.held ?? []
    if (transaction) transaction.values ??= transaction.binding.values
    const values = (transaction ?? binding)?.values
    const bind = values !== undefined && (bound || held.length > 0)
    // Only what begins a transaction can be opened.
    const opening = held.length > 0 ? transaction?.binding.opening : transaction ? undefined : binding?.opening
    const plan = { held, opening, binding: bind ? { sql: this.#lender.binder.sql, values } : undefined, query: input }
    const { result, error, status } = await this.#leased().run(statement, plan, transaction ? 'T' : 'I')
    if (transaction) transaction.held = []
    // What follows in a transaction that the server does not know would run on its own, statement by statement.
    if (transaction && status !== 'T' && status !== 'E') {
      this.#transaction = undefined
      this.#over = 'its first statement failed, or the connection was lost'
    }
    if (error !== undefined) throw error
    return result
  }

  #leased(): Session {
    if (!this.#session) throw this.#lender.refuse()
    return this.#session
  }

  /** What pg's client emits, for as long as it is lent, and only where somebody listens. */
  #forward(event: string): void {
    if (!this.#session || this.#listeners.has(event)) return
    const listener = (...args: unknown[]) => {
      if (event !== 'error' || this.listenerCount('error') > 0) this.emit(event, ...args)
    }
    this.#listeners.set(event, listener)
    this.#session.client.on(event as 'error', listener)
  }
}

/** The answer to a statement that needed no flight. */
function localAnswer(command: string): ResultBuilder {
  const result = newResult(undefined, { getTypeParser: () => (text) => text })
  result.addCommandComplete({ text: command })
  return result
}
