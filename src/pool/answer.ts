import { AsyncResource } from 'node:async_hooks'
import { callbackOf } from './query-input.js'
import { throwUncaught } from './uncaught.js'

/**
 * Runs `work` and answers as pg does: to the callback where one was given, by a promise otherwise. The callback runs in
 * the caller's own async context, not in that of whoever opened the connection.
 */
export function answer(
  config: unknown,
  values: unknown,
  callback: unknown,
  work: () => Promise<unknown>,
): Promise<unknown> | undefined {
  // Read before the work begins: where a getter throws, nothing is under way.
  const given = callbackOf(config, values, callback)
  const promise = attempt(work)
  if (!given) return promise
  answerTo(given, promise)
  return undefined
}

/** Hands what the promise ends with to a callback, in the context of this call. A callback that throws throws uncaught, as in pg. */
export function answerTo<R extends unknown[]>(
  callback: (error: unknown, ...result: R) => void,
  promise: Promise<unknown>,
  ...more: unknown[]
): void {
  const inContext = AsyncResource.bind(callback as (...args: unknown[]) => void)
  promise
    .then(
      (result) => inContext(undefined, result, ...more),
      (error) => inContext(error),
    )
    .catch(throwUncaught)
}

/** A promise also of what `work` throws before it returns one. */
function attempt(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return work()
  } catch (error) {
    return Promise.reject(error)
  }
}
