import { TenancyError } from '../errors.js'
import { showValue } from '../show-value.js'

/**
 * A secret, out of the environment variable that an option names: on the command line, everybody on the machine could
 * read it.
 *
 * @throws TenancyError `CONFIG.INVALID` where the variable is not set
 */
export function secretFromEnvironment(option: string, name: string): string {
  const value = process.env[name]
  if (value) return value
  throw new TenancyError('CONFIG.INVALID', `${option} names ${showValue(name)}, and no such variable is set.`, {
    hint: `Set it for this command: ${/^\w+$/.test(name) ? name : 'NAME'}=… tenancy …`,
  })
}
