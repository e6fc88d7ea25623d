import type { TenantColumnType, TenantScopeOptions } from '../sql/policies.js'
import type { Column, Oid } from './catalog.js'
import type { Facts } from './facts.js'

const types: Record<Oid, TenantColumnType> = {
  2950: 'uuid',
  23: 'int',
  21: 'int',
  20: 'bigint',
  25: 'text',
  1043: 'text',
}

export interface FixedScope {
  /** What the functions of `/sql` take for a policy on such a column; undefined: they do not know the column's type. */
  readonly scope: TenantScopeOptions | undefined
  /** Why a person should look at it first. */
  readonly needsPerson: string | undefined
}

/** What a policy that mends a table compares the tenant column with: the same as the policies that are there. */
export function scopeFor({ typeOid, type }: Column, { tenantTables, options }: Facts): FixedScope {
  const known = types[typeOid]
  if (known === undefined) {
    const needsPerson = `Write the policy by hand, as the others are: the tenant column is of type ${type}.`
    return { scope: undefined, needsPerson }
  }
  const reaching = tenantTables.flatMap(({ policies }) => policies.filter(({ reachesApp }) => reachesApp))
  const asked = new Set(
    reaching.flatMap(({ using, check }) => [...(using?.sources ?? []), ...(check?.sources ?? [])]).map(({ by }) => by),
  )
  const scope = { type: known, setting: options.setting, sealed: asked.has('seal') }
  const own = asked.has('function') && !asked.has('setting') && !asked.has('seal')
  return {
    scope,
    needsPerson: own
      ? 'The other policies ask a function of your own for the tenant: ask the same one here.'
      : undefined,
  }
}
