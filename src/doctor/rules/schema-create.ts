import { quoteIdentifier } from '../../sql/quote.js'
import { revokeGrants } from '../revoke.js'
import type { Problem, Rule } from '../rule.js'
import { searchPathOf } from '../search-path.js'
import { blamelessRoles } from '../too-strong.js'

export const schemaCreate: Rule = {
  id: 'schema-create',
  level: 'error',
  title: "The app role may create objects where everybody's statements look for theirs",
  why: 'All customers are served by one role. What the request of one of them creates, a function that fits better than the one that is meant, a table that a later migration takes for its own, is there for the requests of the others and runs in their transactions, with their tenant set. And a table that the app role made is its own: no policy holds it there.',
  docsUrl: 'https://www.postgresql.org/docs/current/ddl-schemas.html#DDL-SCHEMAS-PATTERNS',
  harm: 'leak',
  check: (facts) => {
    const { catalog, privileges } = facts
    const path = searchPathOf(facts.appRole, catalog)
    const blameless = blamelessRoles(facts)
    const holdsTables = new Set(facts.tenantTables.map(({ relation }) => relation.schema))
    return catalog.schemas.flatMap((schema): Problem[] => {
      // An owner creates because it is the owner.
      const grants = privileges
        .grants(schema.acl, 'CREATE')
        .filter(({ grantee }) => grantee !== schema.owner && blameless.has(grantee))
      const onPath = path.includes(schema.name)
      if (grants.length === 0 || !facts.isChecked(schema.name)) return []
      if (!onPath && !holdsTables.has(schema.name)) return []
      const name = quoteIdentifier(schema.name)
      return [
        {
          object: `SCHEMA ${name}`,
          level: onPath ? 'error' : 'warning',
          detail: `The app role may create objects in it, ${onPath ? 'and it is on its search path' : 'beside the tenant tables'}${grants.some(({ grantee }) => grantee === 0) ? ', since everybody may' : ''}.`,
          fix: revokeGrants(grants, `SCHEMA ${name}`, schema.owner, facts),
        },
      ]
    })
  },
}
