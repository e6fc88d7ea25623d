// One small app for each framework, twice: with the library's entry, and with withTenant by hand.
import 'reflect-metadata'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { serve } from '@hono/node-server'
import { Controller, Get, Module, Req } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { initTRPC } from '@trpc/server'
import { createHTTPServer } from '@trpc/server/adapters/standalone'
import express, { type Request as ExpressRequest } from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { withTenant } from 'prisma-extension-tenancy'
import { tenantScope as expressScope, fromHeader } from 'prisma-extension-tenancy/express'
import { tenantScope as fastifyScope } from 'prisma-extension-tenancy/fastify'
import { tenantScope as honoScope } from 'prisma-extension-tenancy/hono'
import { TenancyModule } from 'prisma-extension-tenancy/nestjs'
import { tenantScope as nextScope } from 'prisma-extension-tenancy/next'
import { tenantScope as trpcScope } from 'prisma-extension-tenancy/trpc'

export type Way = 'by hand' | 'entry'
/** Each answers `GET /projects` with what `rows` finds. */
export type OpenApp = (way: Way, rows: () => Promise<object[]>) => Promise<Server>

export const HEADER = 'x-tenant-id'
const options = { tenant: fromHeader(HEADER), trusted: true } as const

export const apps: Record<string, OpenApp> = {
  async express(way, rows) {
    const app = express()
    if (way === 'entry') app.use(expressScope(options))
    app.get('/projects', async (request, response) => {
      response.json(way === 'entry' ? await rows() : await withTenant(String(request.headers[HEADER]), rows))
    })
    return listening(app.listen(0, '127.0.0.1'))
  },

  async fastify(way, rows) {
    const app = fastify()
    if (way === 'entry') await app.register(fastifyScope(options))
    app.get('/projects', (request) => (way === 'entry' ? rows() : withTenant(String(request.headers[HEADER]), rows)))
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server
  },

  async hono(way, rows) {
    const app = new Hono()
    if (way === 'entry') app.use(honoScope(options))
    app.get('/projects', async (c) =>
      c.json(way === 'entry' ? await rows() : await withTenant(String(c.req.header(HEADER)), rows)),
    )
    return listening(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server)
  },

  async nestjs(way, rows) {
    @Controller()
    class Projects {
      @Get('projects')
      list(@Req() request: ExpressRequest) {
        return way === 'entry' ? rows() : withTenant(String(request.headers[HEADER]), rows)
      }
    }
    @Module({ controllers: [Projects], imports: way === 'entry' ? [TenancyModule.forRoot(options)] : [] })
    class App {}
    const app = await NestFactory.create(App, { logger: false })
    await app.listen(0, '127.0.0.1')
    return app.getHttpServer()
  },

  /** A route handler, behind a server that turns Node's requests into the Web's and does nothing else of Next's. */
  async next(way, rows) {
    const handler = async () => Response.json(await rows())
    const route =
      way === 'entry'
        ? nextScope(options).route(handler)
        : (request: Request) => withTenant(request.headers.get(HEADER) ?? '', handler)
    const server = createServer(async (incoming, outgoing) => {
      const headers = incoming.headers as Record<string, string>
      const response = await route(new Request(`http://localhost${incoming.url}`, { headers }))
      outgoing.writeHead(response.status, Object.fromEntries(response.headers))
      for await (const chunk of response.body ?? []) outgoing.write(chunk)
      outgoing.end()
    })
    return listening(server.listen(0, '127.0.0.1'))
  },

  async trpc(way, rows) {
    const t = initTRPC.context<{ req: IncomingMessage }>().create()
    const scope = trpcScope({ ...options, request: (ctx: { req: IncomingMessage }) => ctx.req })
    const projects =
      way === 'entry'
        ? t.procedure.use(scope).query(rows)
        : t.procedure.query(({ ctx }) => withTenant(String(ctx.req.headers[HEADER]), rows))
    const server = createHTTPServer({ router: t.router({ projects }), createContext: ({ req }) => ({ req }) })
    return listening(server.listen(0, '127.0.0.1'))
  },
}

async function listening(server: Server): Promise<Server> {
  if (!server.listening) await once(server, 'listening')
  return server
}
