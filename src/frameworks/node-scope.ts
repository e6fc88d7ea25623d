import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { currentScope, runInScope, type Scope } from '../context.js'

/** The scope that a request and its response hold, and the own methods beneath ours. */
interface Held {
  scope: Scope | undefined
  readonly emit: EventEmitter['emit']
  readonly write?: Write
}
type Write = (...given: unknown[]) => boolean

const held = new WeakMap<EventEmitter, Held>()

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
  const holder = held.get(emitter)
  // Held before: what is nested inside has the last word, as with withTenant.
  if (holder !== undefined) {
    holder.scope = scope
    return
  }
  // One function for all requests, and as few as will do: each property costs a request of Express's microseconds,
  // since it changes the prototype of every request.
  const { emit } = emitter
  emitter.emit = emitInScope
  if ('write' in emitter && waitsForSocket(emitter)) {
    held.set(emitter, { scope, emit, write: emitter.write as Write })
    emitter.write = writeInScope
  } else {
    held.set(emitter, { scope, emit })
  }
}

function emitInScope(this: EventEmitter, ...event: Parameters<EventEmitter['emit']>): boolean {
  const { scope, emit } = holderOf(this)
  if (currentScope() === scope) return emit.apply(this, event)
  return runInScope(scope, () => emit.apply(this, event))
}

/** Where requests were pipelined, a response waits for the one before it. */
function waitsForSocket({ socket }: ServerResponse): boolean {
  return socket === null || socket === undefined
}

/** Callbacks of `write` are no events. What waited for the socket is called back by whichever request got it first. */
function writeInScope(this: EventEmitter, ...given: unknown[]): boolean {
  const { scope, write } = holderOf(this)
  const called = given.at(-1)
  if (typeof called === 'function') {
    given[given.length - 1] = (...result: unknown[]) => runInScope(scope, () => called(...result))
  }
  return (write as Write).apply(this, given)
}

/** Of the emitter, or of the one that it was made from by `Object.create`. */
function holderOf(emitter: EventEmitter): Held {
  return held.get(emitter) ?? holderOf(Object.getPrototypeOf(emitter))
}
