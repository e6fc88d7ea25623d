// What each actor may see: its own rows as it left them, and what a write whose outcome nobody knows may have made of them.
import { expect } from 'vitest'

/** A generator of numbers from 0 up to 1, the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One row that one actor alone writes, one statement after another. */
export class OwnRow {
  readonly id: string
  #possible: Set<number>

  constructor(id: string, value: number) {
    this.id = id
    this.#possible = new Set([value])
  }

  /** A write that succeeded leaves no doubt: it waited for every one before it. */
  written(value: number): void {
    this.#possible = new Set([value])
  }

  /** A write that failed after it was sent: it may have been committed. */
  perhapsWritten(value: number): void {
    this.#possible.add(value)
  }

  check(value: unknown): void {
    expect([...this.#possible]).toContain(value)
  }
}

// What being killed or cancelled does to a statement, to those after it in its transaction, and to a connection that is
// being made. Everything else is a fault.
const STRUCK =
  /57P01|57014|25P02|08006|terminating connection|canceling statement|current transaction is aborted|Connection terminated|ConnectionClosed|ECONNRESET|EPIPE|not queryable|Server has closed|The transaction is over|expired transaction|Transaction not found|Transaction already closed|left in a transaction|Unable to start a transaction/

/** Passes on what no kill explains. */
export function expectStruck(error: unknown): void {
  const { code, message, cause } = error as {
    code?: string
    message?: string
    cause?: { message?: string; code?: string }
  }
  const told = [code, message, cause?.code, cause?.message].join(' ')
  if (!STRUCK.test(told)) throw error
}
