import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common'
import type { Response } from 'express'
import { answerTo } from '../http-service/http-error.js'

/** Nest's own exceptions keep their status and body, the guard's 400 and 403 among them; for others there is `answerTo`. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>()
    if (error instanceof HttpException) {
      response.status(error.getStatus()).json(error.getResponse())
      return
    }
    const { status, message } = answerTo(error)
    if (status === 500) console.error(error)
    response.status(status).json({ error: message })
  }
}
