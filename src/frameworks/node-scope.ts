import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { currentScope, runInScope, type Scope } from '../context.js'

/** The scope that a request or a response holds. */
const held = new WeakMap<EventEmitter, { scope: Scope | undefined }>()

/**
 * Holds the scope for whatever listens to this request and its response: body parsers, streams, `finish`, `close`.
 * Node emits these from the socket, which outlives the request and was opened in no scope at all.
 *
 * Only these two objects are changed. The socket is not, so that the next request on it starts with nothing.
 */
export function holdScope(request: IncomingMessage, response: ServerResponse, scope: Scope | undefined): void {
  hold(request, scope)
  if (!held.has(response)) holdCallbacks(response)
  hold(response, scope)
}

/** The scope that was held for a request, or undefined. */
export function heldScope(request: IncomingMessage): Scope | undefined {
  return heldBy(request)
}

function hold(emitter: EventEmitter, scope: Scope | undefined): void {
  const holder = held.get(emitter)
  // Held before: what is nested inside has the last word, as with withTenant.
  if (holder !== undefined) {
    holder.scope = scope
    return
  }
  const holding = { scope }
  held.set(emitter, holding)
  const emit = emitter.emit
  emitter.emit = function (this: EventEmitter, ...event: Parameters<EventEmitter['emit']>): boolean {
    if (currentScope() === holding.scope) return emit.apply(this, event)
    return runInScope(holding.scope, () => emit.apply(this, event))
  } as EventEmitter['emit']
}

/**
 * Callbacks of `write` and `end` are no events. Where requests were pipelined, a response waits for the one before it,
 * and Node calls back for both from the scope of whichever got the socket first.
 */
function holdCallbacks(response: ServerResponse): void {
  for (const name of ['write', 'end'] as const) {
    const method = response[name] as (...given: unknown[]) => unknown
    response[name] = function (this: ServerResponse, ...given: unknown[]): unknown {
      const called = given.at(-1)
      if (typeof called === 'function') {
        given[given.length - 1] = (...result: unknown[]) => runInScope(heldBy(this), () => called(...result))
      }
      return method.apply(this, given)
    } as never
  }
}

function heldBy(emitter: EventEmitter): Scope | undefined {
  return held.get(emitter)?.scope
}
