import express, { type Express } from 'express'
import { fromSession, tenantScope } from 'prisma-extension-tenancy/express'
import type { Prisma } from '../http-service/db.js'
import { HttpError } from '../http-service/http-error.js'
import { logIn } from '../http-service/login.js'
import { Sessions } from '../http-service/sessions.js'
import { answerErrors } from './errors.js'
import { projects } from './projects.js'
import { exportProjects, importProjects } from './transfer.js'

/** The order is the point: what needs no tenant stands before tenantScope, what belongs to one after it. */
export function createApp(prisma: Prisma): Express {
  const sessions = new Sessions()
  const app = express()

  app.get('/health', (_request, response) => void response.json({ fine: true }))
  app.post('/login', express.json(), async (request, response) => {
    response.status(201).json(await logIn(prisma, sessions, request.hostname.toLowerCase(), request.body ?? {}))
  })

  app.use(
    tenantScope({
      tenant: fromSession((request) => {
        const session = sessions.find(request.headers.authorization)
        // Without this, whoever is not logged in gets the library's 400: no tenant was named.
        if (session === undefined) throw new HttpError(401, 'Log in first.')
        return session.companyId
      }),
    }),
  )
  app.get('/projects/export', exportProjects(prisma))
  app.post('/projects/import', express.text({ type: 'application/x-ndjson', limit: '1mb' }), importProjects(prisma))
  app.use('/projects', express.json(), projects(prisma))

  app.use(answerErrors)
  return app
}
