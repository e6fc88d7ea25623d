import { quoteIdentifier } from '../../sql/quote.js'
import { tenantRoles } from '../../sql/roles.js'
import type { Role } from '../catalog.js'
import type { Facts, TableFacts } from '../facts.js'
import { nameOfRelation } from '../names.js'
import { privilegesOf } from '../privileges.js'
import type { Problem, Rule } from '../rule.js'
import { allTables } from '../tables.js'
import { whyUnlimited } from '../unlimited.js'

export const migrationLoginBlind: Rule = {
  id: 'migration-login-blind',
  level: 'warning',
  title: 'The role that migrations run as sees no row',
  why: 'Forced policies hold the owner too. A data migration, a seed or a backfill then runs without an error and touches no row: the deployment is green, and half of the change never happened. A dump is refused or empty, which one notices when it is needed.',
  docsUrl: 'https://www.postgresql.org/docs/current/ddl-rowsecurity.html',
  harm: 'other',
  unprovable:
    'Nothing leaks: it is the statements of the migration that do nothing, and the app role has no part in them.',
  check: (facts) => {
    const trusted = facts.catalog.roles.filter(({ name }) => facts.options.trustedRoles.includes(name))
    return trusted.length > 0 ? trusted.flatMap((role) => trustedButBlind(role, facts)) : blindOwners(facts)
  },
}

function trustedButBlind(role: Role, facts: Facts): Problem[] {
  const blind = allTables(facts).filter((table) => isBlind(role, table, facts))
  if (blind.length === 0) return []
  const name = quoteIdentifier(role.name)
  return [
    {
      object: name,
      detail: `It is meant to see every tenant's rows, and policies hold it on ${listed(blind)}.`,
      fix: `-- As a superuser.\nALTER ROLE ${name} BYPASSRLS;\n`,
      needsPerson:
        'Where the host gives nobody BYPASSRLS, write a policy for it on each of these tables instead: migratorPolicy() of prisma-extension-tenancy/sql.',
    },
  ]
}

/** Nobody said who migrates: then it is the owner, or somebody who can become it. */
function blindOwners(facts: Facts): Problem[] {
  const { catalog, appRole, role } = facts
  const owners = [...new Set(allTables(facts).map(({ relation }) => relation.owner))].map(role)
  return owners.flatMap((owner): Problem[] => {
    if (!owner || owner.oid === appRole.oid) return []
    const blind = allTables(facts)
      .filter(({ relation }) => relation.owner === owner.oid)
      .filter((table) => isBlind(owner, table, facts))
    if (blind.length === 0 || catalog.roles.some((each) => migratesFor(owner, each, blind, facts))) return []
    const taken = new Set(catalog.roles.map(({ name }) => name))
    let migrator = 'app_migrator'
    for (let n = 2; taken.has(migrator); n++) migrator = `app_migrator_${n}`
    const schemas = [...new Set(allTables(facts).map(({ relation }) => relation.schema))]
    return [
      {
        object: quoteIdentifier(owner.name),
        detail: `It owns ${listed(blind)}, whose policies hold their owner too, and no role that is above policies can migrate in its place.`,
        fix: tenantRoles({ app: appRole.name, owner: owner.name, migrator, schemas }),
        needsPerson: `Decide who migrates. This makes ${quoteIdentifier(migrator)}, which sees every row and may do what the owner may; give it a password and let migrations log in as it. Is there such a role already, name it in trustedRoles.`,
      },
    ]
  })
}

function migratesFor(owner: Role, role: Role, blind: readonly TableFacts[], facts: Facts): boolean {
  if (!role.login || role.superuser || role.oid === facts.appRole.oid) return false
  const { effective, canBecome } = privilegesOf(role, facts.catalog)
  const member = effective.has(owner.oid) || canBecome.has(owner.oid)
  return member && blind.every((table) => !isBlind(role, table, facts))
}

function isBlind(role: Role, table: TableFacts, facts: Facts): boolean {
  return table.relation.rowSecurity && whyUnlimited(role.oid, table, facts) === undefined
}

function listed(blind: readonly TableFacts[]): string {
  const names = blind.map(({ relation }) => nameOfRelation(relation))
  const shown = names.slice(0, 3).join(', ')
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown
}
