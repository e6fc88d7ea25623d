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
