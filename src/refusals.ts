import { TenancyError, TenantMismatchError } from './errors.js'

// What the pool and the portable mode refuse in the same words.

export function transactionOfAnotherScope(): TenantMismatchError {
  return new TenantMismatchError(
    'The transaction was opened for another tenant, or with other settings, than the scope in which it is used.',
    {
      hint: 'Open the scope first and the transaction inside it: withTenant(id, () => prisma.$transaction(async (tx) => …)).',
    },
  )
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

/** Was it the binding itself that the server refused? An aborted transaction, a cancelled statement and a lost server say what happened better than we could. */
export function refusesBinding(sqlState: string): boolean {
  return sqlState !== '25P02' && sqlState !== '26000' && !/^(?:08|40|53|57|58)/.test(sqlState)
}
