// prisma-extension-tenancy/express: Express 5.
import type { NextFunction, Request, Response } from 'express'
import { runInScope } from '../context.js'
import { holdScope } from './node-scope.js'
import { factsOfNode } from './request-facts.js'
import { type Resolution, type TenantScopeOptions, tenantResolver, whenResolved } from './resolve.js'

export * from './public-sources.js'

/**
 * Middleware that opens the scope of the request's tenant for everything after it: handlers, error handlers, streams,
 * and the events of the request and the response to the very last. A request that names no tenant is answered with 400,
 * one that names a tenant which is not the user's with 403, and neither reaches a handler.
 *
 * Routes that need no tenant stand before it. What reads the session or the user stands before it too.
 *
 * @throws TenancyError `CONFIG.INVALID`
 * @example app.use(tenantScope({ tenant: fromSession((request) => request.session.tenantId) }))
 */
export function tenantScope<User = unknown>(
  options: TenantScopeOptions<Request, User>,
): (request: Request, response: Response, next: NextFunction) => void {
  const resolve = tenantResolver(options)
  return (request, response, next) => {
    const go = ({ scope, refusal }: Resolution): void => {
      if (refusal) return void response.status(refusal.status).json(refusal.body)
      holdScope(request, response, scope)
      runInScope(scope, next)
    }
    whenResolved(resolve(factsOfNode(request), request), go, next)
  }
}
