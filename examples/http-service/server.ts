import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { withTenant } from 'prisma-extension-tenancy'
import type { Prisma } from './db.js'
import { answerTo, HttpError } from './http-error.js'
import { type JsonBody, readJsonBody } from './json-body.js'
import { logIn } from './login.js'
import { archiveProject, createProject, listProjects, showProject } from './projects.js'
import { report } from './report.js'
import { Sessions } from './sessions.js'
import { changeTask } from './tasks.js'

interface Call {
  readonly id: string
  readonly query: URLSearchParams
  readonly body: JsonBody
}

type Handler = (prisma: Prisma, call: Call) => Promise<unknown>

// All of these run for the company of whoever is logged in. `:id` is a uuid: anything else is not found.
const ROUTES: readonly (readonly [route: string, handler: Handler])[] = [
  ['GET /projects', (prisma, { query }) => listProjects(prisma, query.get('after'))],
  ['POST /projects', (prisma, { body }) => createProject(prisma, body)],
  ['GET /projects/:id', (prisma, { id }) => showProject(prisma, id)],
  ['POST /projects/:id/archive', (prisma, { id }) => archiveProject(prisma, id)],
  ['PATCH /tasks/:id', (prisma, { id, body }) => changeTask(prisma, id, body)],
  ['GET /report', (prisma) => report(prisma)],
]

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i

/** The service, not listening yet. */
export function createService(prisma: Prisma): Server {
  const sessions = new Sessions()
  return createServer((request, response) => {
    answer(prisma, sessions, request).then(
      (body) => send(response, request.method === 'POST' ? 201 : 200, body),
      (error: unknown) => {
        const { status, message } = answerTo(error)
        if (status === 500) console.error(error)
        send(response, status, { error: message })
      },
    )
  })
}

async function answer(prisma: Prisma, sessions: Sessions, request: IncomingMessage): Promise<unknown> {
  const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://service')
  const asked = `${request.method} ${pathname}`
  if (asked === 'POST /login') return logIn(prisma, sessions, hostOf(request), await readJsonBody(request))

  const session = sessions.find(request.headers.authorization)
  if (session === undefined) throw new HttpError(401, 'Log in first.')
  const id = UUID.exec(pathname)?.[0] ?? ''
  const route = ROUTES.find(([known]) => known === (id === '' ? asked : asked.replace(id, ':id')))
  if (route === undefined) throw new HttpError(404, 'There is nothing here.')
  const body = await readJsonBody(request)
  // The one line that makes the request a tenant's. Everything the handler awaits is inside.
  return withTenant(session.companyId, () => route[1](prisma, { id, query, body }))
}

/** Companies are told apart by host name, whatever the port. */
function hostOf(request: IncomingMessage): string {
  return (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body, null, 2)}\n`)
}
