import type { ExpressionFacts } from '../facts.js'
import { limitPolicy } from '../fix-policy.js'
import { nameOfPolicy } from '../names.js'
import { conditionsOf, policyFaults, tablesWithPolicies } from '../policy-faults.js'
import type { Rule } from '../rule.js'

export const policyCrashesOnEmpty: Rule = {
  id: 'policy-crashes-on-empty',
  level: 'warning',
  title: "A policy fails where the tenant is ''",
  why: "After a transaction that set a parameter of one's own, it is '' on that connection and not NULL. A query without a tenant then works on a fresh connection and fails on a used one, so it passes every test and breaks under load.",
  docsUrl: 'https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SET',
  harm: 'other',
  unprovable: 'No row shows. The probe shows the statement that fails, and that it answers no rows afterwards.',
  check: (facts) => {
    const told = new Set(policyFaults(facts).map(({ faulty }) => faulty))
    return tablesWithPolicies(facts).flatMap((table) =>
      table.policies
        .filter((each) => each.reachesApp && !told.has(each))
        .flatMap((faulty) => {
          const crashing = conditionsOf(faulty).find(crashes)
          if (!crashing) return []
          return [
            {
              object: nameOfPolicy(faulty.policy, table.relation),
              detail: `${messageOf(crashing)}: ${crashing.sql}`,
              ...limitPolicy(faulty, table, facts),
            },
          ]
        }),
    )
  },
}

function crashes({ truth, sources }: ExpressionFacts): boolean {
  const cast = sources.some(({ failsOnEmpty }) => failsOnEmpty)
  if (!truth) return cast
  // The doctor's own tenant is no JSON: where the setting holds that, it fails as well, and the form has to tell why.
  return truth.empty.failed !== undefined && (truth.set.failed === undefined || cast)
}

function messageOf({ truth }: ExpressionFacts): string {
  const failed = truth?.empty.failed === undefined ? undefined : truth.empty
  return failed
    ? `It fails with ${failed.failed}, ${failed.message}`
    : "It casts the setting, and '' is no value of that type"
}
