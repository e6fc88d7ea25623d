// Proves that a Proxy, a child or a copy of a request or response that holds a scope emits as the original does: in the
// scope, to its listeners, and never with a TypeError of ours. Middleware that wraps `res` makes such things.
import type { EventEmitter } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import express from 'express'
import { expect, test } from 'vitest'
import { tenantScope as scopeOfRequest, tryCurrentTenant } from '../../src/context.js'
import { fromHeader, tenantScope } from '../../src/frameworks/express.js'
import { heldScope, holdScope } from '../../src/frameworks/node-scope.js'
import { idsAre } from '../support/ids-are.js'
import { listening } from './stages.js'

idsAre('text')

/** Made of a response: `emit` of the one calls listeners of the other. */
const copies: Record<string, (original: ServerResponse) => ServerResponse> = {
  'the original': (original) => original,
  'a child': (original) => Object.create(original) as ServerResponse,
  'a Proxy': (original) => new Proxy(original, {}),
  'a Proxy that binds methods': (original) =>
    new Proxy(original, {
      get(target, name) {
        const value = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    }),
  'a Proxy without a prototype': (original) => new Proxy(original, { getPrototypeOf: () => null }),
  'a shallow copy': (original) => ({ ...original }) as ServerResponse,
  'a copy of all properties, with its prototype': (original) =>
    Object.defineProperties(
      Object.create(Object.getPrototypeOf(original)),
      Object.getOwnPropertyDescriptors(original),
    ) as ServerResponse,
}
const pair = () => {
  const request = new IncomingMessage(new Socket())
  return { request, response: new ServerResponse(request) }
}

test.each(Object.entries(copies))('%s emits in the scope', (_, copyOf) => {
  const { request, response } = pair()
  const heard: unknown[] = []
  response.on('finish', () => heard.push(tryCurrentTenant()))
  holdScope(request, response, scopeOfRequest('a'))
  expect(copyOf(response).emit('finish')).toBe(true)
  expect(heard).toEqual(['a'])
})

// One that makes another `emit` each time it is asked cannot be known for what it stands for.
const known = Object.entries(copies).filter(([name]) => name !== 'a Proxy that binds methods')
test.each(known)('%s that is held once more has the last word', (_, copyOf) => {
  const { request, response } = pair()
  const heard: unknown[] = []
  response.on('finish', () => heard.push(tryCurrentTenant()))
  holdScope(request, response, scopeOfRequest('a'))
  const copy = copyOf(response)
  holdScope(request, copy, scopeOfRequest('b'))
  copy.emit('finish')
  expect(heard).toEqual(['b'])
  expect(heldScope(request)?.tenant).toBe('b')
})

test('an Express app whose middleware hands on a Proxy of the response answers, each in its own scope', async () => {
  const app = express().use(tenantScope({ tenant: fromHeader('x-tenant-id'), trusted: true }))
  const finished: unknown[] = []
  app.use((_request, response, next) => {
    const proxy = new Proxy(response, {})
    proxy.on('finish', () => finished.push(tryCurrentTenant()))
    expect(proxy.emit('noted')).toBe(false)
    expect(({ ...response } as unknown as EventEmitter).emit('noted')).toBe(false)
    next()
  })
  app.get('/', (_request, response) => void response.json({ tenant: tryCurrentTenant() }))
  const server = await listening(app.listen(0, '127.0.0.1'))
  for (const tenant of ['a', 'b']) {
    const answer = await fetch(server.url, { headers: { 'x-tenant-id': tenant } })
    expect(await answer.json()).toEqual({ tenant })
  }
  expect(finished).toEqual(['a', 'b'])
  await server.close()
})
