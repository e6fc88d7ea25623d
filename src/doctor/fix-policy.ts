import { parentPolicy } from '../sql/parent-policy.js'
import { enableRowLevelSecurity, tenantInScope, tenantPolicy } from '../sql/policies.js'
import { quoteIdentifier } from '../sql/quote.js'
import { walk } from './expression.js'
import type { ExpressionFacts, Facts, PolicyFacts, TenantTable } from './facts.js'
import { nameOfRelation, tableNameOf } from './names.js'
import { waysUp } from './parent-paths.js'
import type { JudgedTable } from './policy-faults.js'
import type { Problem } from './rule.js'
import { isOwned } from './tables.js'
import { scopeFor } from './tenant-scope.js'

type Fix = Pick<Problem, 'fix' | 'needsPerson'>

/** SQL that gives a table the policy of every tenant table, under a name that none of its policies has, and turns it on. */
export function protect(table: Pick<TenantTable, 'relation' | 'tenantColumn' | 'policies'>, facts: Facts): Fix {
  const { scope, needsPerson } = scopeFor(table.tenantColumn, facts)
  if (!scope) return { needsPerson }
  const target = tableNameOf(table.relation)
  const policy = tenantPolicy(target, { column: table.tenantColumn.name, name: freeName(table.policies), ...scope })
  return { fix: `${policy}${enableRowLevelSecurity(target)}`, needsPerson }
}

/**
 * SQL that limits a policy to the tenant: its commands and roles stay, as does what it asks besides, unless that is what
 * lets rows through.
 */
export function limitPolicy(faulty: PolicyFacts, table: JudgedTable, facts: Facts): Fix {
  const { policy, using, check, checkWritten } = faulty
  const { relation } = table
  if (!isOwned(table)) return limitByParents(policy.name, table, facts)
  const { scope, needsPerson } = scopeFor(table.tenantColumn, facts)
  if (!scope) return { needsPerson }
  const tenant = `${quoteIdentifier(table.tenantColumn.name)} = ${tenantInScope(scope)}`
  const lost = [using, checkWritten ? check : null].filter(
    (each) => each && mustGo(each) && asksMore(each, table.tenantColumn.number),
  )
  const limited = (condition: ExpressionFacts | null): string => {
    if (!condition || mustGo(condition) || !asksMore(condition, table.tenantColumn.number)) return tenant
    return `${tenant} AND (${condition.sql})`
  }
  const parts = [
    ...(policy.command === 'INSERT' ? [] : [`USING (${limited(using)})`]),
    // What was not written follows USING, which is why it is left out where it can be.
    ...(policy.command === 'INSERT' || checkWritten ? [`WITH CHECK (${limited(check)})`] : []),
  ]
  const target = nameOfRelation(relation)
  const [old] = lost
  return {
    fix: `ALTER POLICY ${quoteIdentifier(policy.name)} ON ${target}\n  ${parts.join('\n  ')};\n`,
    needsPerson: old
      ? `The old condition asks for more than the tenant, which is to be added: ${old.sql}`
      : needsPerson,
  }
}

/** The policy of a table without the tenant column, by way of its parents. */
export function limitByParents(name: string, { relation }: JudgedTable, facts: Facts): Fix {
  const { paths, tenantColumns } = waysUp(relation, facts)
  const [column] = tenantColumns
  const { scope, needsPerson } = column ? scopeFor(column, facts) : { scope: undefined, needsPerson: undefined }
  if (!scope || !paths.some(({ required }) => required)) {
    return { needsPerson: needsPerson ?? 'Say in the policy whose a row is: no foreign key that is NOT NULL does.' }
  }
  return { fix: parentPolicy(tableNameOf(relation), { parents: paths, name, ...scope }), needsPerson }
}

/** Does the condition fail, or fall back to somebody's tenant, where none is set? No AND would mend that. */
function mustGo({ sources }: ExpressionFacts): boolean {
  return sources.some(({ fallback, failsOnEmpty }) => fallback || failsOnEmpty)
}

/** Does it ask for other columns than the tenant's? What else there may be, such as `OR true`, is no loss. */
function asksMore({ expression }: ExpressionFacts, tenantColumn: number): boolean {
  return [...walk(expression)].some(
    ({ at, depth }) => at.kind === 'column' && (at.level !== depth || at.number !== tenantColumn),
  )
}

function freeName(policies: readonly PolicyFacts[]): string {
  const taken = new Set(policies.map(({ policy }) => policy.name))
  for (let n = 1; ; n++) {
    const name = n === 1 ? 'tenant_isolation' : `tenant_isolation_${n}`
    if (!taken.has(name)) return name
  }
}
