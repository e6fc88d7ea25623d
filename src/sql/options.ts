import { TenancyError } from '../errors.js'
import { showValue } from '../show-value.js'

/**
 * Refuses options that are not an object or have a key that nobody reads: a misspelt `colum` must not end as the default.
 *
 * @throws TenancyError `CONFIG.INVALID`
 */
export function checkOptions(call: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidOption(
      `The options of ${call} are ${showValue(options)}`,
      `Pass an object with any of: ${known.join(', ')}.`,
    )
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw invalidOption(`${call} has no option ${showValue(key)}`, `Use one of: ${known.join(', ')}.`)
    }
  }
}

/**
 * The value of an option that is on or off.
 *
 * @throws TenancyError `CONFIG.INVALID`
 */
export function checkFlag(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw invalidOption(`The option ${name} is ${showValue(value)}`, `Write ${name}: true or ${name}: false.`)
}

export function invalidOption(sentence: string, hint: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', `${sentence}.`, { hint })
}
