import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import {
  type AcrossEvent,
  type BindingEvent,
  channels,
  type ScopeEvent,
  type RefusalEvent as Told,
} from '../diagnostics.js'
import type { TenancyErrorCode } from '../errors.js'

/**
 * Something was refused: an error of this library was made, or a request was answered without running its handler. The
 * subscriber runs where that happened, in its scope if there was one.
 */
export interface RefusalEvent extends Told {
  readonly code: TenancyErrorCode | 'REQUEST.REFUSED'
}

/** What each channel carries. Never SQL, parameters, rows or keys. */
export interface TenancyEvents {
  scope: ScopeEvent
  binding: BindingEvent
  refusal: RefusalEvent
  across: AcrossEvent
}

/**
 * Subscribes to one of the channels, with its type. The listener runs at once and holds up what it hears of, so it should
 * be short. What it throws, Node reports as an uncaught exception, and the query goes on.
 *
 * @returns what ends it
 * @example listen('refusal', ({ code }) => refusals.inc({ code }))
 */
export function listen<Name extends keyof TenancyEvents>(
  name: Name,
  listener: (event: TenancyEvents[Name]) => void,
): () => void {
  const heard = (event: unknown) => listener(event as TenancyEvents[Name])
  subscribe(channels[name], heard)
  return () => void unsubscribe(channels[name], heard)
}
