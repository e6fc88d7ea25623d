import { TenancyError } from '../errors.js'
import { showValue } from '../show-value.js'

/** How a tenant is shown. */
export interface TenantIdOption {
  /** What is shown in place of the id: `hashTenant({ key })`. Default: the id as it was given. */
  readonly id?: ((tenantId: string) => string) | undefined
}

/**
 * The function that shows ids, after a look at the options: one that is misspelt would show what was to be hidden.
 *
 * @throws TenancyError `CONFIG.INVALID`
 */
export function shownId(of: string, options: TenantIdOption, known: readonly string[]): (tenantId: string) => string {
  const unknown = Object.keys(options).find((name) => name !== 'id' && !known.includes(name))
  if (unknown !== undefined)
    throw invalid(
      `${of} was given the unknown option ${showValue(unknown)}.`,
      `Give ${['id', ...known].join(', ')} or nothing.`,
    )
  const { id = (tenantId) => tenantId } = options
  if (typeof id === 'function') return id
  throw invalid(`${of} was given id: ${showValue(id)}.`, 'Give id: hashTenant({ key }), or leave it out.')
}

function invalid(message: string, hint: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', message, { hint })
}
