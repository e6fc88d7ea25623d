import type { ErrorRequestHandler } from 'express'
import { answerTo } from '../http-service/http-error.js'

/** `answerTo` knows what the errors of this library and of Prisma mean to a client; here is what Express adds. */
export const answerErrors: ErrorRequestHandler = (error, _request, response, next) => {
  // Half an answer is out: Express breaks it off, so that nobody takes it for a whole one.
  if (response.headersSent) return next(error)
  const { status, message } = isParserError(error) ? error : answerTo(error)
  if (status === 500) console.error(error)
  response.status(status).json({ error: message })
}

/** What Express's own parsers throw: a body that is no JSON, or too long. Its message is written for the client. */
function isParserError(error: unknown): error is { readonly status: number; readonly message: string } {
  return error instanceof Error && 'status' in error && 'expose' in error && error.expose === true
}
