// prisma-extension-tenancy/hono: Hono 4, on Node through @hono/node-server.
import type { Context, MiddlewareHandler } from 'hono'
import { runInScope } from '../context.js'
import { factsOfWeb } from './request-facts.js'
import { type TenantScopeOptions, tenantResolver } from './resolve.js'
import { responseInScope } from './web-body.js'

export * from './public-sources.js'

/**
 * Middleware that opens the scope of the request's tenant for everything after it: handlers, `app.onError`, and a
 * streamed body to its last chunk. A request that names no tenant is answered with 400, one that names a tenant which is
 * not the user's with 403, and neither reaches a handler.
 *
 * @throws TenancyError `CONFIG.INVALID`
 * @example app.use('/api/*', tenantScope({ tenant: (c) => c.get('session').tenantId }))
 */
export function tenantScope<User = unknown>(options: TenantScopeOptions<Context, User>): MiddlewareHandler {
  const resolve = tenantResolver(options)
  return async (context, next) => {
    const { scope, refusal } = await resolve(factsOfWeb(context.req.raw), context)
    if (refusal) return context.json(refusal.body, refusal.status)
    const texts = responsesOfText(context)
    await runInScope(scope, next)
    if (!texts.has(context.res)) context.res = responseInScope(context.res, scope)
  }
}

/**
 * The responses that are made by `c.json` and `c.text`: their body is there already, and nothing of it is read later.
 * @hono/node-server writes such a one at once; for one that is read or copied, it makes a stream first.
 */
function responsesOfText(context: Context): WeakSet<Response> {
  const texts = new WeakSet<Response>()
  for (const name of ['json', 'text'] as const) {
    const make = context[name] as (...given: unknown[]) => Response
    context[name] = ((...given: unknown[]) => {
      const response = make(...given)
      texts.add(response)
      return response
    }) as never
  }
  return texts
}
