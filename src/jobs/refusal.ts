import { isTenancyError, withoutHint } from '../errors.js'

/** Why a job was refused, as the queues keep it: one text, with what to do about it. */
export function reasonOf(error: unknown): string {
  return isTenancyError(error) ? `${withoutHint(error)} ${error.hint}` : String(error)
}
