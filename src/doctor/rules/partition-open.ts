import { enableRowLevelSecurity, tenantPolicy } from '../../sql/policies.js'
import type { Facts, Partition } from '../facts.js'
import { nameOfRelation, tableNameOf } from '../names.js'
import type { Problem, Rule } from '../rule.js'
import { mayUseRows } from '../tables.js'
import { scopeFor } from '../tenant-scope.js'

export const partitionOpen: Rule = {
  id: 'partition-open',
  level: 'error',
  title: 'A partition can be read past the policies of its parent',
  why: 'PostgreSQL asks the policies of the table that a statement names. Through the parent a customer sees its own rows; the same statement with the name of a partition or of an inheriting table sees those of everybody. Each one that is added later starts open again, unless what adds it protects it, or the service is granted nothing on it: to read through the parent it needs no right on its parts.',
  docsUrl: 'https://www.postgresql.org/docs/current/ddl-inherit.html',
  harm: 'leak',
  check: (facts) =>
    facts.partitions
      .filter(({ relation }) => relation.kind !== 'foreign table')
      .filter(({ relation, policies }) => !relation.rowSecurity && policies.length === 0 && mayUseRows(relation, facts))
      .map((partition) => problem(partition, facts)),
}

function problem({ relation, root, tenantColumn }: Partition, facts: Facts): Problem {
  const { scope, needsPerson } = scopeFor(tenantColumn, facts)
  const table = tableNameOf(relation)
  const part = relation.isPartition ? 'is a partition of' : 'inherits from'
  return {
    object: nameOfRelation(relation),
    detail: `It ${part} ${nameOfRelation(root.relation)}, the app role is granted it, and row-level security is off on it.`,
    fix: scope && `${tenantPolicy(table, { column: tenantColumn.name, ...scope })}\n${enableRowLevelSecurity(table)}`,
    needsPerson,
  }
}
