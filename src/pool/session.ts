import type pg from 'pg'
import { runInScope } from '../context.js'
import type { Statement } from '../gate/statement.js'
import { answerRefused, insufficientPrivilege, sealRefused } from '../refusals.js'
import {
  checkWire,
  guardParser,
  isEnding,
  type ResultBuilder,
  type TransactionStatus,
  type TypeParsers,
} from './pg-internals.js'
import { PreparedStatements } from './prepared-statements.js'
import { uncaughtIn } from './uncaught.js'
import { type Expected, type Outcome, Unit, type UnitPlan } from './unit.js'

interface ParameterStatus {
  readonly parameterName: string
  readonly parameterValue: string
}

/** Tags of what changes nothing but the transaction. Any other answer is another statement's. */
const CONTROL_TAG: Partial<Record<Statement['kind'], RegExp>> = {
  'set-local': /^SET\b/,
  begin: /^BEGIN$/,
  commit: /^(?:COMMIT|ROLLBACK)$/,
  rollback: /^ROLLBACK$/,
  savepoint: /^(?:SAVEPOINT|RELEASE|ROLLBACK)$/,
}
const QUERY_TAG = /^(?:(?:SELECT|INSERT|UPDATE|DELETE|MERGE|EXPLAIN|SHOW|NOTIFY|LOCK TABLE)\b|$)/

/** Nothing ran: what was prepared is gone, is there already, or has other columns since a migration. */
const STALE = /^(?:26000|42P05|0A000 RevalidateCachedQuery)/

/**
 * One server connection and what is known about it. A connection that showed anything unexpected is marked, and a
 * marked connection is destroyed when it is given back, never cleaned.
 */
export class Session {
  /**
   * Does the server keep what is prepared here? Then the binding is prepared once and saves the server its parsing.
   * A pooler in transaction mode may hand the next transaction to another server connection.
   */
  keepsPrepared = false
  #marked: string | undefined
  /** Reported settings that stand at another value than they began with. */
  readonly #changed = new Set<string>()
  /** What the connection failed with, or undefined. */
  failure: Error | undefined
  /** pg's own client. It never leaves the pool. */
  readonly client: pg.PoolClient
  readonly #prepared = new PreparedStatements()
  #unit: Unit | undefined

  constructor(client: pg.PoolClient) {
    const wire = checkWire(client as unknown as pg.Client)
    this.client = client
    guardParser(wire, (cause) => answerRefused('bytes that are not a message', cause))
    // pg tells no query of these.
    wire.on('parseComplete', () => this.#unit?.confirm('1'))
    wire.on('bindComplete', () => this.#unit?.confirm('2'))
    wire.on('closeComplete', () => this.#unit?.confirm('3'))
    wire.on('noData', () => this.#unit?.handleNoData())
    // pg's pool listens only while a connection is idle; an error that nobody hears ends the process.
    client.on('error', (error) => {
      this.failure ??= error
      this.mark('the connection failed')
    })
    // Listeners are the user's: of a lease, or of onConnect. The error of a connection that is being closed is nobody's.
    const emit = client.emit.bind(client) as (event: string, ...args: unknown[]) => boolean
    client.emit = uncaughtIn(
      (event: string, ...args: unknown[]) => (event === 'error' && isEnding(client)) || emit(event, ...args),
      true,
    )
  }

  /**
   * From now on a setting that the server reports as changed marks the connection: client_encoding and
   * standard_conforming_strings among them, by which the gate reads statements. Nothing that the gate lets through
   * changes one, but a function can (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-ASYNC).
   *
   * @param passing the values of those that SET LOCAL may change: they mark it while they stand at another
   */
  watchSettings(passing: Readonly<Record<string, string>>): void {
    checkWire(this.client as unknown as pg.Client).on(
      'parameterStatus',
      ({ parameterName: name, parameterValue: value }: ParameterStatus) => {
        if (!Object.hasOwn(passing, name)) this.mark(`${name} was changed`)
        else if (passing[name] === value) this.#changed.delete(name)
        else this.#changed.add(name)
      },
    )
  }

  /** Why the connection must be destroyed, or undefined. */
  get marked(): string | undefined {
    const [changed] = this.#changed
    return this.#marked ?? (changed && `${changed} was changed`)
  }

  mark(why: string): void {
    this.#marked ??= why
  }

  /** Gives the connection back to pg's pool, which destroys it where it is marked or `destroy` says so. */
  release(destroy?: Error | boolean): void {
    const marked = this.marked === undefined ? undefined : new Error(`Connection destroyed: ${this.marked}.`)
    this.client.release(destroy || marked)
  }

  /**
   * Sends one unit and waits for it.
   *
   * @param expected the status that the server must report afterwards: `I` outside a transaction, `T` inside one
   *   (where a failed statement leaves `E`)
   * @returns the result or the error, and the status
   * @throws where nothing was sent
   */
  async run(
    statement: Statement,
    plan: UnitPlan,
    expected: 'I' | 'T',
  ): Promise<{ result: ResultBuilder; error: unknown; status: TransactionStatus | undefined }> {
    this.#prepared.checkName(plan.query.name, plan.query.text)
    const tag = CONTROL_TAG[statement.kind]
    // A session statement may change it, and its connection is destroyed; set-up is judged by the mark it leaves.
    const judged = statement.kind !== 'session' && (tag !== undefined || plan.binding !== undefined)
    const expect = { tag, status: judged ? expected : undefined }
    let outcome = await this.#send(plan, expect)
    // In a transaction of its own it can be sent once more.
    if (expected === 'I' && outcome.status === 'I' && isStale(outcome.error)) outcome = await this.#send(plan, expect)
    this.#unit = undefined
    this.#inspect(statement, outcome, expected)
    return { result: outcome.result, error: asUsersMeetIt(outcome.error), status: outcome.status }
  }

  #send(plan: UnitPlan, expected: Expected): Promise<Outcome> {
    const unit = new Unit(plan, expected, this.#prepared, this.keepsPrepared, this.client as unknown as TypeParsers)
    this.#unit = unit
    // Outside any scope: what pg does later on this socket must not run in the scope of whoever wrote last.
    runInScope(undefined, () => this.client.query(unit as unknown as pg.Submittable))
    return unit.outcome
  }

  #inspect(statement: Statement, { error, status, tag, describedRows }: Outcome, expected: 'I' | 'T'): void {
    if (status !== expected && !(expected === 'T' && status === 'E')) {
      this.mark(
        status === undefined ? 'the connection was lost' : `the transaction status is ${status}, not ${expected}`,
      )
    }
    if (statement.kind === 'session') this.mark(statement.why ?? 'a session statement')
    if (error !== undefined || tag === undefined || statement.kind !== 'query') return
    if (!QUERY_TAG.test(tag)) this.mark(`the command tag is ${tag}`)
    else if (tag.startsWith('SELECT') && !describedRows) this.mark('a SELECT made a table')
  }
}

function isStale(error: unknown): boolean {
  const { code, routine } = (error ?? {}) as { code?: unknown; routine?: unknown }
  return STALE.test(`${code} ${routine}`)
}

/** PostgreSQL's own routine tells a policy's refusal from a missing grant in any language. */
function asUsersMeetIt(error: unknown): unknown {
  // As pg's own pool does: the stack that leads to the socket becomes the one that leads to the caller.
  if (error instanceof Error) Error.captureStackTrace(error)
  const { code, routine, message = '' } = (error ?? {}) as { code?: unknown; routine?: string; message?: string }
  if (code !== '42501') return sealRefused(code, error) ?? error
  return insufficientPrivilege(message, error, routine === 'ExecWithCheckOptions') ?? error
}
