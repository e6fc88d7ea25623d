import { TenancyError } from '../errors.js'
import { showValue } from '../show-value.js'
import { AUDIT_TABLE } from '../sql/across-audit.js'
import { quoteTable, type TableName } from '../sql/quote.js'
import type { AcrossUse } from './use.js'

/** What the two modes have in common in their option `acrossTenants`. */
export interface AcrossOptions {
  /** The longest that one statement may take, in milliseconds; 0 for no limit. Default 30,000. */
  statementTimeout?: number | undefined
  /**
   * Writes each use into a table of the primary before its function starts, and its outcome afterwards: `true` for
   * `tenancy.across_tenants`, or a table of your own of the same columns. `acrossTenantsAudit()` of
   * prisma-extension-tenancy/sql makes it. Default: none is written.
   */
  audit?: boolean | TableName | undefined
  /** Gets each use when it is over. What it throws, its caller gets, unless the use itself threw. */
  onAcrossTenants?: ((report: AcrossReport) => void | Promise<void>) | undefined
}

/** One use of `acrossTenants`, afterwards. */
export interface AcrossReport {
  readonly id: string
  readonly reason: string
  /** The file and line that called, where the stack tells. */
  readonly caller: string | undefined
  readonly write: boolean
  readonly startedAt: Date
  /** In milliseconds. */
  readonly duration: number
  /** Statements that were sent, those that the server refused included. */
  readonly statements: number
  readonly outcome: 'returned' | 'threw'
}

/** Runs one statement on the primary, in the scope of the audit of this use, and answers with how many rows it touched. */
export type RunOnPrimary = (use: string, sql: string, values: readonly (string | null)[]) => Promise<number>

/** The way of one client to reading across tenants: what is told before and after. */
export class AcrossAccess {
  readonly #run: RunOnPrimary
  readonly #table: string | undefined
  readonly #report: AcrossOptions['onAcrossTenants']

  constructor({ audit = false, onAcrossTenants }: AcrossOptions, run: RunOnPrimary) {
    if (onAcrossTenants !== undefined && typeof onAcrossTenants !== 'function')
      throw invalid('onAcrossTenants is not a function', 'onAcrossTenants: (report) => log.info(report)')
    this.#run = run
    this.#table = audit === false ? undefined : quoteTable(audit === true ? AUDIT_TABLE : audit)
    this.#report = onAcrossTenants
  }

  /** In a transaction of its own, which is over before anything is read: no row, no run. */
  async begin({ id, reason, caller, write }: AcrossUse): Promise<void> {
    if (this.#table === undefined) return
    const sql = `INSERT INTO ${this.#table} (id, reason, caller, may_write) VALUES ($1::text::uuid, $2::text, $3::text, $4::text::boolean)`
    const values = [id, reason, caller ?? null, String(write)]
    const rows = await this.#run(id, sql, values).catch((cause: unknown) => {
      throw notAudited(`the row of ${id} was not written, so its function did not start`, cause)
    })
    if (rows !== 1) throw notAudited(`the row of ${id} was not written, so its function did not start`)
  }

  async end(use: AcrossUse, outcome: AcrossReport['outcome']): Promise<void> {
    const { id, reason, caller, write, startedAt, statements } = use
    const duration = Date.now() - startedAt.getTime()
    const report = { id, reason, caller, write, startedAt, duration, statements, outcome }
    const [finished] = await Promise.allSettled([this.#finish(use, outcome)])
    // A use without its outcome is worse than a hook that throws.
    const [reported] = await Promise.allSettled([(async () => this.#report?.(report))()])
    for (const step of [finished, reported]) if (step.status === 'rejected') throw step.reason
  }

  async #finish({ id, statements }: AcrossUse, outcome: string): Promise<void> {
    if (this.#table === undefined) return
    const sql = `UPDATE ${this.#table} SET finished_at = pg_catalog.now(), outcome = $2::text, statements = $3::text::integer WHERE id = $1::text::uuid AND finished_at IS NULL`
    const rows = await this.#run(id, sql, [id, outcome, String(statements)]).catch((cause: unknown) => {
      throw notAudited(`the outcome of ${id} was not written`, cause)
    })
    if (rows !== 1) throw notAudited(`the outcome of ${id} was not written: its row is gone, or has an outcome already`)
  }
}

/** @throws TenancyError `CONFIG.INVALID` */
export function checkStatementTimeout(value: unknown = 30_000): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 2_147_483_647) return value as number
  throw invalid(
    `statementTimeout is ${showValue(value)}`,
    'Give milliseconds: statementTimeout: 30_000, or 0 for no limit.',
  )
}

function invalid(what: string, hint: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', `Invalid option acrossTenants: ${what}.`, { hint })
}

function notAudited(what: string, cause?: unknown): TenancyError {
  return new TenancyError('ACROSS.NOT_AUDITED', `The audit of acrossTenants failed: ${what}.`, {
    hint: 'See the cause. Where the table is missing or too old, run acrossTenantsAudit() of prisma-extension-tenancy/sql on the primary.',
    cause,
  })
}
