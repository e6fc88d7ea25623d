import { quoteIdentifier } from '../../sql/quote.js'
import type { DatabaseFunction, Oid, Relation } from '../catalog.js'
import type { Facts } from '../facts.js'
import { nameOfRelation } from '../names.js'
import type { Problem, Rule } from '../rule.js'
import { allTables } from '../tables.js'

export const appRoleOwns: Rule = {
  id: 'app-role-owns',
  level: 'error',
  title: 'The app role owns what keeps tenants apart',
  why: 'An owner may switch row-level security off, drop a policy or replace what a policy calls, and without FORCE no policy holds it at all. One statement that an attacker gets into the service, and the rows of all customers are open to it, for good.',
  docsUrl: 'https://www.postgresql.org/docs/current/ddl-rowsecurity.html',
  harm: 'leak',
  check: (facts) => {
    // A superuser may do all that whoever the owner is.
    if (facts.appRole.superuser) return []
    return [...ownedDatabase(facts), ...ownedSchemas(facts), ...ownedTables(facts), ...ownedFunctions(facts)]
  },
}

function ownedDatabase(facts: Facts): Problem[] {
  const { catalog, appRole } = facts
  if (catalog.database.owner !== appRole.oid) return []
  const name = quoteIdentifier(catalog.database.name)
  const owner = ownerInstead(facts)
  return [
    {
      object: `DATABASE ${name}`,
      detail:
        'The app role owns the database, and with it each schema that belongs to pg_database_owner, as public does.',
      fix: `-- As a superuser.\nALTER DATABASE ${name} OWNER TO ${owner.name};\n`,
      needsPerson: owner.question,
    },
  ]
}

function ownedSchemas(facts: Facts): Problem[] {
  const { catalog, appRole } = facts
  const withTables = new Set(relations(facts).map(({ schema }) => schema))
  const owner = ownerInstead(facts)
  return catalog.schemas
    .filter(({ name, owner: oid }) => oid === appRole.oid && withTables.has(name))
    .map(({ name }) => ({
      object: `SCHEMA ${quoteIdentifier(name)}`,
      detail: 'The app role owns the schema, so it may drop the tables in it and put others in their place.',
      fix: `-- As a superuser.
ALTER SCHEMA ${quoteIdentifier(name)} OWNER TO ${owner.name};
GRANT USAGE ON SCHEMA ${quoteIdentifier(name)} TO ${quoteIdentifier(appRole.name)};
`,
      needsPerson: owner.question,
    }))
}

function ownedTables(facts: Facts): Problem[] {
  const { appRole, catalog } = facts
  const role = quoteIdentifier(appRole.name)
  const owner = ownerInstead(facts)
  return relations(facts)
    .filter((relation) => relation.owner === appRole.oid)
    .map((relation) => {
      const name = nameOfRelation(relation)
      // They belong to the table and go with it; identity columns ask for no right.
      const sequences = catalog.relations.filter(
        ({ kind, schema, owner: oid }) => kind === 'sequence' && schema === relation.schema && oid === appRole.oid,
      )
      const uses = relation.columns.some((column) => column.default !== null && !column.identity) ? sequences : []
      const forced = relation.forceRowSecurity
        ? 'may take FORCE and the policies off it'
        : 'is not held by its policies, since they are not forced on the owner'
      return {
        object: name,
        detail: `The app role owns the table and ${forced}.`,
        fix: `-- As a superuser.
ALTER TABLE ${name} OWNER TO ${owner.name};
GRANT SELECT, INSERT, UPDATE, DELETE ON ${name} TO ${role};
${uses.map((sequence) => `GRANT USAGE, SELECT ON SEQUENCE ${nameOfRelation(sequence)} TO ${role};\n`).join('')}`,
        needsPerson: owner.question,
      }
    })
}

function ownedFunctions(facts: Facts): Problem[] {
  const { catalog, appRole } = facts
  const inPolicies = new Set(catalog.referenced.functions.keys())
  const owner = ownerInstead(facts)
  return catalog.functions
    .filter((each: DatabaseFunction) => each.owner === appRole.oid && inPolicies.has(each.oid))
    .map(({ signature }) => ({
      object: signature,
      detail:
        'Policies call the function, and the app role owns it: it may drop it and the policies with it, and wherever it may create it may give it another body.',
      fix: `-- As a superuser.
ALTER ROUTINE ${signature} OWNER TO ${owner.name};
GRANT EXECUTE ON ROUTINE ${signature} TO ${quoteIdentifier(appRole.name)};
`,
      needsPerson: owner.question,
    }))
}

function relations(facts: Facts): Relation[] {
  return allTables(facts).map(({ relation }) => relation)
}

/** The role that the rest belongs to: the database's owner, or else the one that owns tenant tables. */
function ownerInstead(facts: Facts): { readonly name: string; readonly question: string | undefined } {
  const { catalog, appRole, role, options } = facts
  const owners = new Set<Oid>([catalog.database.owner, ...relations(facts).map(({ owner }) => owner)])
  owners.delete(appRole.oid)
  const fit = [...owners].map(role).filter((each) => each && !each.superuser)
  const [only] = fit
  if (only && fit.length === 1) return { name: quoteIdentifier(only.name), question: undefined }
  const guess = only?.name ?? options.trustedRoles[0]
  return {
    name: guess === undefined ? 'CURRENT_USER' : quoteIdentifier(guess),
    question: 'Decide which role is to own it: one that the service never logs in with and that runs the migrations.',
  }
}
