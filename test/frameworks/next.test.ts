// Proves that what /next wraps holds a request's scope to the last chunk of its body. Here behind a small server that
// turns Node's requests into the Web's as Next does.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { tenantScope } from '../../src/frameworks/next.js'
import { EXPECTED, type Framework, here, listening, waits, webStream } from './stages.js'
import { describeFramework } from './suite.js'

type Handler = (request: Request) => Response | Promise<Response>

const framework: Framework = {
  name: 'next',
  noted: ['cancel'],
  async open({ options, notes, prisma }) {
    const tenant = tenantScope(options)
    const showsErrors = (handler: Handler): Handler =>
      tenant.route(async (request: Request) => {
        try {
          return await handler(request)
        } catch {
          return Response.json({ tenant: here() }, { status: 500 })
        }
      })
    const routes: Record<string, Handler> = {
      '/public': () => Response.json({ tenant: here() }),
      '/tenant': tenant.route(async (request: Request) => Response.json(await waits(request.url))),
      '/stream': tenant.route(
        (request: Request) =>
          new Response(webStream(request.url, () => notes.add('cancel', request.headers.get(EXPECTED)))),
      ),
      '/throw': showsErrors(async (request) => {
        await waits(request.url)
        throw new Error('thrown')
      }),
      '/echo': tenant.route(async (request: Request) => {
        const body = await request.json()
        return Response.json({ tenant: here(), body })
      }),
      '/projects': tenant.route(async () => {
        const rows = (await prisma?.project.findMany()) ?? []
        return Response.json(rows.map(({ id }) => id))
      }),
    }
    const server = createServer((incoming, outgoing) => {
      const path = (incoming.url ?? '').replace(/\?.*/, '').replace(/^\/t\/[^/]*/, '')
      answer(routes[path] as Handler, incoming, outgoing).catch(() => {
        if (!outgoing.headersSent) outgoing.writeHead(500)
        outgoing.end()
      })
    })
    server.listen(0, '127.0.0.1')
    return listening(server)
  },
}

async function answer(handler: Handler, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const headers = new Headers()
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value)
  }
  const hasBody = incoming.method === 'POST'
  const request = new Request(`http://localhost${incoming.url}`, {
    method: incoming.method ?? 'GET',
    headers,
    ...(hasBody && { body: Readable.toWeb(incoming) as ReadableStream, duplex: 'half' as const }),
  })
  const response = await handler(request)
  outgoing.writeHead(response.status, Object.fromEntries(response.headers))
  const reader = response.body?.getReader()
  outgoing.on('close', () => void reader?.cancel().catch(() => {}))
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true }
    if (done || outgoing.destroyed) break
    if (!outgoing.write(value)) await Promise.race([once(outgoing, 'drain'), once(outgoing, 'close')])
  }
  outgoing.end()
}

describeFramework(framework)

test('a response keeps its status, headers and cookies, and none gets a body', async () => {
  const tenant = tenantScope({ tenant: () => 'acme' })
  const headers = new Headers([
    ['set-cookie', 'a=1'],
    ['set-cookie', 'b=2'],
  ])
  const route = tenant.route((_request: Request, context: { params: string }) =>
    context.params === 'none' ? new Response(null, { status: 204 }) : new Response(here(), { status: 201, headers }),
  )
  const response = await route(new Request('http://x'), { params: '' })
  expect([response.status, await response.text()]).toEqual([201, 'acme'])
  expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  expect((await route(new Request('http://x'), { params: 'none' })).body).toBeNull()
})

test('an action outside a request fails, and does not run', async () => {
  let ran = false
  const action = tenantScope({ tenant: () => 'acme' }).action(async () => {
    ran = true
  })
  await expect(action()).rejects.toThrow('outside a request scope')
  expect(ran).toBe(false)
})
