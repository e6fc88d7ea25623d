import type { ResolvedConfig } from '../schema/config.js'
import type { ManyToManyTable, ReachedTable, TenantTable } from '../schema/desired.js'
import { parentPolicy } from '../sql/parent-policy.js'
import { disableRowLevelSecurity, dropTenantPolicy, enableRowLevelSecurity, tenantPolicy } from '../sql/policies.js'
import { nameOf, quoteIdentifier, quoteLiteral, quoteTable } from '../sql/quote.js'
import { policyIs } from './done.js'
import { fingerprint, makeStep } from './make-step.js'
import type { Step } from './step.js'

const POLICY = 'tenant_isolation'

/** The policy first, then row-level security: a table with it and without a policy shows nothing. */
export function policyStep(desired: TenantTable | ReachedTable | ManyToManyTable, config: ResolvedConfig): Step {
  const { table } = desired
  const { tenantId: type, setting, seal: sealed } = config
  const policy =
    desired.kind === 'tenant'
      ? tenantPolicy(table, { column: desired.column, type, setting, sealed, name: POLICY })
      : parentPolicy(table, { parents: desired.parents, type, setting, sealed, name: POLICY })
  // The catalog keeps an expression in words of its own. The comment tells which text it came from.
  const comment = `tenancy ${fingerprint(policy)}`
  return makeStep({
    what: 'policy',
    table,
    title: `Policy of ${'model' in desired ? desired.model : nameOf(table)}`,
    sql: `${policy}COMMENT ON POLICY ${quoteIdentifier(POLICY)} ON ${quoteTable(table)} IS ${quoteLiteral(comment)};\n${enableRowLevelSecurity(table)}`,
    down: disableRowLevelSecurity(table) + dropTenantPolicy(table, { name: POLICY }),
    done: policyIs(table, POLICY, comment),
  })
}
