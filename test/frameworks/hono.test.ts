// Proves on real Hono servers that a request's scope holds to the last chunk of its body, and no further.
import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { stream } from 'hono/streaming'
import { expect, test } from 'vitest'
import { tenantScope } from '../../src/frameworks/hono.js'
import { EXPECTED, type Framework, here, lines, listening, waits, webStream } from './stages.js'
import { describeFramework } from './suite.js'

const framework: Framework = {
  name: 'hono',
  noted: ['after next', 'cancel'],
  async open({ options, notes, prisma }) {
    const app = new Hono()
    app.onError((_error, c) => c.json({ tenant: here() }, 500))
    app.get('/public', (c) => c.json({ tenant: here() }))
    app.use(tenantScope(options))
    app.use(async (c, next) => {
      await next()
      const expected = c.req.header(EXPECTED)
      if (expected !== undefined) notes.add('after next', expected)
    })
    for (const path of ['/tenant', '/t/:tenant/tenant']) app.get(path, async (c) => c.json(await waits(c.req.url)))
    app.get('/stream', (c) => {
      const cancelled = () => notes.add('cancel', c.req.header(EXPECTED))
      if (Math.random() < 0.5) return c.body(webStream(c.req.url, cancelled))
      return stream(c, async (out) => {
        out.onAbort(cancelled)
        for await (const line of lines(c.req.url)) await out.write(line)
      })
    })
    app.get('/throw', async (c) => {
      await waits(c.req.url)
      throw new Error('thrown')
    })
    app.post('/echo', async (c) => {
      const body = await c.req.json()
      return c.json({ tenant: here(), body })
    })
    app.get('/projects', async (c) => c.json(((await prisma?.project.findMany()) ?? []).map(({ id }) => id)))
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server
    return listening(server)
  },
}

describeFramework(framework)

test('status, headers and several cookies of a response stay', async () => {
  const app = new Hono().use(tenantScope({ tenant: () => 'acme' })).get('/', (c) => {
    c.header('set-cookie', 'a=1', { append: true })
    c.header('set-cookie', 'b=2', { append: true })
    return c.text(here(), 201, { 'x-more': 'yes', 'content-type': 'text/x-own' })
  })
  const response = await app.request('/')
  expect([response.status, await response.text(), response.headers.get('x-more')]).toEqual([201, 'acme', 'yes'])
  expect(response.headers.get('content-type')).toBe('text/x-own')
  expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
})
