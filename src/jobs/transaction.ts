import { TenancyError } from '../errors.js'
import { showValue } from '../show-value.js'

/** What is needed of the client that Prisma hands to the body of `$transaction`, of whatever schema it was generated. */
export interface TransactionClient {
  $queryRawUnsafe<T = unknown>(query: string, ...values: unknown[]): PromiseLike<T>
}

/** The rows of a statement with `$1` in it. A transaction of any other kind would let the job and the data part. */
export async function rowsThrough(
  tx: TransactionClient,
  text: string,
  values: readonly unknown[] = [],
): Promise<Record<string, unknown>[]> {
  if (typeof tx?.$queryRawUnsafe !== 'function') {
    throw new TenancyError('CONFIG.INVALID', `The transaction is ${showValue(tx)}, which is not a Prisma client.`, {
      hint: 'prisma.$transaction(async (tx) => …), and give that tx.',
    })
  }
  // Prisma knows no undefined among values, and pg takes it for NULL.
  return tx.$queryRawUnsafe(text, ...values.map((value) => value ?? null))
}
