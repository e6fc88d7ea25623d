import { quoteIdentifier } from '../../sql/quote.js'
import type { StoredSetting } from '../catalog.js'
import type { Facts } from '../facts.js'
import type { Rule } from '../rule.js'

export const settingHasDefault: Rule = {
  id: 'setting-has-default',
  level: 'error',
  title: 'The setting that carries the tenant has a default',
  why: 'Every connection then begins in the scope of that tenant. Code that forgets to open a scope does not see an empty table, it sees one customer, and writes into its data.',
  docsUrl: 'https://www.postgresql.org/docs/current/config-setting.html#CONFIG-SETTING-SQL',
  harm: 'leak',
  check: (facts) =>
    facts.catalog.settings
      // '' is no tenant.
      .filter(({ name, value }) => name === facts.options.setting && value !== '')
      .filter(({ role }) => role === null || !facts.isTrusted(role))
      .map((setting) => {
        const { target, from } = targetOf(setting, facts)
        return {
          object: target,
          // The value is a tenant's id, and not for a report.
          detail: `${from} begins with ${facts.options.setting} set to a tenant.`,
          level: setting.role === null || setting.role === facts.appRole.oid ? undefined : ('warning' as const),
          fix: `ALTER ${target} RESET ${settingName(facts.options.setting)};\n`,
        }
      }),
}

function targetOf({ database, role: oid }: StoredSetting, { role }: Facts): { target: string; from: string } {
  const inDatabase = database === null ? '' : ` IN DATABASE ${quoteIdentifier(database)}`
  const name = oid === null ? undefined : quoteIdentifier(role(oid)?.name ?? String(oid))
  if (name) return { target: `ROLE ${name}${inDatabase}`, from: `Each connection of ${name}` }
  if (database === null) return { target: 'ROLE ALL', from: 'Each connection' }
  return { target: `DATABASE ${quoteIdentifier(database)}`, from: 'Each connection to the database' }
}

/** Each part in quotes: one may be a keyword. */
function settingName(setting: string): string {
  return setting.split('.').map(quoteIdentifier).join('.')
}
