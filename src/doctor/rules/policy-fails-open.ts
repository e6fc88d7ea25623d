import { limitPolicy } from '../fix-policy.js'
import { nameOfPolicy } from '../names.js'
import { type PolicyFault, policyFaults } from '../policy-faults.js'
import type { Rule } from '../rule.js'

export const policyFailsOpen: Rule = {
  id: 'policy-fails-open',
  level: 'error',
  title: 'A policy has a branch that lets rows through without the tenant',
  why: 'OR true, a setting that is NULL, a coalesce that falls back: the policy asks for the tenant, and where the answer is missing it opens. A job that forgets to set the tenant then reads the rows of every customer instead of none.',
  docsUrl: 'https://www.postgresql.org/docs/current/sql-createpolicy.html',
  harm: 'leak',
  check: (facts) =>
    policyFaults(facts)
      .filter(({ kind }) => kind === 'fails open')
      .map((fault) => {
        const { table, faulty } = fault
        const described = describe(fault)
        const mended = limitPolicy(faulty, table, facts)
        return {
          object: nameOfPolicy(faulty.policy, table.relation),
          ...described,
          ...mended,
          needsPerson: mended.needsPerson ?? (described.level === 'warning' ? nobodysRows : undefined),
        }
      }),
}

const nobodysRows =
  'Rows without a tenant may be meant for everybody, as templates are: after this nobody sees them. Give each a tenant first, or move them to a table that is shared.'

function describe({ condition }: PolicyFault): { detail: string; level?: 'warning' } {
  const { truth, sources, limit, nobodysRows, sql } = condition
  if (truth?.set.failed === undefined && truth?.set.othersRow) {
    return { detail: `With a tenant set, it lets the rows of others through: ${sql}` }
  }
  for (const [answer, when] of [
    [truth?.unset, 'Where no tenant was ever set'],
    [truth?.empty, "Where the tenant is '', as after a transaction that set one"],
  ] as const) {
    if (answer?.failed === undefined && (answer?.othersRow || answer?.ownRow)) {
      return { detail: `${when}, it lets rows through: ${sql}` }
    }
  }
  if (sources.some(({ fallback }) => fallback)) {
    return { detail: `Where no tenant is set, it shows the rows of the tenant that it falls back to: ${sql}` }
  }
  if (nobodysRows && limit !== 'open') {
    return { level: 'warning', detail: `It lets every tenant see and write rows that have no tenant: ${sql}` }
  }
  return { detail: `A branch of it does not depend on the tenant: ${sql}` }
}
