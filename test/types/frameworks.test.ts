// Proves that the types ask for what the middleware would refuse when it is made. The compiler checks each claim in
// `npm run check`; here the same options are refused at run time too.
import type { Request } from 'express'
import type { FastifyRequest } from 'fastify'
import type { Context } from 'hono'
import { tenantScope as express, fromHeader, fromSession, fromToken } from 'prisma-extension-tenancy/express'
import { tenantScope as fastify } from 'prisma-extension-tenancy/fastify'
import { tenantScope as hono } from 'prisma-extension-tenancy/hono'
import { TenancyModule } from 'prisma-extension-tenancy/nestjs'
import { tenantScope as next } from 'prisma-extension-tenancy/next'
import { tenantScope as trpc } from 'prisma-extension-tenancy/trpc'
import { describe, expect, expectTypeOf, test } from 'vitest'

const claim = fromHeader('x-tenant-id')
const invalid = expect.objectContaining({ code: 'CONFIG.INVALID' })

describe('a claim that nobody decides does not compile', () => {
  test('in any framework', () => {
    // @ts-expect-error neither authorize nor trusted
    expect(() => express({ tenant: claim })).toThrow(invalid)
    // @ts-expect-error neither authorize nor trusted
    expect(() => fastify({ tenant: claim })).toThrow(invalid)
    // @ts-expect-error neither authorize nor trusted
    expect(() => hono({ tenant: claim })).toThrow(invalid)
    // @ts-expect-error neither authorize nor trusted
    expect(() => next({ tenant: claim })).toThrow(invalid)
    // @ts-expect-error neither authorize nor trusted
    expect(() => TenancyModule.forRoot({ tenant: claim })).toThrow(invalid)
    // @ts-expect-error neither authorize nor trusted
    expect(() => trpc({ tenant: claim, request: (ctx: { req: globalThis.Request }) => ctx.req })).toThrow(invalid)
  })

  test('also as one of several', () => {
    // @ts-expect-error neither authorize nor trusted
    expect(() => express({ tenant: [fromSession(() => 'a'), claim] })).toThrow(invalid)
    // @ts-expect-error trusted is true or is left out
    expect(() => express({ tenant: claim, trusted: false })).toThrow(invalid)
    // @ts-expect-error one or the other
    expect(() => express({ tenant: claim, trusted: true, authorize: () => true })).toThrow(invalid)
    // @ts-expect-error no source
    expect(() => express({ tenant: [] })).toThrow(invalid)
    // @ts-expect-error an option of another name
    expect(() => express({ tenant: claim, trusted: true, authorise: () => true })).toThrow(invalid)
    // @ts-expect-error a status that tells
    expect(() => express({ tenant: claim, trusted: true, refused: 401 })).toThrow(invalid)
    // @ts-expect-error verify is required
    expect(() => fromToken({ claim: 'tenant_id' })).toThrow(invalid)
  })
})

test("the server's own words need nobody who decides", () => {
  express({ tenant: fromToken({ verify: async () => ({}) }) })
  express({ tenant: [fromSession(() => 'a'), (request) => request.get('x')] })
  express({ tenant: claim, trusted: true })
})

test("each framework's own request reaches the functions, and the user has its type", () => {
  express({
    tenant: [
      claim,
      (request) => {
        expectTypeOf(request).toEqualTypeOf<Request>()
        return undefined
      },
    ],
    user: async () => ({ id: 7 }),
    authorize: (user, tenantId, request) => {
      expectTypeOf(user).toEqualTypeOf<{ id: number }>()
      expectTypeOf(tenantId).toEqualTypeOf<string>()
      expectTypeOf(request).toEqualTypeOf<Request>()
      return true
    },
  })
  fastify({
    tenant: (request) => {
      expectTypeOf(request).toEqualTypeOf<FastifyRequest>()
      return 'a'
    },
  })
  hono({
    tenant: (context) => {
      expectTypeOf(context).toEqualTypeOf<Context>()
      return 'a'
    },
  })
  trpc({
    request: (ctx: { req: globalThis.Request; user: string }) => ctx.req,
    tenant: (ctx) => {
      expectTypeOf(ctx.user).toEqualTypeOf<string>()
      return 'a'
    },
  })
})

test('what is wrapped keeps its type', () => {
  const tenant = next({ tenant: () => 'a' })
  expectTypeOf(tenant.action(async (id: string, n: number) => ({ id, n }))).toEqualTypeOf<
    (id: string, n: number) => Promise<{ id: string; n: number }>
  >()
  expectTypeOf(
    tenant.route((_request: globalThis.Request, _context: { params: Promise<{ id: string }> }) => Response.json(1)),
  ).toEqualTypeOf<(request: globalThis.Request, context: { params: Promise<{ id: string }> }) => Promise<Response>>()
})
