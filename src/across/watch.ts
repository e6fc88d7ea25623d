import { TenancyError } from '../errors.js'
import { tokens } from '../gate/lexer.js'
import type { StatementKind } from '../gate/statement.js'
import { unsupported } from '../refusals.js'
import type { AcrossUse } from './use.js'

/**
 * Counts a statement of a use of `acrossTenants`, and keeps the time limit of its configuration.
 *
 * @throws TenancyError `QUERY.UNSUPPORTED`
 */
export function watch(use: AcrossUse, kind: StatementKind, sql: string): void {
  if (kind === 'query') use.statements += 1
  if (kind !== 'set-local' || tokens(sql)?.[2]?.text !== 'statement_timeout') return
  throw unsupported(
    'Inside acrossTenants, SET LOCAL statement_timeout was not sent: the limit is in its configuration.',
    'acrossTenants: { …, statementTimeout: 120_000 }, in milliseconds, where the client is made.',
  )
}

/** The server's refusal of a write, as callers of `acrossTenants` should meet it; undefined for every other SQLSTATE. */
export function writeRefused(
  { write }: AcrossUse,
  sqlState: string | undefined,
  said: string | undefined,
  cause: unknown,
): TenancyError | undefined {
  if (sqlState === '25006' && !write)
    return refusal(said, 'acrossTenants({ reason, write: true }, () => …), and grants for its role.', cause)
  if (sqlState === '42501' && write)
    return refusal(
      said,
      'GRANT INSERT, UPDATE, DELETE ON … TO the role of acrossTenants, and USAGE ON SEQUENCE … where ids come from one.',
      cause,
    )
  return undefined
}

function refusal(said: string | undefined, hint: string, cause: unknown): TenancyError {
  return new TenancyError(
    'ACROSS.WRITE_REFUSED',
    `PostgreSQL refused a write inside acrossTenants${said === undefined ? '' : `: ${said}`}.`,
    { hint, cause },
  )
}
