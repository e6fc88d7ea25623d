import type { Binder } from './binding.js'
import { currentScope, runInScope, type Scope } from './context.js'
import { errorOfCall, leadTo, type TenancyError, TenantMismatchError, tenancyErrorWithin } from './errors.js'
import {
  callerFrames,
  callOf,
  callText,
  framesOutsidePrisma,
  madeIn,
  type Request,
  refusal,
  type SharedClient,
  stackAbove,
} from './prisma-internals.js'
import { transactionOfAnotherScope } from './refusals.js'
import { guardClient } from './scoped-client.js'
import { refuseOtherTenants } from './written-tenant.js'

/** What is bound for a scope, as one text: equal where two scopes may share a statement. Throws where nothing can be bound. */
export type KeyOf = (scope: Scope | undefined) => string

/**
 * Makes everything a client sends run in the scope in which it was asked for.
 *
 * Prisma collects the requests of one tick, merges those of equal shape and sends them in the async context of
 * whichever came first: with a binding read from that context one tenant receives another's row. So requests are told
 * apart by what is bound, and each group runs in its own scope. All of it sits on what a client shares with every
 * client extended from it: a later `$extends` starts from there.
 */
export function scopeRequests(shared: SharedClient, keyOf: KeyOf, binder: Binder): void {
  scopeLoader(shared, keyOf, refuseOtherTenants(shared, binder))
  scopePromises(shared)
  scopeTransactions(shared, keyOf)
  const handler = shared._requestHandler
  const handleRequestError = handler.handleRequestError
  handler.handleRequestError = (parameters) => {
    const original = tenancyErrorWithin(parameters.error)
    if (original === undefined) return handleRequestError.call(handler, parameters)
    const { transaction } = parameters
    const caller = transaction?.kind === 'batch' ? transaction.id : {}
    throw errorOfCall(original, callOf(parameters), callerFrames(parameters, handler.handleRequestError), caller)
  }
}

function scopeLoader(
  { _requestHandler }: SharedClient,
  keyOf: KeyOf,
  checkWrite: ReturnType<typeof refuseOtherTenants>,
): void {
  const { options } = _requestHandler.dataloader
  const { batchBy, singleLoader, batchLoader } = options

  options.batchBy = (request) => {
    const scope = currentScope()
    request[madeIn] = scope
    const batch = batchBy(request)
    // The members of $transaction([…]) stay together, to be sent or refused together.
    const isMember = request.transaction?.kind === 'batch'
    try {
      if (scope !== undefined) checkWrite(request, scope)
      if (isMember) return batch
      const key = keyOf(scope)
      return batch === undefined || batch === '' ? undefined : `${key}\0${batch}`
    } catch (error) {
      request[refusal] = { error }
      return isMember ? batch : undefined
    }
  }
  options.singleLoader = (request) => inScopeOf([request], () => singleLoader(request))
  options.batchLoader = (requests) => inScopeOf(requests, () => batchLoader(requests))

  function inScopeOf(requests: readonly Request[], send: () => Promise<unknown>): Promise<unknown> {
    const refused = requests.find((request) => request[refusal] !== undefined)?.[refusal]
    // Not at once: an async caller is on the stack only once it awaits.
    if (refused !== undefined) return new Promise((_, reject) => process.nextTick(reject, refused.error))
    try {
      const scope = requests[0]?.[madeIn]
      const key = keyOf(scope)
      if (requests.some((request) => request[madeIn] !== scope && keyOf(request[madeIn]) !== key)) {
        throw new TenantMismatchError(
          'The members of one $transaction([…]) were made in scopes of different tenants or settings.',
          {
            hint: 'Make all of them, and the transaction, inside one withTenant(id, () => prisma.$transaction([…])).',
          },
        )
      }
      return runInScope((scope as Scope).admit(), send)
    } catch (error) {
      return Promise.reject(error)
    }
  }
}

/** A Prisma promise is lazy: it runs when it is first awaited, but as its creator. */
function scopePromises(shared: SharedClient): void {
  const create = shared._createPrismaPromise
  shared._createPrismaPromise = (callback, operation) => {
    const scope = currentScope()
    return create((transaction) => runInScope(scope, () => callback(transaction)), operation)
  }
}

function scopeTransactions(shared: SharedClient, keyOf: KeyOf): void {
  const open = shared.$transaction
  // Hidden, as the method of the class is: extended clients reach it through their prototype.
  Object.defineProperty(shared, '$transaction', {
    configurable: true,
    writable: true,
    value: async function $transaction(this: unknown, input: unknown, options?: unknown): Promise<unknown> {
      // What the callback threw is its author's, and goes out as it is.
      let thrown: { error: unknown } | undefined
      try {
        if (typeof input !== 'function') return await open.call(this, input as unknown[], options)
        const scope = currentScope()
        keyOf(scope)
        const outer = scope?.inTransaction ? scope.transaction : undefined
        const transaction = outer ?? { over: false }
        const inside = (scope as Scope).enter(transaction)
        const body = async (tx: object) => {
          try {
            return await runInScope(inside, async () => await input(guard(tx, inside, keyOf)))
          } catch (error) {
            thrown = { error }
            throw error
          }
        }
        try {
          return await runInScope((scope as Scope).admit(), () => open.call(this, body, options))
        } finally {
          if (transaction !== outer) transaction.over = true
        }
      } catch (error) {
        if (thrown?.error === error) throw error
        const original = tenancyErrorWithin(error)
        if (original === undefined) throw error
        const frames = framesOutsidePrisma(stackAbove($transaction))
        if (typeof input === 'function') throw errorOfCall(original, '$transaction()', frames)
        // A member names itself; but it is the transaction that was awaited.
        throw leadTo(errorOfCall(original, '$transaction([…])', frames), frames)
      }
    },
  })
}

/** A transaction's client, refusing calls from another tenant's scope when they are made and not only when they run. */
function guard(tx: object, opened: Scope | undefined, keyOf: KeyOf): object {
  return guardClient(tx, function around(call, method = '') {
    const scope = currentScope()
    if (scope === opened) return call()
    try {
      if (keyOf(scope) !== keyOf(opened)) throw transactionOfAnotherScope()
    } catch (error) {
      const frames = framesOutsidePrisma(stackAbove(around))
      return rejected(errorOfCall(error as TenancyError, `tx.${callText(method)}`, frames))
    }
    return call()
  })
}

/** Rejects when it is awaited, as Prisma's own promises do, and not before. */
function rejected(error: unknown): PromiseLike<never> {
  const promise = () => Promise.reject(error)
  return Object.assign(Object.create({ [Symbol.toStringTag]: 'PrismaPromise' }) as object, {
    // biome-ignore lint/suspicious/noThenProperty: it stands in for a promise
    then: (...handlers: Parameters<Promise<never>['then']>) => promise().then(...handlers),
    catch: (handler: Parameters<Promise<never>['catch']>[0]) => promise().catch(handler),
    finally: (handler: Parameters<Promise<never>['finally']>[0]) => promise().finally(handler),
    requestTransaction: promise,
  }) as unknown as PromiseLike<never>
}
