import type { Constraint } from './catalog.js'
import { walk } from './expression.js'
import type { Facts, PolicyFacts, TableFacts } from './facts.js'
import { constraintsOf, notEnforced } from './keys.js'
import { waysUp } from './parent-paths.js'
import { allTables, isOwned } from './tables.js'

/** A foreign key between tables with tenants' rows that PostgreSQL checks without asking whose the rows are. */
export interface LooseKey {
  readonly constraint: Constraint
  readonly references: NonNullable<Constraint['references']>
  readonly child: TableFacts
  readonly parent: TableFacts
}

/** Every foreign key by which a row can point at another tenant's. */
export function looseKeys(facts: Facts): readonly LooseKey[] {
  return allTables(facts).flatMap((child) => {
    const keys = constraintsOf(child.relation.oid, facts)
    return keys.flatMap((constraint) => {
      const { references } = constraint
      const parent = references && facts.table(references.relation)
      // What a partition inherits is its parent's.
      if (!references || !parent || constraint.inherited) return []
      if (isUnguarded(child) && canBeAsked(parent, child, facts)) return []
      const loose = { constraint, references, child, parent }
      const held = containsTenant(loose) || isHeldByAnother(loose, keys) || isHeldByPolicy(loose)
      return held ? [] : [loose]
    })
  })
}

/** Where nothing guards a table, that is the fault; the policy that mends it looks at the parents. */
function isUnguarded(child: TableFacts): boolean {
  return !isOwned(child) && !child.relation.rowSecurity
}

/** Can a policy find out whose the parent is? Not where that would be to ask itself. */
function canBeAsked(parent: TableFacts, child: TableFacts, facts: Facts): boolean {
  if (isOwned(parent)) return true
  return parent !== child && waysUp(parent.relation, facts, [child.relation.oid]).paths.some(({ required }) => required)
}

function containsTenant({ constraint, references, child, parent }: LooseKey): boolean {
  if (!isOwned(child)) return false
  const at = constraint.columns.indexOf(child.tenantColumn.number)
  if (at < 0) return false
  // To a parent without the column, the tenant itself is the key: that parent is the table of tenants.
  return !isOwned(parent) || references.columns[at] === parent.tenantColumn.number
}

/** Is there a second foreign key, with the tenant, that no row passes which this one would let through? */
function isHeldByAnother(loose: LooseKey, others: readonly Constraint[]): boolean {
  const { child, references, constraint } = loose
  return others.some((other) => {
    if (other === constraint || other.references?.relation !== references.relation) return false
    // NOT VALID holds for what is written from then on.
    if (notEnforced.test(other.definition)) return false
    const { columns } = other.references
    const covers = constraint.columns.every(
      (column, n) => columns[other.columns.indexOf(column)] === references.columns[n],
    )
    return covers && containsTenant({ ...loose, constraint: other, references: other.references }) && isSet(child)
  })
}

/** With NULL in one of its columns a foreign key is not checked. */
function isSet(child: TableFacts): boolean {
  return isOwned(child) && child.tenantColumn.notNull
}

/** Do the policies look at the parent, as the app role sees it, before they let a row be written? */
function isHeldByPolicy(loose: LooseKey): boolean {
  const { child, parent } = loose
  if (!child.relation.rowSecurity) return false
  const limited = parent.relation.rowSecurity && ['tenant', 'nothing'].includes(parent.admitted.select)
  return (['INSERT', 'UPDATE'] as const).every((command) => {
    const asked = child.policies.filter(
      ({ policy, reachesApp }) => reachesApp && (policy.command === 'ALL' || policy.command === command),
    )
    const looks = (policy: PolicyFacts): boolean => looksAtParent(policy, loose, limited)
    const permissive = asked.filter(({ policy }) => policy.permissive)
    return permissive.every(looks) || asked.some((each) => !each.policy.permissive && looks(each))
  })
}

function looksAtParent({ check }: PolicyFacts, { constraint, parent }: LooseKey, limited: boolean): boolean {
  if (!check) return false
  const tenant = isOwned(parent) ? parent.tenantColumn.number : undefined
  const { expression } = check
  const terms = expression.kind === 'and' ? expression.arguments : [expression]
  return terms.some((term) => {
    const inside = [...walk(term)]
    const reads = inside.some(({ at }) => at.kind === 'subquery' && at.query.from.includes(parent.relation.oid))
    const columns = inside.flatMap(({ at, depth }) => (at.kind === 'column' ? [{ ...at, depth }] : []))
    const byKey = constraint.columns.every((number) =>
      columns.some((column) => column.level === column.depth && column.number === number),
    )
    const whose = limited || columns.some(({ level, depth, number }) => level < depth && number === tenant)
    return reads && byKey && (whose || !isOwned(parent))
  })
}
