// prisma-extension-tenancy/fastify: Fastify 5.
import type { FastifyPluginCallback, FastifyRequest } from 'fastify'
import { currentScope, runInScope } from '../context.js'
import { heldScope, holdScope } from './node-scope.js'
import { factsOfNode } from './request-facts.js'
import { type Resolution, type TenantScopeOptions, tenantResolver, whenResolved } from './resolve.js'

export * from './public-sources.js'

/**
 * A plugin that opens the scope of the request's tenant in `onRequest`, for every hook and handler after it, error
 * handlers and streams, to `onResponse`. A request that names no tenant is answered with 400, one that names a tenant
 * which is not the user's with 403, and neither reaches a handler.
 *
 * It holds for the routes of the context that it is registered in and of those inside. What reads the session or the
 * user is registered before it.
 *
 * @throws TenancyError `CONFIG.INVALID`
 * @example await app.register(tenantScope({ tenant: fromSession((request) => request.session.tenantId) }))
 */
export function tenantScope<User = unknown>(options: TenantScopeOptions<FastifyRequest, User>): FastifyPluginCallback {
  const resolve = tenantResolver(options)
  const plugin: FastifyPluginCallback = (instance, _options, registered) => {
    instance.addHook('onRequest', (request, reply, done) => {
      const go = ({ scope, refusal }: Resolution): void => {
        if (refusal) return void reply.code(refusal.status).send(refusal.body)
        holdScope(request.raw, reply.raw, scope)
        runInScope(scope, done)
      }
      const fail = (error: unknown): void => done(error as Error)
      whenResolved(resolve(factsOfNode(request.raw), request), go, fail)
    })
    // A hook or a handler that went on from a place without a scope, such as a pool's callback, ends here.
    const again = (request: FastifyRequest, done: () => void): void => {
      const scope = heldScope(request.raw)
      if (scope === undefined || scope === currentScope()) done()
      else runInScope(scope, done)
    }
    instance.addHook('preValidation', (request, _reply, done) => again(request, done))
    instance.addHook('onSend', (request, _reply, payload, done) => again(request, () => done(null, payload)))
    instance.addHook('onError', (request, _reply, _error, done) => again(request, done))
    instance.addHook('onResponse', (request, _reply, done) => again(request, done))
    instance.addHook('onTimeout', (request, _reply, done) => again(request, done))
    instance.addHook('onRequestAbort', (request, done) => again(request, done))
    registered()
  }
  // What fastify-plugin does: the hooks are for the context that registers, not for one of the plugin's own.
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'prisma-extension-tenancy',
  })
}
