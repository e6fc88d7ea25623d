import { PolicyViolationError, TenancyError, TenantMismatchError } from './errors.js'
import { quoteIdentifier, quoteLiteral } from './sql/quote.js'
import { SEAL_REFUSED } from './sql/seal.js'

// What the pool and the portable mode refuse in the same words.

export function transactionOfAnotherScope(): TenantMismatchError {
  return new TenantMismatchError(
    'The transaction was opened for another tenant, or with other settings, than the scope in which it is used.',
    {
      hint: 'Open the scope first and the transaction inside it: withTenant(id, () => prisma.$transaction(async (tx) => …)).',
    },
  )
}

export function connectionOfTheApp(): TenantMismatchError {
  return new TenantMismatchError('A connection of the app role was used inside acrossTenants.', {
    hint: 'Take connections and open transactions inside: acrossTenants({ reason }, () => prisma.$transaction(async (tx) => …)).',
  })
}

export function transactionIsOver(why = 'it was committed or rolled back'): TenancyError {
  return unsupported(
    `The transaction is over: ${why}. Nothing was sent.`,
    'Let $transaction(…) commit and roll back: throw to roll back, return to commit.',
  )
}

export function unsupported(message: string, hint: string): TenancyError {
  return new TenancyError('QUERY.UNSUPPORTED', message, { hint })
}

export function bindFailed(what: string, cause?: unknown): TenancyError {
  return new TenancyError('CONNECTION.BIND_FAILED', `The connection could not be bound to the tenant: ${what}.`, {
    hint: 'Nothing was read or written. If it stays, look at what stands between this service and PostgreSQL.',
    cause,
  })
}

/** The statement that opens a use of `acrossTenants` for writing failed. On a standby it does. */
export function noWritesHere(cause: unknown): TenancyError {
  return new TenancyError(
    'ACROSS.WRITE_REFUSED',
    'acrossTenants with write: true cannot write: its connection leads to a replica.',
    {
      hint: 'Let the connection of acrossTenants lead to the primary, or leave write out. Nothing was written.',
      cause,
    },
  )
}

/** An answer that the protocol does not allow. The statement was in the same flight: whether it ran is not known. */
export function answerRefused(what: string, cause?: unknown): TenancyError {
  return new TenancyError('CONNECTION.BIND_FAILED', `The answer cannot be trusted: the server sent ${what}.`, {
    hint: 'No row of it was handed over, and the connection was destroyed. A write may have been committed: look before you repeat it. If it stays, look at what stands between this service and PostgreSQL.',
    cause,
  })
}

/** Was it the binding itself that the server refused? An aborted transaction, a cancelled statement and a lost server say what happened better than we could. */
export function refusesBinding(sqlState: string): boolean {
  return sqlState !== '25P02' && sqlState !== '26000' && !/^(?:08|40|53|57|58)/.test(sqlState)
}

const sealRefusals: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  [SEAL_REFUSED.notGenuine]: [
    'it is not genuine',
    'Add the key that this service signs with (tenancy seal add), and retire one only when no service signs with it any more. If the keys are right, a statement tried to be another tenant.',
  ],
  [SEAL_REFUSED.expired]: ['it has expired', 'Set the clocks of this service and of the database: NTP.'],
  [SEAL_REFUSED.tooLong]: [
    'it is valid for longer than the database allows',
    'Give sealTenants() and seal the same validFor, and set the clocks of both machines: NTP.',
  ],
}

/** The database's refusal of a seal as users should meet it; undefined for every other SQLSTATE. */
export function sealRefused(sqlState: unknown, cause: unknown): TenancyError | undefined {
  const refusal = typeof sqlState === 'string' ? sealRefusals[sqlState] : undefined
  if (refusal === undefined) return undefined
  const [why, hint] = refusal
  return new TenancyError('CONNECTION.BIND_FAILED', `The database does not accept the seal of the tenant: ${why}.`, {
    hint,
    cause,
  })
}

/**
 * A refusal with SQLSTATE 42501 as users should meet it: a policy's, or a missing grant. Which one, only PostgreSQL's
 * message says, so from a server that speaks another language than English less is known. Undefined for all others.
 *
 * @param isPolicy whether it is a policy's, where something else than the message says so
 * @see ExecWithCheckOptions in PostgreSQL's execMain.c, and aclcheck_error in its aclchk.c
 */
export function insufficientPrivilege(message: string, cause: unknown, isPolicy = false): TenancyError | undefined {
  const policy =
    /^(new|target) row violates row-level security policy(?: "(.*)")?( \(USING expression\))? for table "(.*)"$/s.exec(
      message,
    )
  if (policy !== null || isPolicy) return policyViolation(policy ?? [], cause)
  const [, kind = '', name = ''] = /^permission denied for ([a-z ]+) (.+)$/s.exec(message) ?? []
  const privileges = missingPrivileges[kind]
  if (privileges === undefined) return undefined
  return new TenancyError(
    'ROLE.LACKS_PRIVILEGE',
    `PostgreSQL refused the statement: permission denied for ${kind} ${name}.`,
    {
      hint: `A shared table is written by the migrator role or its owner alone. What the service itself needs is granted to the role it logs in with: GRANT ${privileges} ${quoteIdentifier(name)} TO …;`,
      docsUrl: 'https://www.postgresql.org/docs/current/ddl-priv.html',
      cause,
      meta: { [kind]: name },
    },
  )
}

const missingPrivileges: Readonly<Record<string, string>> = {
  table: 'SELECT, INSERT, UPDATE, DELETE ON',
  view: 'SELECT ON',
  'materialized view': 'SELECT ON',
  'foreign table': 'SELECT ON',
  sequence: 'USAGE, SELECT ON SEQUENCE',
  schema: 'USAGE ON SCHEMA',
}

function policyViolation([, row, policy, using, table]: readonly (string | undefined)[], cause: unknown): TenancyError {
  const where = table === undefined ? '' : ` WHERE tablename = ${quoteLiteral(table)}`
  const [message, hint] = whichPolicy(
    { row, policy, using },
    table === undefined ? '' : ` to "${table}"`,
    `SELECT policyname, cmd, permissive, qual, with_check FROM pg_policies${where};`,
  )
  return new PolicyViolationError(message, {
    hint,
    docsUrl: 'https://www.postgresql.org/docs/current/ddl-rowsecurity.html',
    cause,
    meta: { ...(table !== undefined && { table }), ...(policy !== undefined && { policy }) },
  })
}

function whichPolicy(
  { row, policy, using }: Partial<Record<'row' | 'policy' | 'using', string | undefined>>,
  to: string,
  look: string,
): [message: string, hint: string] {
  if (row === 'target')
    return [
      `Row-level security refused the MERGE${to}: it met a row that may be seen here, but not changed.`,
      `Leave such rows out in ON or WHEN, or change the policies for UPDATE and DELETE: ${look}`,
    ]
  if (using !== undefined)
    return [
      `Row-level security refused the upsert${to}: the row in its way may not be seen or not be changed here.`,
      `Begin the unique constraint with the tenant column: @@unique([tenantId, …]). If it does, another policy hides the row: ${look}`,
    ]
  if (policy !== undefined)
    return [`The policy "${policy}" refused the write${to}.`, `Write what it allows, or change it: ${look}`]
  return [
    `Row-level security refused the write${to}.`,
    `Leave the tenant column out (its default is the tenant in scope), or open the scope of the tenant that the row belongs to. If the row is this tenant's, another policy refuses it, or hides it although RETURNING asks for it, as Prisma does: ${look}`,
  ]
}
