// How a model's query reports what PostgreSQL refused, in the installed version of Prisma.
import { expect } from 'vitest'
import { KNOWS_DEADLOCKS, WRAPS_UNKNOWN_ERRORS } from './prisma-version.js'

/** An error that Prisma has no code for. */
export function unknownError(sqlState: string, message: string): object {
  if (WRAPS_UNKNOWN_ERRORS) {
    return { code: 'P2039', message: expect.stringContaining(`${sqlState}\`. Message: \`${message}`) }
  }
  return {
    name: 'DriverAdapterError',
    message: expect.stringContaining(message),
    cause: expect.objectContaining({ kind: 'postgres', originalCode: sqlState }),
  }
}

export function deadlock(): object {
  return KNOWS_DEADLOCKS ? { code: 'P2034' } : unknownError('40P01', 'deadlock detected')
}
