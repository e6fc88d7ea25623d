import { channel } from 'node:diagnostics_channel'

/** The names of the channels, for `node:diagnostics_channel` (https://nodejs.org/api/diagnostics_channel.html). */
export const channels = {
  scope: 'prisma-extension-tenancy:scope',
  binding: 'prisma-extension-tenancy:binding',
  refusal: 'prisma-extension-tenancy:refusal',
  across: 'prisma-extension-tenancy:across',
} as const

// Who publishes asks `hasSubscribers` before it makes anything: where nobody listens, an event costs one property read.
// A channel is found by its name, so two copies of this package have the same ones.
export const scopeChannel = channel(channels.scope)
export const bindingChannel = channel(channels.binding)
export const refusalChannel = channel(channels.refusal)
export const acrossChannel = channel(channels.across)

interface OfTenant {
  readonly kind: 'tenant'
  readonly tenant: string
}

/** Without a tenant: inside `withoutTenant`, or inside `acrossTenants`. */
interface OfNobody {
  readonly kind: 'none' | 'across'
  readonly tenant?: undefined
}

/**
 * A scope was opened, and the subscriber runs inside it. `tenant` is the id as it is stored. There is no event for its
 * end, since it has none: a promise that nobody awaited is still in it.
 */
export type ScopeEvent = OfTenant | OfNobody

/**
 * A transaction was bound, and the subscriber runs in its scope. `tenant` is the id in the one form that PostgreSQL
 * gets. In pool mode each statement is bound; in portable mode each transaction, those around one statement included.
 */
export type BindingEvent = OfTenant | OfNobody

/** Something was refused: an error of this library was made, or a request was answered without running its handler. */
export interface RefusalEvent {
  /** A code of `TenancyError`, or `REQUEST.REFUSED`. */
  readonly code: string
  readonly message: string
  /** Of `REQUEST.REFUSED`: what was answered. */
  readonly status?: number
}

/** `acrossTenants` begins, with its row in the audit table written where there is one, or is over. */
export type AcrossEvent = AcrossBegin | AcrossEnd

export interface AcrossBegin {
  readonly phase: 'begin'
  /** A random UUID, the same at the end: the key of its row in the audit table. */
  readonly id: string
  readonly reason: string
  /** The file and line that called, where the stack tells. */
  readonly caller: string | undefined
  readonly write: boolean
}

export interface AcrossEnd extends Omit<AcrossBegin, 'phase'> {
  readonly phase: 'end'
  /** In milliseconds. */
  readonly duration: number
  /** Statements that were sent, those that the server refused included. */
  readonly statements: number
  readonly outcome: 'returned' | 'threw'
}

/** @param bound what a binding sets: its tenant comes first, `''` for none */
export function tellBinding([tenant]: readonly string[], isAcross: boolean): void {
  bindingChannel.publish(
    (isAcross ? { kind: 'across' } : tenant ? { kind: 'tenant', tenant } : { kind: 'none' }) satisfies BindingEvent,
  )
}
