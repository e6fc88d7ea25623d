import { Module } from '@nestjs/common'
import { APP_FILTER } from '@nestjs/core'
import { fromHeader, TenancyModule } from 'prisma-extension-tenancy/nestjs'
import type { Prisma } from '../http-service/db.js'
import type { Session, Sessions } from '../http-service/sessions.js'
import { DatabaseModule, PRISMA } from './database.module.js'
import { ErrorFilter } from './error.filter.js'
import { LoginController } from './login.controller.js'
import { ProjectsController } from './projects.controller.js'
import { ProjectsService } from './projects.service.js'
import { SESSIONS, SessionsModule } from './sessions.module.js'

@Module({
  imports: [
    DatabaseModule,
    SessionsModule,
    // A guard of the whole application: every handler needs a company, unless it says @WithoutTenant().
    TenancyModule.forRootAsync<Session | undefined>({
      inject: [PRISMA, SESSIONS],
      useFactory: (prisma: Prisma, sessions: Sessions) => ({
        // What a client writes is a claim, and the session decides whether to believe it.
        tenant: fromHeader('x-company', {
          find: async (host) => (await prisma.company.findUnique({ where: { host } }))?.id,
        }),
        user: ({ headers }) => sessions.find(headers.authorization),
        authorize: (session, companyId) => session?.companyId === companyId,
      }),
    }),
  ],
  controllers: [LoginController, ProjectsController],
  providers: [ProjectsService, { provide: APP_FILTER, useClass: ErrorFilter }],
})
export class AppModule {}
