import { walk } from '../expression.js'
import type { ExpressionFacts, Facts } from '../facts.js'
import { nameOfPolicy } from '../names.js'
import { conditionsOf, isOpaque, tablesWithPolicies } from '../policy-faults.js'
import type { Rule } from '../rule.js'
import { tenantFunction } from '../tenant-source.js'

export const policyOpaque: Rule = {
  id: 'policy-opaque',
  level: 'info',
  title: 'Whether a policy limits rows to the tenant cannot be told from it',
  why: "What decides is a function that is not PostgreSQL's, or a query that the doctor does not understand. It never calls what it did not bring along, so this table is neither found safe nor unsafe.",
  docsUrl: 'https://www.postgresql.org/docs/current/sql-createpolicy.html',
  harm: 'other',
  unprovable: 'To show anything, the function would have to be called.',
  check: (facts) =>
    tablesWithPolicies(facts).flatMap((table) =>
      table.policies
        .filter((each) => isOpaque(each, table))
        .map((each) => ({
          object: nameOfPolicy(each.policy, table.relation),
          detail: describe(
            conditionsOf(each).find(({ limit }) => limit === 'opaque'),
            facts,
          ),
          needsPerson:
            'Read what it asks. A function that answers the tenant in scope, and NULL without one, can be named in the option tenantFunctions; try everything else with assertTenantIsolation of prisma-extension-tenancy/testing.',
        })),
    ),
}

function describe(condition: ExpressionFacts | undefined, { catalog, options }: Facts): string {
  if (!condition) return ''
  const { referenced } = catalog
  const functions = [...walk(condition.expression)].flatMap(({ at }) => {
    const called = at.kind === 'call' ? referenced.functions.get(at.function) : undefined
    if (!called || called.schema === 'pg_catalog' || tenantFunction(called.oid, { ...options, referenced })) return []
    return [`${called.sql}()`]
  })
  const names = [...new Set(functions)]
  return names.length > 0 ? `${names.join(' and ')} decides: ${condition.sql}` : `It asks: ${condition.sql}`
}
