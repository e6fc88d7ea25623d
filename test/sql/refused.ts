import { isTenancyError, withoutHint } from '../../src/errors.js'

/** What a call is refused with; throws where it is not refused. */
export function refused(call: () => unknown): { code: string; message: string; hint: string } {
  let result: unknown
  try {
    result = call()
  } catch (error) {
    if (!isTenancyError(error)) throw error
    return { code: error.code, message: withoutHint(error), hint: error.hint }
  }
  throw new Error(`Was not refused, but returned ${JSON.stringify(result)}`)
}
