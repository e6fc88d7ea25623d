// prisma-extension-tenancy/trpc: tRPC 11.
import type { IncomingMessage } from 'node:http'
import { TRPCError } from '@trpc/server'
import { runInScope, type Scope } from '../context.js'
import { TenancyError } from '../errors.js'
import { factsOfNode, factsOfWeb, type NodeRequest, type WebRequest } from './request-facts.js'
import { type TenantScopeOptions, tenantResolver } from './resolve.js'

export * from './public-sources.js'

/** What a context keeps of its request: Node's, or the Web's of a fetch adapter. */
export type RequestOfContext = IncomingMessage | NodeRequest | WebRequest

/** The sources, `user` and `authorize` get the context of the call. */
export type TrpcTenantScopeOptions<Context, User = unknown> = TenantScopeOptions<Context, User> & {
  /** The request that a context was made for: `(ctx) => ctx.req`. Keep it in `createContext`. */
  readonly request: (context: Context) => RequestOfContext
}

/**
 * Middleware that opens the scope of the request's tenant for the procedure and for what a subscription yields. A
 * request that names no tenant is `BAD_REQUEST`, one that names a tenant which is not the user's is `FORBIDDEN`.
 * `onError` and `errorFormatter` of the server run outside: they belong to a whole batch.
 *
 * @throws TenancyError `CONFIG.INVALID`
 * @example const tenantProcedure = t.procedure.use(tenantScope({ request: (ctx) => ctx.req, tenant: fromToken({ verify }) }))
 */
export function tenantScope<Context, User = unknown>(
  options: TrpcTenantScopeOptions<Context, User>,
): <Result>(call: { readonly ctx: Context; readonly next: () => Promise<Result> }) => Promise<Result> {
  const resolve = tenantResolver(options, ['request'])
  if (typeof options.request !== 'function') {
    throw new TenancyError('CONFIG.INVALID', 'tenantScope does not know where a context keeps its request.', {
      hint: 'Give request: (ctx) => ctx.req.',
    })
  }
  return async ({ ctx, next }) => {
    const { scope, refusal } = await resolve(factsOf(options.request(ctx)), ctx)
    if (refusal) throw new TRPCError({ code: codes[refusal.status], message: refusal.body.error })
    return resultInScope(await runInScope(scope, next), scope)
  }
}

const codes = { 400: 'BAD_REQUEST', 403: 'FORBIDDEN', 404: 'NOT_FOUND' } as const

function factsOf(request: RequestOfContext) {
  return typeof request.headers.get === 'function'
    ? factsOfWeb(request as WebRequest)
    : factsOfNode(request as NodeRequest)
}

/** A generator runs wherever it is asked for its next value, and here that is the server. */
function resultInScope<Result>(result: Result, scope: Scope): Result {
  const { data } = result as { data?: { [Symbol.asyncIterator]?: () => AsyncIterator<unknown>; subscribe?: unknown } }
  if (typeof data !== 'object' || data === null) return result
  if (typeof data[Symbol.asyncIterator] === 'function') {
    return { ...result, data: iterableInScope(data as AsyncIterable<unknown>, scope) }
  }
  if (typeof data.subscribe !== 'function') return result
  const { subscribe } = data as { subscribe: (...given: unknown[]) => unknown }
  return {
    ...result,
    data: { ...data, subscribe: (...given: unknown[]) => runInScope(scope, () => subscribe.apply(data, given)) },
  }
}

function iterableInScope(iterable: AsyncIterable<unknown>, scope: Scope): AsyncIterable<unknown> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = runInScope(scope, () => iterable[Symbol.asyncIterator]())
      const inside = (name: 'next' | 'return' | 'throw') => {
        const method = iterator[name] as ((value?: unknown) => Promise<IteratorResult<unknown>>) | undefined
        return method && ((value?: unknown) => runInScope(scope, () => method.call(iterator, value)))
      }
      const [next, end, fail] = [inside('next'), inside('return'), inside('throw')]
      return { next, ...(end && { return: end }), ...(fail && { throw: fail }) } as AsyncIterator<unknown>
    },
  }
}
