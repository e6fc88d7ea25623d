import { tryCurrentTenant } from '../context.js'
import { shownId, type TenantIdOption } from './options.js'

export interface TenantLogOptions extends TenantIdOption {
  /** Default `'tenantId'`. */
  readonly field?: string | undefined
}

/**
 * A `mixin` for pino (https://github.com/pinojs/pino/blob/main/docs/api.md#mixin-function), or for any logger that asks
 * for more fields with each line: the tenant in scope, and nothing where there is none.
 *
 * @throws TenancyError `CONFIG.INVALID` for an option of another name
 * @example const log = pino({ mixin: tenantLogFields() })
 */
export function tenantLogFields(options: TenantLogOptions = {}): () => Record<string, string> {
  const id = shownId('tenantLogFields', options, ['field'])
  const { field = 'tenantId' } = options
  // A new object each time: pino writes the line's own fields into it.
  return () => {
    const tenant = tryCurrentTenant()
    return tenant === undefined ? {} : { [field]: id(tenant) }
  }
}
