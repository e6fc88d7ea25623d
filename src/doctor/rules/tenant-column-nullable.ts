import { requireTenant } from '../../sql/tenant-column.js'
import type { Expression } from '../expression.js'
import { readExpression } from '../expression.js'
import type { Facts, TenantTable } from '../facts.js'
import { constraintsOf } from '../keys.js'
import { nameOfColumn, tableNameOf } from '../names.js'
import type { Rule } from '../rule.js'

export const tenantColumnNullable: Rule = {
  id: 'tenant-column-nullable',
  level: 'warning',
  title: 'The tenant column may be NULL',
  why: 'A row without a tenant is nobody’s: no customer sees it, so it looks deleted, and a foreign key or a unique index with NULL in it is not checked. What forgets the tenant (an import, a migration, a job that skips the policies) fails at once where the column is NOT NULL, and months later where it is not.',
  docsUrl: 'https://www.postgresql.org/docs/current/ddl-constraints.html',
  harm: 'other',
  unprovable:
    'The policy refuses a row without a tenant, so the app role cannot make one: such rows come from roles that skip policies, and then are seen by nobody.',
  check: (facts) =>
    facts.tenantTables
      .filter((table) => !table.tenantColumn.notNull && !isChecked(table, facts))
      .map(({ relation, tenantColumn, policies }) => ({
        object: nameOfColumn(tenantColumn, relation),
        detail: 'The column has no NOT NULL.',
        fix: requireTenant(tableNameOf(relation), { column: tenantColumn.name }),
        // One that shows everything says nothing of them.
        needsPerson: policies.some(
          ({ using, reachesApp }) => reachesApp && using?.nobodysRows && using.limit !== 'open',
        )
          ? 'A policy shows rows without a tenant to everybody, so there may be some that are meant: move them to a table of their own, or give each a tenant.'
          : undefined,
      })),
}

/** A check that says the same, as one has while NOT NULL is being introduced. */
function isChecked({ relation, tenantColumn }: TenantTable, facts: Facts): boolean {
  return constraintsOf(relation.oid, facts).some(
    // Where it is not validated, that is the fault.
    ({ kind, tree }) => kind === 'check' && forbidsNull(readExpression(tree), tenantColumn.number),
  )
}

function forbidsNull(expression: Expression, column: number): boolean {
  if (expression.kind === 'and') return expression.arguments.some((each) => forbidsNull(each, column))
  if (expression.kind !== 'null test' || expression.isNull) return false
  return expression.argument.kind === 'column' && expression.argument.number === column
}
