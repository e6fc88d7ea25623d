// prisma-extension-tenancy/nestjs: NestJS 11, REST and GraphQL.
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  applyDecorators,
  type CallHandler,
  type CanActivate,
  createParamDecorator,
  type DynamicModule,
  type ExecutionContext,
  HttpException,
  Inject,
  type MiddlewareConsumer,
  Module,
  type ModuleMetadata,
  type NestInterceptor,
  type NestModule,
  type Provider,
  SetMetadata,
  UseInterceptors,
} from '@nestjs/common'
import { APP_GUARD, HttpAdapterHost, Reflector } from '@nestjs/core'
import { Observable } from 'rxjs'
import { currentTenant, noTenantScope, runInScope } from '../context.js'
import { TenancyError } from '../errors.js'
import { holdScope } from './node-scope.js'
import { factsOfNode, type NodeRequest } from './request-facts.js'
import {
  type Refusal,
  type Resolution,
  type Resolve,
  type TenantScopeOptions,
  tenantResolver,
  whenResolved,
} from './resolve.js'

export * from './public-sources.js'

/** The request of the platform beneath, as guards and middleware see it. */
// biome-ignore lint/suspicious/noExplicitAny: Express's request or Fastify's, which this entry does not choose
export type PlatformRequest = any

export interface TenancyModuleAsyncOptions<User = unknown> extends Pick<ModuleMetadata, 'imports'> {
  readonly inject?: readonly (string | symbol | (abstract new (...args: never[]) => unknown))[]
  readonly useFactory: (
    // biome-ignore lint/suspicious/noExplicitAny: what `inject` names
    ...injected: any[]
  ) => TenantScopeOptions<PlatformRequest, User> | Promise<TenantScopeOptions<PlatformRequest, User>>
}

const OPTIONS = Symbol('prisma-extension-tenancy.options')
const WITHOUT_TENANT = 'prisma-extension-tenancy.without-tenant'

/** What came of a request's middleware. An error waits for the guard, so that exception filters see it. */
type Outcome = Resolution | { readonly error: unknown }
const outcomes = new WeakMap<object, Outcome>()

/**
 * Opens the scope of the request's tenant for the whole chain: guards, pipes, interceptors, handlers, exception filters,
 * and GraphQL resolvers. A guard then answers 400 where the request names no tenant and 403 where it names one that is
 * not the user's, unless the handler or its class is `@WithoutTenant()`.
 *
 * @example @Module({ imports: [TenancyModule.forRoot({ tenant: fromToken({ verify }) })] }) export class AppModule {}
 */
export class TenancyModule implements NestModule {
  readonly #host: HttpAdapterHost
  readonly #resolve: Resolve<PlatformRequest>

  constructor(host: HttpAdapterHost, resolve: Resolve<PlatformRequest>) {
    this.#host = host
    this.#resolve = resolve
  }

  /** @throws TenancyError `CONFIG.INVALID` */
  static forRoot<User = unknown>(options: TenantScopeOptions<PlatformRequest, User>): DynamicModule {
    return moduleWith({ provide: OPTIONS, useValue: tenantResolver(options) })
  }

  /** `forRoot` with options that are made of other providers: `{ imports, inject, useFactory }`. */
  static forRootAsync<User = unknown>(options: TenancyModuleAsyncOptions<User>): DynamicModule {
    const provider: Provider = {
      provide: OPTIONS,
      inject: [...(options.inject ?? [])] as never[],
      useFactory: async (...injected: unknown[]) => tenantResolver(await options.useFactory(...injected)),
    }
    return moduleWith(provider, options.imports)
  }

  configure(consumer: MiddlewareConsumer): void {
    const middleware = (request: PlatformRequest, response: ServerResponse, next: () => void): void => {
      openScope(this.#resolve, request, response, next)
    }
    const adapter = this.#host.httpAdapter
    // Of the whole server: GraphQL answers outside the global prefix, which the consumer's routes are below.
    if (adapter.getType() === 'express') adapter.use(middleware)
    else consumer.apply(middleware).forRoutes('{*path}')
  }
}
Module({})(TenancyModule)
Inject(HttpAdapterHost)(TenancyModule, undefined, 0)
Inject(OPTIONS)(TenancyModule, undefined, 1)

const inNoScope: NestInterceptor = {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return new Observable((subscriber) => runInScope(noTenantScope, () => next.handle().subscribe(subscriber)))
  },
}

/** Handlers of this class, or this handler, need no tenant and run in the scope of none, whatever the request names. */
export const WithoutTenant = (): MethodDecorator & ClassDecorator =>
  // An interceptor of these alone: one for all handlers would cost each of them more than anything else here.
  applyDecorators(SetMetadata(WITHOUT_TENANT, true), UseInterceptors(inNoScope))

/**
 * The id of the tenant in scope, as text.
 *
 * @throws NoTenantError where the handler is `@WithoutTenant()`
 * @example list(@CurrentTenant() tenantId: string) {}
 */
export const CurrentTenant: () => ParameterDecorator = createParamDecorator(() => currentTenant())

function moduleWith(resolver: Provider, imports: ModuleMetadata['imports'] = []): DynamicModule {
  return {
    module: TenancyModule,
    global: true,
    imports,
    providers: [resolver, { provide: APP_GUARD, inject: [Reflector], useFactory: tenantGuard }],
  }
}

/** Who is refused goes on in the scope of no tenant: which handler was meant, and whether it needs one, is not known yet. */
function openScope(
  resolve: Resolve<PlatformRequest>,
  request: PlatformRequest,
  response: ServerResponse,
  next: () => void,
): void {
  // A Fastify adapter's middleware gets Node's own request, and so does Express's, which extends it.
  const raw: IncomingMessage & NodeRequest = request
  const go = (outcome: Outcome): void => {
    const scope = ('error' in outcome ? undefined : outcome.scope) ?? noTenantScope
    outcomes.set(raw, outcome)
    holdScope(raw, response, scope)
    runInScope(scope, next)
  }
  whenResolved(resolve(factsOfNode(raw), request), go, (error) => go({ error }))
}

function tenantGuard(reflector: Reflector): CanActivate {
  return {
    canActivate(context) {
      if (isWithoutTenant(reflector, context)) return true
      const outcome = outcomes.get(requestOf(context) ?? {})
      if (outcome === undefined) {
        throw new TenancyError(
          'TENANT.REQUIRED',
          `A ${context.getType()} handler was called by no request that names a tenant.`,
          {
            hint: 'Mark it @WithoutTenant() and open a scope in it: withTenant(tenantId, () => …). For GraphQL, keep req in the context.',
          },
        )
      }
      if ('error' in outcome) throw outcome.error
      if (outcome.refusal) throw exceptionOf(outcome.refusal, isGraphql(context))
      return true
    },
  }
}

function exceptionOf({ status, body }: Refusal, forGraphql: boolean): HttpException {
  // Apollo's driver finds code and message in the words that Nest's own exceptions use.
  return new HttpException(forGraphql ? { statusCode: status, message: body.error } : body, status)
}

function isGraphql(context: ExecutionContext): boolean {
  return context.getType<string>() === 'graphql'
}

function isWithoutTenant(reflector: Reflector, context: ExecutionContext): boolean {
  return reflector.getAllAndOverride<boolean>(WITHOUT_TENANT, [context.getHandler(), context.getClass()]) === true
}

/** Node's request: what a middleware was given. */
function requestOf(context: ExecutionContext): object | undefined {
  // A resolver is called with (parent, arguments, context, info).
  const request = isGraphql(context)
    ? context.getArgByIndex<{ req?: PlatformRequest } | undefined>(2)?.req
    : context.getType() === 'http'
      ? context.switchToHttp().getRequest<PlatformRequest>()
      : undefined
  return request === undefined || outcomes.has(request) ? request : request?.raw
}
