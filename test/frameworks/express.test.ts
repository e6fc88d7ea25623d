// Proves on real Express servers that a request's scope holds from the middleware to the last event, and no further.
import { pipeline } from 'node:stream'
import express from 'express'
import { expect, test } from 'vitest'
import { fromHeader, tenantScope } from '../../src/frameworks/express.js'
import { exchange } from './client.js'
import { EXPECTED, type Framework, here, lines, listening, nodeStream, waits } from './stages.js'
import { describeFramework } from './suite.js'

const framework: Framework = {
  name: 'express',
  noted: ['finish', 'close', 'request close', 'data', 'end', 'write callback', 'pipeline'],
  async open({ options, notes, prisma }) {
    const app = express()
    app.get('/public', (_request, response) => void response.json({ tenant: here() }))
    app.use(tenantScope(options))
    app.use((request, response, next) => {
      const expected = request.get(EXPECTED)
      if (expected !== undefined) {
        response.on('finish', () => notes.add('finish', expected))
        response.on('close', () => notes.add('close', expected))
        request.on('close', () => notes.add('request close', expected))
        if (request.method === 'POST') request.on('data', () => notes.add('data', expected))
        if (request.method === 'POST') request.on('end', () => notes.add('end', expected))
      }
      next()
    })
    app.use(express.json())
    app.get(['/tenant', '/t/:tenant/tenant'], async (request, response) => void response.json(await waits(request.url)))
    app.get('/stream', async (request, response) => {
      const expected = request.get(EXPECTED)
      if (Math.random() < 0.5) {
        pipeline(nodeStream(request.url), response, () => notes.add('pipeline', expected))
        return
      }
      for await (const line of lines(request.url)) response.write(line, () => notes.add('write callback', expected))
      response.end()
    })
    app.get('/throw', async (request) => {
      await waits(request.url)
      throw new Error('thrown')
    })
    app.post('/echo', (request, response) => void response.json({ tenant: here(), body: request.body }))
    app.get('/projects', async (_request, response) => {
      const rows = (await prisma?.project.findMany()) ?? []
      response.json(rows.map(({ id }) => id))
    })
    app.use(((_error, _request, response, _next) => {
      response.status(500).json({ tenant: here() })
    }) satisfies express.ErrorRequestHandler)
    const server = app.listen(0, '127.0.0.1')
    return listening(server)
  },
}

describeFramework(framework)

test('callbacks of write and end run in the scope of their own response, also of one that waits for the one before it', async () => {
  const app = express().use(tenantScope({ tenant: fromHeader('x-tenant-id'), trusted: true }))
  const seen: string[] = []
  app.get('/:wait', (request, response) => {
    const tenant = request.get('x-tenant-id')
    response.write('written', () => seen.push(`write ${tenant} ${here()}`))
    setTimeout(() => response.end('ended', () => seen.push(`end ${tenant} ${here()}`)), Number(request.params.wait))
  })
  const server = await listening(app.listen(0, '127.0.0.1'))
  const get = (wait: number, tenant: string, ...more: string[]) =>
    [`GET /${wait} HTTP/1.1`, 'Host: x', `X-Tenant-Id: ${tenant}`, ...more, '', ''].join('\r\n')
  await exchange(server.url, get(50, 'a') + get(1, 'b', 'Connection: close'))
  expect(seen.sort()).toEqual(['end a a', 'end b b', 'write a a', 'write b b'])
  await server.close()
})
