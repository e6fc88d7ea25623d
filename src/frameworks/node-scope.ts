import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { currentScope, runInScope, type Scope } from '../context.js'

/** What a request or its response holds. */
interface Held {
  scope: Scope | undefined
}
type Write = (...given: unknown[]) => boolean

/** By the emitter, and by its `emit`: a Proxy of a response, or a copy of it, is another object with the same method. */
const held = new WeakMap<object, Held>()

/**
 * Holds the scope for whatever listens to this request and its response: body parsers, streams, `finish`, `close`.
 * Node emits these from the socket, which outlives the request and was opened in no scope at all.
 *
 * Only these two objects are changed. The socket is not, so that the next request on it starts with nothing.
 */
export function holdScope(request: IncomingMessage, response: ServerResponse, scope: Scope | undefined): void {
  hold(request, scope)
  hold(response, scope)
}

/** The scope that was held for a request, or undefined. */
export function heldScope(request: IncomingMessage): Scope | undefined {
  return held.get(request)?.scope
}

function hold(emitter: IncomingMessage | ServerResponse, scope: Scope | undefined): void {
  const { emit } = emitter
  const before = held.get(emitter) ?? held.get(emit)
  // Held before: what is nested inside has the last word, as with withTenant.
  if (before !== undefined) {
    before.scope = scope
    return
  }
  const holder: Held = { scope }
  // As few properties as will do: each costs a request of Express's microseconds, since it changes the prototype of
  // every request. They know their holder themselves: `this` may be a child, a copy or a Proxy of the emitter.
  emitter.emit = function (this: EventEmitter, ...event: Parameters<EventEmitter['emit']>): boolean {
    if (currentScope() === holder.scope) return emit.apply(this, event)
    return runInScope(holder.scope, () => emit.apply(this, event))
  }
  if ('write' in emitter && waitsForSocket(emitter)) emitter.write = writeHeld(emitter.write as Write, holder)
  held.set(emitter, holder)
  held.set(emitter.emit, holder)
}

/** Where requests were pipelined, a response waits for the one before it. */
function waitsForSocket({ socket }: ServerResponse): boolean {
  return socket === null || socket === undefined
}

/** Callbacks of `write` are no events. What waited for the socket is called back by whichever request got it first. */
function writeHeld(write: Write, holder: Held): Write {
  return function (this: unknown, ...given) {
    const called = given.at(-1)
    if (typeof called === 'function') {
      given[given.length - 1] = (...result: unknown[]) => runInScope(holder.scope, () => called(...result))
    }
    return write.apply(this, given)
  }
}
