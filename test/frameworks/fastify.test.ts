// Proves on real Fastify servers that a request's scope holds through every hook, and no further.
import { Readable } from 'node:stream'
import fastify from 'fastify'
import { expect, test } from 'vitest'
import { runInScope } from '../../src/context.js'
import { tenantScope } from '../../src/frameworks/fastify.js'
import { EXPECTED, type Framework, here, lines, NOBODY, nodeStream, waits, webStream } from './stages.js'
import { describeFramework } from './suite.js'

const framework: Framework = {
  name: 'fastify',
  noted: [
    ...[
      'onRequest',
      'preParsing',
      'preValidation',
      'preHandler',
      'preSerialization',
      'onSend',
      'onError',
      'onResponse',
    ],
    ...['onRequestAbort', 'finish', 'close', 'cancel'],
  ],
  async open({ options, notes, prisma }) {
    const app = fastify({ forceCloseConnections: true })
    app.setErrorHandler((_error, _request, reply) => void reply.code(500).send({ tenant: here() }))
    app.get('/public', async () => ({ tenant: here() }))
    await app.register(async (inside) => {
      await inside.register(tenantScope(options))
      const note = (stage: string, request: { headers: Record<string, unknown> }): void => {
        if (request.headers[EXPECTED] !== undefined) notes.add(stage, request.headers[EXPECTED])
      }
      inside.addHook('onRequest', async (request, reply) => {
        note('onRequest', request)
        reply.raw.on('finish', () => note('finish', request))
        reply.raw.on('close', () => note('close', request))
      })
      inside.addHook('preParsing', async (request) => note('preParsing', request))
      inside.addHook('preValidation', async (request) => note('preValidation', request))
      inside.addHook('preHandler', async (request) => note('preHandler', request))
      inside.addHook('preSerialization', async (request) => note('preSerialization', request))
      inside.addHook('onSend', async (request) => note('onSend', request))
      inside.addHook('onError', async (request) => note('onError', request))
      inside.addHook('onResponse', async (request) => note('onResponse', request))
      inside.addHook('onRequestAbort', async (request) => note('onRequestAbort', request))
      for (const path of ['/tenant', '/t/:tenant/tenant']) inside.get(path, (request) => waits(request.url))
      inside.get('/stream', async (request, reply) => {
        const streams = [
          () => nodeStream(request.url),
          () => Readable.from(lines(request.url)),
          () => webStream(request.url, () => note('cancel', request)),
        ]
        reply.type('text/plain')
        return reply.send(streams[Math.floor(Math.random() * streams.length)]?.())
      })
      inside.get('/throw', async (request) => {
        await waits(request.url)
        throw new Error('thrown')
      })
      inside.post('/echo', async (request) => ({ tenant: here(), body: request.body }))
      inside.get('/projects', async () => ((await prisma?.project.findMany()) ?? []).map(({ id }) => id))
    })
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    return { url, server: app.server, close: () => app.close() }
  },
}

describeFramework(framework)

test('a handler that lost the scope has it again in the hooks after it, and one that times out in onTimeout', async () => {
  const app = fastify({ connectionTimeout: 100, forceCloseConnections: true })
  await app.register(tenantScope({ tenant: () => 'acme' }))
  const seen: string[] = []
  app.addHook('onSend', async () => void seen.push(`onSend ${here()}`))
  app.addHook('onTimeout', async () => void seen.push(`onTimeout ${here()}`))
  app.get('/lost', (_request, reply) => runInScope(undefined, () => void reply.send(here())))
  app.get('/hanging', () => new Promise(() => {}))
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  expect(await (await fetch(`${url}/lost`)).text()).toBe(NOBODY)
  await expect(fetch(`${url}/hanging`)).rejects.toThrow()
  expect(seen).toEqual(['onSend acme', 'onTimeout acme'])
  await app.close()
})
