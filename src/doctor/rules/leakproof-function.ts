import { executeGrants } from '../reach.js'
import type { Rule } from '../rule.js'

export const leakproofFunction: Rule = {
  id: 'leakproof-function',
  level: 'warning',
  title: 'A function is called leakproof, and nobody but its author says so',
  why: 'PostgreSQL asks a policy first and the conditions of a query afterwards, but not where a condition is LEAKPROOF: that one may see the rows of every customer before the policy has sorted them out. If the function then tells anything of what it saw, by an error, a notice or a table, one customer reads the others through it.',
  docsUrl: 'https://www.postgresql.org/docs/current/rules-privileges.html',
  harm: 'leak',
  check: (facts) =>
    facts.catalog.functions
      .filter((each) => each.leakproof && facts.isChecked(each.schema) && executeGrants(each, facts).length > 0)
      .map(({ signature, language }) => ({
        object: signature,
        detail: `A function in ${language} is LEAKPROOF, and the app role may call it.`,
        fix: `ALTER FUNCTION ${signature} NOT LEAKPROOF;\n`,
      })),
}
