// Proves on real tRPC servers that a call's scope holds in its procedure and in what a subscription yields.
import type { IncomingMessage } from 'node:http'
import { initTRPC, TRPCError } from '@trpc/server'
import { createHTTPServer } from '@trpc/server/adapters/standalone'
import { observable } from '@trpc/server/observable'
import { describe, expect, test } from 'vitest'
import { fromHeader, tenantScope } from '../../src/frameworks/trpc.js'
import { EXPECTED, type Framework, here, lines, listening, NOBODY, waits } from './stages.js'
import { describeFramework } from './suite.js'

const framework: Framework = {
  name: 'trpc',
  noted: ['after next', 'finally'],
  noPaths: true,
  unreadable: 500,
  // A result, an error's shape, or the events of a subscription: the tenant of each.
  unwrap(text) {
    if (text.startsWith('{')) {
      const { result, error } = JSON.parse(text)
      if (error === undefined) return JSON.stringify(result.data)
      const refused = ['BAD_REQUEST', 'FORBIDDEN', 'NOT_FOUND'].includes(error.data.code)
      return JSON.stringify(refused ? { error: error.message } : { tenant: error.message })
    }
    return [...text.matchAll(/^data: "(.*?)\\n"$/gm)].map(([, tenant]) => `${tenant}\n`).join('')
  },
  async open({ options, notes, prisma }) {
    const t = initTRPC.context<{ req: IncomingMessage }>().create({ isDev: false })
    const inTenant = t.procedure
      .use(tenantScope({ ...options, request: (ctx: { req: IncomingMessage }) => ctx.req }))
      .use(async ({ ctx, next }) => {
        const result = await next()
        const expected = ctx.req.headers[EXPECTED]
        if (expected !== undefined) notes.add('after next', expected)
        return result
      })
    const router = t.router({
      public: t.procedure.query(() => ({ tenant: here() })),
      tenant: inTenant.query(({ ctx }) => waits(ctx.req.url ?? '')),
      stream: inTenant.subscription(async function* ({ ctx }) {
        try {
          yield* lines(ctx.req.url ?? '')
        } finally {
          if (ctx.req.headers[EXPECTED] !== undefined) notes.add('finally', ctx.req.headers[EXPECTED])
        }
      }),
      throw: inTenant.query(async ({ ctx }) => {
        await waits(ctx.req.url ?? '')
        throw new TRPCError({ code: 'INTERNAL_SERVER_ERROR', message: here() })
      }),
      echo: inTenant.input((body) => body).mutation(({ input }) => ({ tenant: here(), body: input })),
      projects: inTenant.query(async () => ((await prisma?.project.findMany()) ?? []).map(({ id }) => id)),
    })
    const server = createHTTPServer({ router, createContext: ({ req }) => ({ req }) })
    server.listen(0, '127.0.0.1')
    return listening(server)
  },
}

describeFramework(framework)

describe('trpc', () => {
  const t = initTRPC.context<{ req: Request }>().create()
  const caller = (tenant: string | undefined) => {
    const inTenant = t.procedure.use(
      tenantScope({
        request: (ctx: { req: Request }) => ctx.req,
        tenant: fromHeader('x-tenant-id'),
        authorize: (_user, id) => id !== 'other',
      }),
    )
    const router = t.router({
      here: inTenant.query(() => here()),
      changes: inTenant.subscription(() =>
        observable<string>((observer) => {
          observer.next(here())
          return () => {}
        }),
      ),
    })
    return router.createCaller({
      req: new Request('http://x', { headers: tenant === undefined ? {} : { 'x-tenant-id': tenant } }),
    })
  }

  test('a refused call is an error with the code of its status', async () => {
    expect(await caller('acme').here()).toBe('acme')
    await expect(caller('other').here()).rejects.toMatchObject({ code: 'FORBIDDEN', message: 'forbidden' })
    await expect(caller(undefined).here()).rejects.toMatchObject({ code: 'BAD_REQUEST', message: 'tenant required' })
    expect(here()).toBe(NOBODY)
  })

  test('an observable is subscribed to in the scope', async () => {
    const changes = (await caller('acme').changes()) as unknown as {
      subscribe(to: { next(value: string): void }): void
    }
    const seen: string[] = []
    changes.subscribe({ next: (value) => seen.push(value) })
    expect(seen).toEqual(['acme'])
  })

  test('without request it is CONFIG.INVALID', () => {
    expect(() => tenantScope({ tenant: () => 'a' } as never)).toThrow(
      expect.objectContaining({ code: 'CONFIG.INVALID' }),
    )
  })
})
