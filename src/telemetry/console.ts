import { tryCurrentTenant } from '../context.js'
import { shownId, type TenantIdOption } from './options.js'

const methods = ['debug', 'error', 'info', 'log', 'trace', 'warn'] as const

/** What of a console gets the tenant. */
export type TenantConsole = Pick<Console, (typeof methods)[number]>

/**
 * A console whose calls begin with the tenant in scope: `[tenant acme] message`. Outside every scope, and without a
 * tenant, it is the console that was given. What it has besides these six methods is as it was.
 *
 * @example const log = tenantConsole(console)
 */
export function tenantConsole<C extends TenantConsole>(console: C, options: TenantIdOption = {}): C {
  const shown = shownId('tenantConsole', options, [])
  const wrapped = methods.map((name) => {
    const method = (...given: unknown[]): void => {
      const tenant = tryCurrentTenant()
      if (tenant === undefined) return void console[name](...given)
      const prefix = `[tenant ${plain(shown(tenant))}]`
      const [first, ...rest] = given
      // The first text may be a format, and then it takes what follows: it has to stay the first.
      if (typeof first === 'string') console[name](`${prefix} ${first}`, ...rest)
      else console[name](prefix, ...given)
    }
    return [name, method]
  })
  return Object.assign(Object.create(console), Object.fromEntries(wrapped))
}

/**
 * An id as it can stand in a line: letters, digits and what ids are made of; anything else escaped. A text id comes from
 * whoever named the tenant: it must not end the line, look like another's, move the cursor, or format what follows (`%`).
 */
function plain(id: string): string {
  return id.replace(/[^\p{L}\p{N}_.:@/-]/gu, (char) => `\\u{${(char.codePointAt(0) as number).toString(16)}}`)
}
