import type { ExpressionFacts, Facts, Partition, PolicyFacts, ReachedTable, TenantTable } from './facts.js'
import { worstOf } from './limit.js'
import { policiesFor } from './policy.js'

export type JudgedTable = TenantTable | Partition | ReachedTable

/** What is wrong with one policy. A policy has one fault at most, so that it is told once. */
export interface PolicyFault {
  readonly table: JudgedTable
  readonly faulty: PolicyFacts
  /** The condition that lets too much through. */
  readonly side: 'using' | 'check'
  readonly condition: ExpressionFacts
  readonly kind: 'ignores' | 'widens' | 'fails open' | 'weak check'
}

const slots = [
  ['select', 'SELECT', 'using'],
  ['update', 'UPDATE', 'using'],
  ['delete', 'DELETE', 'using'],
  ['insert', 'INSERT', 'check'],
  ['updated', 'UPDATE', 'check'],
] as const

/** Tables with policies, whether those are turned on or not: turned on, they have to be right. */
export function tablesWithPolicies({ tenantTables, partitions, reachedTables }: Facts): JudgedTable[] {
  return [...tenantTables, ...partitions, ...reachedTables].filter(({ policies }) => policies.length > 0)
}

/** Every policy that lets the app role get at rows of other tenants, and which of the faults it is. */
export function policyFaults(facts: Facts): PolicyFault[] {
  return tablesWithPolicies(facts).flatMap((table) => {
    const faults = new Map<PolicyFacts, PolicyFault>()
    for (const [slot, command, side] of slots) {
      if (table.admitted[slot] !== 'open') continue
      for (const faulty of blamed(policiesFor(table.policies, command), side)) {
        const condition = faulty[side]
        if (!condition || faults.has(faulty)) continue
        faults.set(faulty, { table, faulty, side, condition, kind: kindOf(faulty, side, condition, table, command) })
      }
    }
    for (const faulty of table.policies) {
      const condition = faulty.using ?? faulty.check
      if (!faulty.reachesApp || !condition || faults.has(faulty) || !failsOpen(condition)) continue
      if (condition.limit === 'open') continue
      const side = faulty.using ? 'using' : 'check'
      faults.set(faulty, { table, faulty, side, condition, kind: side === 'using' ? 'fails open' : 'weak check' })
    }
    return [...faults.values()]
  })
}

/** A restrictive policy that was to limit the table and does not, or else every permissive one that lets all through. */
function blamed(policies: readonly PolicyFacts[], side: 'using' | 'check'): PolicyFacts[] {
  const open = policies.filter((each) => each[side]?.limit === 'open')
  const meant = open.filter((each) => !each.policy.permissive && isAboutTenant(each[side]))
  return meant.length > 0 ? meant : open.filter(({ policy }) => policy.permissive)
}

function kindOf(
  faulty: PolicyFacts,
  side: 'using' | 'check',
  condition: ExpressionFacts,
  { policies }: JudgedTable,
  command: (typeof slots)[number][1],
): PolicyFault['kind'] {
  if (side === 'check') return 'weak check'
  if (isAboutTenant(condition)) return 'fails open'
  const others = policiesFor(policies, command).filter(
    (each) => each !== faulty && each.policy.permissive && each.using,
  )
  const limit = worstOf(others.map(({ using }) => using?.limit ?? 'nothing'))
  return limit === 'tenant' || limit === 'opaque' ? 'widens' : 'ignores'
}

/** Was it meant to limit the table to the tenant? */
function isAboutTenant(condition: ExpressionFacts | null): boolean {
  return condition !== null && (condition.limitedInPart || condition.sources.length > 0)
}

/** Does it let rows through where no tenant is set, or rows that have none? */
export function failsOpen({ truth, sources, nobodysRows, limit }: ExpressionFacts): boolean {
  const unset = truth?.unset.failed === undefined && (truth?.unset.ownRow || truth?.unset.othersRow)
  const empty = truth?.empty.failed === undefined && (truth?.empty.ownRow || truth?.empty.othersRow)
  return limit !== 'nothing' && (unset || empty || nobodysRows || sources.some(({ fallback }) => fallback))
}

/** What a policy asks of rows: USING, and WITH CHECK where it was written. */
export function conditionsOf({ using, check, checkWritten }: PolicyFacts): ExpressionFacts[] {
  return [using, checkWritten ? check : null].filter((each) => each !== null)
}

/** Does a table's safety hang on what a policy's functions or queries answer? */
export function isOpaque(each: PolicyFacts, { policies, admitted }: JudgedTable): boolean {
  return slots.some(
    ([slot, command, side]) =>
      admitted[slot] === 'opaque' && each[side]?.limit === 'opaque' && policiesFor(policies, command).includes(each),
  )
}

/** Policies whose comparison no index on the tenant column can serve, and no other one beside it can either. */
export function wrappedPolicies(
  facts: Facts,
  by: 'by hand' | 'by PostgreSQL',
): { table: JudgedTable; faulty: PolicyFacts; condition: ExpressionFacts }[] {
  const told = new Set(policyFaults(facts).map(({ faulty }) => faulty))
  return tablesWithPolicies(facts).flatMap((table) =>
    table.policies.flatMap((faulty) => {
      if (!faulty.reachesApp || told.has(faulty)) return []
      const condition = conditionsOf(faulty).find(
        ({ comparisons }) => comparisons.length > 0 && comparisons.every(({ wrapped }) => wrapped !== undefined),
      )
      return condition?.comparisons[0]?.wrapped === by ? [{ table, faulty, condition }] : []
    }),
  )
}
