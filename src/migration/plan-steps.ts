import type { Desired, TenantTable } from '../schema/desired.js'
import { sealTenants, unsealTenants } from '../sql/seal.js'
import { dropUniqueSteps, foreignKeySteps, indexSteps, keepTenantSteps, primaryKeySteps } from './key-steps.js'
import { makeStep } from './make-step.js'
import { policyStep } from './policy-steps.js'
import { roleSteps } from './role-steps.js'
import type { Step } from './step.js'
import { backfillSteps, columnSteps, requiredSteps } from './tenant-columns.js'

/**
 * Everything that a database needs, in the order in which it can be made: roles, columns and their rows, indexes, keys,
 * and policies last, so that no row is hidden from what comes before. Parents stand before their children.
 */
export function planSteps(desired: Desired): Step[] {
  const { config, tables } = desired
  const tenantTables = tables.filter((table): table is TenantTable => table.kind === 'tenant')
  const each = (steps: (table: TenantTable) => Step[]): Step[] => tenantTables.flatMap(steps)
  return [
    ...roleSteps(desired),
    ...(config.seal ? [sealStep(desired)] : []),
    ...each((table) => columnSteps(table, config.setting)),
    ...each(backfillSteps),
    ...each(requiredSteps),
    ...each(indexSteps),
    ...each(keepTenantSteps),
    ...each((table) => foreignKeySteps(table, tables)),
    ...each((table) => primaryKeySteps(table, tables)),
    // A foreign key without the tenant may have referred to one of these.
    ...each(dropUniqueSteps),
    ...tables.flatMap((table) => (table.kind === 'shared' ? [] : [policyStep(table, config)])),
  ]
}

function sealStep({ config }: Desired): Step {
  return makeStep({
    what: 'seal',
    title: 'The function that sealed policies ask',
    sql: sealTenants({ type: config.tenantId }),
    down: unsealTenants(),
    done: `to_regprocedure('tenancy.tenant_id()') IS NOT NULL`,
  })
}
