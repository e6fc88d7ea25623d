import { limitPolicy } from '../fix-policy.js'
import { nameOfPolicy } from '../names.js'
import { conditionsOf, tablesWithPolicies } from '../policy-faults.js'
import type { Rule } from '../rule.js'

export const plainAndSealedMixed: Rule = {
  id: 'plain-and-sealed-mixed',
  level: 'error',
  title: 'Some policies check the seal of the tenant, and this one does not',
  why: 'A seal keeps SQL that an attacker brought in from naming another tenant. A table whose policy reads the bare setting is open to exactly that, and the service, which writes seals into the setting, finds no rows of its own there.',
  docsUrl: 'https://www.postgresql.org/docs/current/sql-createpolicy.html',
  harm: 'leak',
  check: (facts) => {
    const tables = tablesWithPolicies(facts).map((table) => ({
      table,
      policies: table.policies.filter(({ reachesApp }) => reachesApp),
    }))
    const asks = (by: 'seal' | 'setting') => (each: (typeof tables)[number]['policies'][number]) =>
      conditionsOf(each).some(({ sources }) => sources.some((source) => source.by === by))
    if (!tables.some(({ policies }) => policies.some(asks('seal')))) return []
    return tables.flatMap(({ table, policies }) =>
      policies.filter(asks('setting')).map((faulty) => ({
        object: nameOfPolicy(faulty.policy, table.relation),
        detail: `It reads ${facts.options.setting} itself: ${conditionsOf(faulty)[0]?.sql}`,
        ...limitPolicy(faulty, table, facts),
      })),
    )
  },
}
