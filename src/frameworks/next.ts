// prisma-extension-tenancy/next: route handlers and server actions of Next.js 15.
import { runInScope, type Scope } from '../context.js'
import { TenancyError } from '../errors.js'
import { factsOfWeb, type WebRequest } from './request-facts.js'
import { type Refusal, type TenantScopeOptions, tenantResolver } from './resolve.js'
import { responseInScope } from './web-body.js'

export * from './public-sources.js'

/** What sources and `user` get: a route handler's request, or in a server action its headers alone. */
export type NextTenantRequest = WebRequest

export interface NextTenantScope {
  /**
   * A route handler in the scope of the request's tenant, with the body that it streams. A request that names no tenant
   * is answered with 400, one that names a tenant which is not the user's with 403.
   *
   * @example export const GET = tenant.route(async () => Response.json(await prisma.project.findMany()))
   */
  route<Incoming extends Request, Rest extends unknown[]>(
    handler: (request: Incoming, ...rest: Rest) => Response | Promise<Response>,
  ): (request: Incoming, ...rest: Rest) => Promise<Response>
  /**
   * A server action, or a function that a server component awaits, in the scope of the request's tenant.
   *
   * @throws TenancyError `TENANT.REQUIRED` where the request names none, `TENANT.MISMATCH` where it is refused
   * @example export const rename = tenant.action(async (id: string, name: string) => { await prisma.project.update(…) })
   */
  action<Given extends unknown[], Result>(
    fn: (...given: Given) => Result | PromiseLike<Result>,
  ): (...given: Given) => Promise<Result>
}

/**
 * Wrappers that open the scope of a request's tenant.
 *
 * @throws TenancyError `CONFIG.INVALID`
 * @example export const tenant = tenantScope({ tenant: fromSession(async () => (await auth())?.tenantId) })
 */
export function tenantScope<User = unknown>(options: TenantScopeOptions<NextTenantRequest, User>): NextTenantScope {
  const resolve = tenantResolver(options)
  return {
    route:
      (handler) =>
      async (request, ...rest) => {
        const { scope, refusal } = await resolve(factsOfWeb(request), request)
        if (refusal) return Response.json(refusal.body, { status: refusal.status })
        return responseInScope(await runInScope(scope, async () => handler(request, ...rest)), scope)
      },
    action:
      (fn) =>
      async (...given) => {
        // With its ending: outside a bundle, Node looks for a file.
        const { headers } = await import('next/headers.js')
        const request: NextTenantRequest = { headers: await headers() }
        const { scope, refusal } = await resolve(factsOfWeb(request), request)
        if (refusal) throw refusedAction(refusal)
        return runInScope(scope as Scope, async () => await fn(...given))
      },
  }
}

function refusedAction({ status, body }: Refusal): TenancyError {
  const code = body.error === 'tenant required' ? 'TENANT.REQUIRED' : 'TENANT.MISMATCH'
  return new TenancyError(code, `The action did not run: ${body.error}.`, {
    hint: 'Let the user sign in, or choose a tenant of theirs: see tenant and authorize of tenantScope.',
    meta: { status },
  })
}
