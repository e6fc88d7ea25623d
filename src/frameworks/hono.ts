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
    await runInScope(scope, next)
    context.res = responseInScope(context.res, scope)
  }
}
