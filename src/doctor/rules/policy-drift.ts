import { quoteTable } from '../../sql/quote.js'
import type { Facts } from '../facts.js'
import { nameOfPolicy, nameOfRelation } from '../names.js'
import type { ExpectedTable } from '../options.js'
import type { Problem, Rule } from '../rule.js'

export const policyDrift: Rule = {
  id: 'policy-drift',
  level: 'warning',
  title: 'The database is not what its migrations say',
  why: 'Somebody changed the database by hand, or a migration never ran here. Reviews look at the schema and its migrations, so nobody sees such a change: a policy that was dropped for one query in the night stays dropped, until a customer asks whose rows these are.',
  docsUrl: 'https://www.prisma.io/docs/orm/prisma-migrate/workflows/troubleshooting',
  harm: 'other',
  unprovable: 'Whether a difference leaks is what the other rules say; this one says that nobody has written it down.',
  check: (facts) => {
    const { expected } = facts.options
    if (!expected) return []
    return [...expected.tables.flatMap((table) => differences(table, facts)), ...unexpected(facts)]
  },
}

function differences(expected: ExpectedTable, facts: Facts): Problem[] {
  const { catalog } = facts
  if (!facts.isChecked(expected.schema)) return []
  const relation = catalog.relations.find(
    ({ schema, name, kind }) =>
      schema === expected.schema &&
      name === expected.table &&
      (kind === 'table' || kind === 'partitioned table' || kind === 'foreign table'),
  )
  const name = quoteTable({ schema: expected.schema, table: expected.table })
  if (!relation) {
    return [
      {
        object: name,
        detail: 'The schema has the table, and the database has not.',
        needsPerson: 'Run the migrations that are missing here (prisma migrate deploy).',
      },
    ]
  }
  if (expected.policies === undefined) return []
  const present = catalog.policies.filter((policy) => policy.relation === relation.oid)
  const missing = expected.policies.filter((policy) => !present.some((each) => each.name === policy))
  const surplus = present.filter((policy) => !expected.policies?.includes(policy.name))
  return [
    ...missing.map((policy) => ({
      object: nameOfPolicy({ name: policy }, relation),
      detail: 'The migrations make this policy, and the database has not got it.',
      needsPerson: 'Make it again as its migration does, or write a migration that drops it.',
    })),
    ...surplus.map((policy) => ({
      object: nameOfPolicy(policy, relation),
      detail: 'The database has this policy, and no migration makes it.',
      fix: `DROP POLICY ${nameOfPolicy(policy, relation)};\n`,
      needsPerson: 'Drop it, or write a migration that makes it.',
    })),
  ]
}

/** Tables with tenants' rows that the schema does not know. */
function unexpected({ options, tenantTables, isChecked }: Facts): Problem[] {
  const known = new Set(options.expected?.tables.map(({ schema, table }) => quoteTable({ schema, table })))
  const schemas = new Set(options.expected?.tables.map(({ schema }) => schema))
  return tenantTables
    .filter(({ relation }) => schemas.has(relation.schema) && isChecked(relation.schema))
    .filter(({ relation }) => !known.has(nameOfRelation(relation)))
    .map(({ relation }) => ({
      object: nameOfRelation(relation),
      detail: 'The table has the tenant column, and the schema does not know it.',
      needsPerson: 'Add it to the schema, or drop it.',
    }))
}
