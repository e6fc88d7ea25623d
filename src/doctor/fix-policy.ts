import { createPolicy, enableRowLevelSecurity, tenantInScope, tenantPolicy } from '../sql/policies.js'
import { quoteIdentifier } from '../sql/quote.js'
import type { Facts, TenantTable } from './facts.js'
import { tableNameOf } from './names.js'
import type { Problem } from './rule.js'
import { scopeFor } from './tenant-scope.js'

type Owned = Pick<TenantTable, 'relation' | 'tenantColumn' | 'policies'>

/** The condition that limits a table to the tenant, as the database's other policies have it. */
export function tenantCondition({ tenantColumn }: Owned, facts: Facts): string | undefined {
  const { scope } = scopeFor(tenantColumn, facts)
  return scope && `${quoteIdentifier(tenantColumn.name)} = ${tenantInScope(scope)}`
}

/** SQL that gives a table the policy of every tenant table, under a name that none of its policies has, and turns it on. */
export function protect(table: Owned, facts: Facts): Pick<Problem, 'fix' | 'needsPerson'> {
  const { scope, needsPerson } = scopeFor(table.tenantColumn, facts)
  if (!scope) return { needsPerson }
  const target = tableNameOf(table.relation)
  const policy = tenantPolicy(target, { column: table.tenantColumn.name, name: freeName(table), ...scope })
  return { fix: `${policy}${enableRowLevelSecurity(target)}`, needsPerson }
}

/** SQL that puts the tenant policy in the place of one that is wrong. */
export function replacePolicy(name: string, table: Owned, facts: Facts): Pick<Problem, 'fix' | 'needsPerson'> {
  const { scope, needsPerson } = scopeFor(table.tenantColumn, facts)
  const condition = tenantCondition(table, facts)
  if (!scope || !condition) return { needsPerson }
  return { fix: createPolicy(tableNameOf(table.relation), name, condition), needsPerson }
}

function freeName({ policies }: Owned): string {
  const taken = new Set(policies.map(({ policy }) => policy.name))
  for (let n = 1; ; n++) {
    const name = n === 1 ? 'tenant_isolation' : `tenant_isolation_${n}`
    if (!taken.has(name)) return name
  }
}
