import { Body, Controller, Get, Inject, Post, Req } from '@nestjs/common'
import type { Request } from 'express'
import { WithoutTenant } from 'prisma-extension-tenancy/nestjs'
import type { Prisma } from '../http-service/db.js'
import type { JsonBody } from '../http-service/json-body.js'
import { logIn } from '../http-service/login.js'
import type { Sessions } from '../http-service/sessions.js'
import { PRISMA } from './database.module.js'
import { SESSIONS } from './sessions.module.js'

/** Who is not logged in yet has no company. Shared tables can be read here, and tenant tables show nothing. */
@Controller()
@WithoutTenant()
export class LoginController {
  readonly #prisma: Prisma
  readonly #sessions: Sessions

  constructor(@Inject(PRISMA) prisma: Prisma, @Inject(SESSIONS) sessions: Sessions) {
    this.#prisma = prisma
    this.#sessions = sessions
  }

  @Get('health')
  async health() {
    return { companies: await this.#prisma.company.count(), projects: await this.#prisma.project.count() }
  }

  @Post('login')
  logIn(@Req() { hostname }: Request, @Body() body: JsonBody = {}) {
    return logIn(this.#prisma, this.#sessions, hostname.toLowerCase(), body)
  }
}
