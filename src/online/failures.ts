import { isTenancyError, TenancyError } from '../errors.js'

const hints: Record<string, string> = {
  // With row_security off, this is also what a policy answers that would hide rows from us.
  '42501':
    'Run it as the owner of the tables; where they have policies already, as a role with BYPASSRLS (the migrator) that is a member of the owner.',
  '23503': 'A row points at a row of another tenant, or at none. Correct it, then start again.',
  '23514': 'A row has no tenant. Find out whose it is and fill the column in, then start again.',
  '23505': 'Two rows of one tenant have the same values in these columns. Change one of them, then start again.',
}

/** The SQLSTATE of an error of pg, or undefined. */
export function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined
}

/**
 * An error of PostgreSQL told as one of ours. Its message names tables and constraints; the detail, which can contain
 * rows, stays behind in `cause`.
 */
export function failure(title: string, error: unknown): unknown {
  const state = sqlState(error)
  if (isTenancyError(error) || state === undefined) return error
  const code = state.startsWith('23') ? 'MIGRATION.ROWS' : 'MIGRATION.FAILED'
  return new TenancyError(code, `${title}: ${(error as Error).message}.`, {
    hint: hints[state] ?? 'Correct the cause, then start again: what is done stays done.',
    docsUrl: 'https://www.postgresql.org/docs/current/errcodes-appendix.html',
    cause: error,
    meta: { sqlState: state },
  })
}
