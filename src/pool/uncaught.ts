/**
 * Throws where nobody can catch it, as Node does with what a listener throws, but not from here: thrown through pg's pool
 * it would lose a connection, and through pg's reader it would have the same messages read twice.
 */
export function throwUncaught(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}

/** The function, with whatever it throws thrown uncaught. */
export function uncaughtIn<A extends unknown[], R>(fn: (...args: A) => R, otherwise: R): (...args: A) => R {
  return (...args) => {
    try {
      return fn(...args)
    } catch (error) {
      throwUncaught(error)
      return otherwise
    }
  }
}
