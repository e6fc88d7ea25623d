import { quoteIdentifier } from '../sql/quote.js'
import { sqlName } from './rows.js'
import type { Target } from './targets.js'
import type { World } from './world.js'

/** The first thing that the catalog says about a table that would explain a leak, with what to do about it. */
export function likelyCause({ catalog: { role } }: World, { table, kind }: Target): string {
  const name = sqlName(table)
  if (role.superuser || role.bypass) {
    const why = role.superuser ? 'is a superuser' : 'has BYPASSRLS'
    return `The role "${role.name}" ${why}, and no policy applies to it: log in as the role of the service.`
  }
  if (table.kind === 'view' && !table.invoker)
    return `The view ${name} reads as its owner: ALTER VIEW ${name} SET (security_invoker = true);`
  if (table.kind === 'view')
    return `The view ${name} reads as its reader: look at the tables that it reads, or run tenancy doctor.`
  if (table.kind === 'materialized view')
    return `${name} is a materialized view, to which no policy can apply: revoke SELECT on it.`
  if (kind === 'shared')
    return `Every tenant may write to ${name}, which is shared: REVOKE INSERT, UPDATE, DELETE ON ${name} FROM ${quoteIdentifier(role.name)};`
  if (!table.rls)
    return `Row-level security is off: ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY; and FORCE, and a policy.`
  if (table.owned && !table.forced)
    return `The role "${role.name}" owns ${name}, which does not FORCE its policies: ALTER TABLE ${name} FORCE ROW LEVEL SECURITY;`
  return `Row-level security is on for ${name}: look at its policies and keys, or run tenancy doctor.`
}
