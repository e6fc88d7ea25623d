import { isTenancyError } from 'prisma-extension-tenancy'
import { Prisma } from '../../generated/example/client.js'

/** An answer other than success, thrown from wherever it is noticed. */
export class HttpError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** What the caller is told. Where another tenant's row is involved it is what a row that does not exist gets. */
export function answerTo(error: unknown): { readonly status: number; readonly message: string } {
  if (error instanceof HttpError) return { status: error.status, message: error.message }
  // By code, not by class: it also works where two copies of a package are loaded.
  if (isTenancyError(error)) {
    if (error.code === 'TENANT.REQUIRED') return { status: 401, message: 'Log in first.' }
    if (error.code === 'POLICY.VIOLATION' || error.code === 'TENANT.MISMATCH') {
      return { status: 403, message: 'That belongs to another company.' }
    }
  }
  if (error instanceof Prisma.PrismaClientKnownRequestError) {
    // https://www.prisma.io/docs/orm/reference/error-reference#error-codes
    if (error.code === 'P2025') return { status: 404, message: 'There is no such record.' }
    if (error.code === 'P2007') return { status: 400, message: 'That is no id.' }
    if (error.code === 'P2002') return { status: 409, message: 'That name is taken.' }
  }
  return { status: 500, message: 'Something went wrong here.' }
}
