import { quoteIdentifier } from '../../sql/quote.js'
import type { Facts } from '../facts.js'
import { revokeGrants } from '../revoke.js'
import type { Rule } from '../rule.js'
import { blamelessRoles } from '../too-strong.js'

export const tempOnDatabase: Rule = {
  id: 'temp-on-database',
  level: 'warning',
  title: 'The app role may create temporary tables',
  why: "A temporary table stays on its connection, and a pool gives that connection to the next customer's request. Named like a real table it is found before it: that request then reads rows of the customer before, or what an attacker has put there, and no policy is asked.",
  docsUrl: 'https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-SEARCH-PATH',
  harm: 'leak',
  check: (facts) => {
    const { catalog, privileges, role } = facts
    const { name, owner, acl } = catalog.database
    const blameless = blamelessRoles(facts)
    const grants = privileges
      .grants(acl, 'TEMPORARY')
      .filter(({ grantee }) => grantee !== owner && blameless.has(grantee))
    if (grants.length === 0) return []
    const database = `DATABASE ${quoteIdentifier(name)}`
    const ofEverybody = grants.some(({ grantee }) => grantee === 0)
    return [
      {
        object: database,
        detail: `TEMPORARY is granted to ${ofEverybody ? 'PUBLIC, as PostgreSQL does by itself' : grants.map(({ grantee }) => quoteIdentifier(role(grantee)?.name ?? '')).join(', ')}.`,
        fix: revokeGrants(grants, database, owner, facts) + (ofEverybody ? keepForMigrations(database, facts) : ''),
      },
    ]
  },
}

/** Roles that migrations run as may need them. A role that only reads, by its default, does not. */
function keepForMigrations(database: string, { options, catalog }: Facts): string {
  const writing = catalog.roles.filter(
    ({ oid, name, superuser }) =>
      options.trustedRoles.includes(name) &&
      !superuser &&
      oid !== catalog.database.owner &&
      !catalog.settings.some(
        (setting) => setting.role === oid && setting.name === 'default_transaction_read_only' && setting.value === 'on',
      ),
  )
  return writing.map(({ name }) => `GRANT TEMPORARY ON ${database} TO ${quoteIdentifier(name)};\n`).join('')
}
