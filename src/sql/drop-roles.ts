import { dollarQuote, quoteLiteral } from './quote.js'
import { revokes } from './role-grants.js'
import { type CheckedRoles, checkRoles, type Role, type TenantRoleNames } from './role-options.js'
import { roleMark } from './roles.js'
import { restoreStatistics } from './statistics.js'

/**
 * SQL that takes back what `tenantRoles` granted in the current database, and drops the roles that it created, where no
 * other database and nothing else needs them. Roles that were there before stay, as does a BYPASSRLS that one of them got.
 *
 * Everybody may then make temporary tables again, and read the statistics again where a superuser runs this, as PostgreSQL
 * has it. A right of everybody to create objects in the
 * schema, which databases from before PostgreSQL 15 had, does not come back.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example dropTenantRoles({ app: 'app_user', migrator: 'app_migrator', bypass: 'app_bypass' })
 * @see https://www.postgresql.org/docs/current/role-removal.html
 */
export function dropTenantRoles(options: TenantRoleNames): string {
  const roles = checkRoles('dropTenantRoles', options)
  const all = [roles.app, roles.bypass, roles.migrator].filter((role) => role !== undefined)
  // An owner's rights are its own.
  const limited = roles.migratorOwns ? all.filter((role) => role !== roles.migrator) : all
  return `${limited.map((role) => takeBack(role, roles)).join('\n')}
DO ${dollarQuote(`
BEGIN
  EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database());
END
`)};

${restoreStatistics()}
${all.map(dropRole).join('\n')}`
}

function takeBack(role: Role, roles: CheckedRoles): string {
  const statements = [...revokes(role, roles)]
  if (role === roles.bypass) {
    statements.push(inDatabase('ALTER ROLE %2$I IN DATABASE %1$I RESET default_transaction_read_only', role))
  }
  if (role === roles.migrator) statements.push(inDatabase('REVOKE TEMPORARY ON DATABASE %1$I FROM %2$I', role))
  return `DO ${dollarQuote(`
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = ${role.literal}) THEN
${statements.map((statement) => `    ${statement}\n`).join('')}  END IF;
END
`)};
`
}

function inDatabase(statement: string, { literal }: Role): string {
  return `EXECUTE format('${statement}', current_database(), ${literal});`
}

function dropRole({ quoted, literal }: Role): string {
  return `DO ${dollarQuote(`
BEGIN
  IF EXISTS (
    SELECT FROM pg_roles WHERE rolname = ${literal} AND shobj_description(oid, 'pg_authid') = ${quoteLiteral(roleMark)}
  ) THEN
    DROP ROLE ${quoted};
  END IF;
EXCEPTION WHEN dependent_objects_still_exist THEN
  RAISE NOTICE 'Role % stays: something still depends on it.', quote_ident(${literal});
END
`)};
`
}
