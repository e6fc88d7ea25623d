import type { Policy, PolicyCommand, PolicyExpression, Relation } from './catalog.js'
import type { Evaluation } from './evaluate.js'
import { readExpression } from './expression.js'
import type { Admitted, ExpressionFacts, Limit, PolicyFacts } from './facts.js'
import {
  bestOf,
  comparisonsIn,
  hasLimitedPart,
  type LimitWords,
  letsNobodysRowsThrough,
  limitOf,
  mentionsTenant,
  worstOf,
} from './limit.js'
import type { Privileges } from './privileges.js'
import { sourcesIn } from './tenant-source.js'

export interface PolicyWords extends LimitWords {
  readonly privileges: Privileges
  /** What PostgreSQL answered, if it was asked. */
  evaluation(expression: PolicyExpression, relation: Relation): Evaluation
}

/** What a policy lets through, and for whom. */
export function readPolicy(policy: Policy, relation: Relation, words: PolicyWords): PolicyFacts {
  const using = policy.using && readCondition(policy.using, relation, words)
  const check = policy.check && readCondition(policy.check, relation, words)
  return {
    policy,
    reachesApp: policy.roles.some((role) => words.privileges.effective.has(role)),
    using,
    check: check ?? (policy.command === 'ALL' || policy.command === 'UPDATE' ? using : null),
    checkWritten: check !== null,
  }
}

function readCondition(given: PolicyExpression, relation: Relation, words: PolicyWords): ExpressionFacts {
  const expression = readExpression(given.tree)
  const { truth, notEvaluated } = words.evaluation(given, relation)
  const mentions = mentionsTenant(expression, relation.oid, words)
  const isNullable = words.tenantColumn(relation.oid)?.notNull === false
  const limit = limitOf(expression, relation.oid, words)
  const answered = truth?.set.failed === undefined ? truth?.set : undefined
  return {
    sql: given.sql,
    expression,
    limit: corrected(limit, answered?.othersRow, mentions),
    nobodysRows:
      isNullable && (answered?.nobodysRow === true || letsNobodysRowsThrough(expression, relation.oid, words)),
    limitedInPart: hasLimitedPart(expression, relation.oid, words),
    sources: sourcesIn(expression, words),
    comparisons: comparisonsIn(expression, relation.oid, words),
    mentionsTenant: mentions,
    truth,
    notEvaluated,
  }
}

/** PostgreSQL has the last word: on what it let through always, on what it did not where the form alone was no help. */
function corrected(limit: Limit, othersRow: boolean | undefined, mentions: boolean): Limit {
  if (othersRow === true) return 'open'
  return othersRow === false && limit === 'opaque' && mentions ? 'tenant' : limit
}

/**
 * Policies as PostgreSQL combines them: the permissive ones by OR, the restrictive ones by AND.
 *
 * @see https://www.postgresql.org/docs/current/sql-createpolicy.html
 */
export function admittedBy(policies: readonly PolicyFacts[]): Admitted {
  return {
    select: combined(policies, 'SELECT', 'using'),
    insert: combined(policies, 'INSERT', 'check'),
    update: combined(policies, 'UPDATE', 'using'),
    updated: combined(policies, 'UPDATE', 'check'),
    delete: combined(policies, 'DELETE', 'using'),
  }
}

/** Policies that have a say about a command of the app role. */
export function policiesFor(policies: readonly PolicyFacts[], command: Exclude<PolicyCommand, 'ALL'>): PolicyFacts[] {
  return policies.filter(
    ({ policy, reachesApp }) => reachesApp && (policy.command === 'ALL' || policy.command === command),
  )
}

function combined(
  policies: readonly PolicyFacts[],
  command: Exclude<PolicyCommand, 'ALL'>,
  side: 'using' | 'check',
): Limit {
  const limits = (permissive: boolean): Limit[] =>
    policiesFor(policies, command).flatMap((each) => {
      const condition = each[side]
      return each.policy.permissive === permissive && condition ? [condition.limit] : []
    })
  return bestOf([worstOf(limits(true)), ...limits(false)])
}
