import { isTenancyError, withoutHint } from '../../src/errors.js'

/** What a promise is refused with; throws where it is not. */
export async function refusal(promise: Promise<unknown>): Promise<{ code: string; message: string; hint: string }> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!isTenancyError(error)) throw new Error(`Was not refused by this library: ${error}`)
  return { code: error.code, message: withoutHint(error), hint: error.hint }
}
