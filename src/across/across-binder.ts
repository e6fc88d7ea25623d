import type { Binding, Binds } from '../binding.js'
import type { Scope } from '../context.js'
import { TenantMismatchError } from '../errors.js'
import { unsupported } from '../refusals.js'

/**
 * Binds uses of `acrossTenants`: a transaction of theirs is read-only, ends statements that take too long, and carries
 * no tenant. Once something was asked in it, PostgreSQL refuses to make a transaction writable again
 * (https://www.postgresql.org/docs/current/sql-set-transaction.html).
 *
 * Where a use may write, the transaction is left as it was opened: an author's BEGIN READ ONLY stands.
 */
export class AcrossBinder implements Binds {
  readonly sql =
    `SELECT CASE $1 WHEN 'on' THEN pg_catalog.set_config('transaction_read_only', 'on', true) ELSE $1 END, pg_catalog.set_config('statement_timeout', $2, true)`
  readonly #timeout: string

  /** @param timeout for each statement, in milliseconds; 0 for none */
  constructor(timeout: number) {
    this.#timeout = asShown(timeout)
  }

  bind(scope: Scope | undefined): Binding {
    const use = scope?.across
    if (use === undefined) {
      throw new TenantMismatchError(
        'A connection of the bypass role was used outside acrossTenants. Nothing was sent.',
        {
          hint: 'Release clients, and end transactions, before the function of acrossTenants returns.',
        },
      )
    }
    if (use.over) {
      throw unsupported(
        'A query of acrossTenants came after its function had returned. Nothing was sent.',
        'Await every query inside: acrossTenants({ reason }, async () => { await … }).',
      )
    }
    // Two uses never share a statement: each has its own limits, and its own account.
    const key = `across\0${use.id}`
    if (!use.write) return { key, values: ['on', this.#timeout] }
    return { key, values: ['off', this.#timeout], opening: READ_WRITE }
  }
}

// The bypass role's transactions are read-only by default. Without LOCAL, which would warn outside a transaction block: it
// ends with the transaction either way, since each one begins with the default.
const READ_WRITE = 'SET transaction_read_only = off'

/** A time as PostgreSQL shows it: in the largest unit that divides it. */
function asShown(milliseconds: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
  ] as const
  if (milliseconds === 0) return '0'
  const [unit, size] = units.find(([, size]) => milliseconds % size === 0) ?? ['ms', 1]
  return `${milliseconds / size}${unit}`
}
