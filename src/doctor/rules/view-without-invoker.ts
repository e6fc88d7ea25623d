import { quoteIdentifier } from '../../sql/quote.js'
import type { Facts } from '../facts.js'
import { nameOfRelation } from '../names.js'
import { isOn, reachedViews } from '../reach.js'
import { nameOfRole } from '../revoke.js'
import type { Problem, Rule } from '../rule.js'
import { whyUnlimited } from '../unlimited.js'

export const viewWithoutInvoker: Rule = {
  id: 'view-without-invoker',
  level: 'error',
  title: 'A view shows every tenant what its owner sees',
  why: 'A view reads its tables as the role that owns the view, and by the policies that hold for that role. Where none does, each customer who opens a page that is fed by the view sees the rows of all the others.',
  docsUrl: 'https://www.postgresql.org/docs/current/sql-createview.html',
  harm: 'leak',
  check: (facts) =>
    reachedViews(facts).flatMap((view): Problem[] => {
      if (view.kind !== 'view' || isOn(view, 'security_invoker')) return []
      // What the app role sees through its own view, it sees without it.
      if (view.owner === facts.appRole.oid) return []
      const below = view.readsFrom.map(facts.table).filter((table) => table !== undefined)
      const open = below.flatMap((table) => {
        const why = whyUnlimited(view.owner, table, facts)
        return why === undefined ? [] : [{ table, why }]
      })
      const [first] = open
      if (!first) return []
      const names = open.map(({ table }) => nameOfRelation(table.relation)).join(', ')
      const name = nameOfRelation(view)
      return [
        {
          object: name,
          detail: `It reads ${names} as its owner ${nameOfRole(view.owner, facts)}, which ${first.why}.`,
          fix: `ALTER VIEW ${name} SET (security_invoker = true);\n`,
          needsPerson: missingRights(view.readsFrom, facts),
        },
      ]
    }),
}

/** From then on whoever reads the view needs the right to read what is below. */
function missingRights(readsFrom: readonly number[], { relation, privileges, appRole }: Facts): string | undefined {
  const missing = readsFrom.map(relation).filter((below) => below && !privileges.may('SELECT', below))
  const names = missing.map((below) => below && nameOfRelation(below)).join(', ')
  if (names === '') return undefined
  return `The view then reads as ${quoteIdentifier(appRole.name)}, which may not read ${names}: grant it, or take the view away from it.`
}
