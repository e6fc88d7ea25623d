import { quoteIdentifier } from '../../sql/quote.js'
import { nameOfRelation } from '../names.js'
import type { Rule } from '../rule.js'
import { allTables } from '../tables.js'

export const rlsNotForced: Rule = {
  id: 'rls-not-forced',
  level: 'warning',
  title: 'Row-level security is not forced on the owner of the table',
  why: 'The owner of a table skips its policies unless they are forced. Jobs, scripts and consoles that log in as the owner, and every SECURITY DEFINER function and view that it owns, see and change the rows of all customers, and nothing says so.',
  docsUrl: 'https://www.postgresql.org/docs/current/ddl-rowsecurity.html',
  harm: 'leak',
  check: (facts) =>
    allTables(facts)
      .filter(({ relation }) => relation.rowSecurity && !relation.forceRowSecurity)
      .map(({ relation }) => {
        const owner = facts.role(relation.owner)
        const name = quoteIdentifier(owner?.name ?? '?')
        return {
          object: nameOfRelation(relation),
          detail: owner?.superuser
            ? `Its owner ${name} is a superuser, whom no policy holds anyway; the next owner will be one whom it could.`
            : `Its owner ${name} reads and writes past its policies.`,
          level: owner?.superuser || owner?.bypassRls ? ('info' as const) : undefined,
          fix: `ALTER TABLE ${nameOfRelation(relation)} FORCE ROW LEVEL SECURITY;\n`,
        }
      }),
}
