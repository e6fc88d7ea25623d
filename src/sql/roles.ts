import { showValue } from '../show-value.js'
import { checkFlag, invalidOption } from './options.js'
import { dollarQuote, quoteIdentifier, quoteLiteral, type TableName } from './quote.js'
import { alterDefaults, grantsLater, grantsNow, type RoleKind } from './role-grants.js'
import { refuseWaysRound, revokeTemporary } from './role-guards.js'
import { type CheckedRoles, checkRoles, type Role, type TenantRolesOptions } from './role-options.js'
import { sharedTable } from './shared-table.js'
import { revokeStatistics } from './statistics.js'

/** On roles that this SQL created, so that the reverse drops no other. */
export const roleMark = 'created by tenancy'

/**
 * SQL that creates the roles of a service, where they do not exist, and grants them what they need. Running it again
 * changes nothing.
 *
 * - *app* gets rows and nothing else: no table of its own, no TRUNCATE (policies do not cover it), no REFERENCES, no
 *   TRIGGER, no new objects in the schema, no temporary tables.
 * - *migrator* sees and writes all rows, by BYPASSRLS, and may do what the owner may: migrations, seeds, dumps and
 *   restores run as it. An owner without BYPASSRLS sees no row, since the policies are forced on it.
 * - *bypass* reads all rows, by BYPASSRLS, in transactions that are read-only.
 *
 * Some of the statements reach further: nobody but owners and those granted it by name can then create objects in the
 * schema, or temporary tables in the current database; and where a superuser runs it, nobody but members of `pg_monitor`
 * can read the statistics of this database that count rows, which tell values of other tenants. Without a superuser these
 * stay readable, and a NOTICE says so. Run it as a superuser, or as the owner of the database with
 * CREATEROLE (and BYPASSRLS, where it is to give that). Prisma's `_prisma_migrations` is kept from app and bypass.
 *
 * It raises an exception where the app role could get round the policies: an existing role that is SUPERUSER, BYPASSRLS,
 * CREATEROLE, REPLICATION or the owner, or that is a member of such a role. Run it in one transaction, so that nothing is
 * granted then: as one text, or with `psql -1 -v ON_ERROR_STOP=1 -f`.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example tenantRoles({ app: 'app_user', migrator: 'app_migrator', bypass: 'app_bypass', schemas: ['public', 'crm'] })
 * @see https://www.postgresql.org/docs/current/sql-createrole.html
 */
export function tenantRoles(options: TenantRolesOptions): string {
  const roles = checkRoles('tenantRoles', options, ['bypassRls', 'shared', 'publicStatistics', 'password'])
  const { app, migrator, bypass } = roles
  const { password, shared = [], publicStatistics = false } = options
  if (!Array.isArray(shared)) {
    throw invalidOption(`The option shared is ${showValue(shared)}`, "List the tables, such as shared: ['plans'].")
  }
  const sections = [
    createRole(app, 'NOBYPASSRLS', false),
    ...(migrator ? [createRole(migrator, ...sightOf(roles))] : []),
    ...(bypass ? [createRole(bypass, ...sightOf(roles))] : []),
    refuseWaysRound(roles),
    ...(password === undefined ? [] : [`ALTER ROLE ${app.quoted} PASSWORD ${quotePassword(password)};\n`]),
    grantApp(roles),
    ...(migrator && !roles.migratorOwns ? [grantMigrator(migrator, roles)] : []),
    ...(bypass ? [grantBypass(bypass, roles)] : []),
    ...(shared.length === 0 ? [] : [shareTables(shared, options.app)]),
    keepMigrationsTable(roles),
    revokeCreate(roles),
    revokeTemporary(roles),
    ...(checkFlag('publicStatistics', publicStatistics) ? [] : [revokeStatistics(roles)]),
  ]
  return sections.join('\n')
}

function sightOf({ bypassRls }: CheckedRoles): [attribute: string, alter: boolean] {
  return bypassRls ? ['BYPASSRLS', true] : ['NOBYPASSRLS', false]
}

function createRole({ quoted, literal }: Role, bypass: string, alter: boolean): string {
  const orAlter = `  ELSIF NOT (SELECT rolbypassrls FROM pg_roles WHERE rolname = ${literal}) THEN
    ALTER ROLE ${quoted} ${bypass};
`
  return `DO ${dollarQuote(`
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${literal}) THEN
    CREATE ROLE ${quoted} LOGIN NOSUPERUSER ${bypass} NOCREATEDB NOCREATEROLE NOREPLICATION;
    COMMENT ON ROLE ${quoted} IS ${quoteLiteral(roleMark)};
${alter ? orAlter : ''}  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL; -- Another session created it in this very moment.
END
`)};
`
}

function grantApp(roles: CheckedRoles): string {
  const { app, inSchemas } = roles
  return `${lines(grantsNow('app', app, roles))}
-- Policies do not cover these.
REVOKE TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES ${inSchemas} FROM ${app.quoted};

-- The same for what later migrations create.
${lines(grantsLater('app', app, roles))}${alterDefaults(roles, roles.owner)} REVOKE TRUNCATE, REFERENCES, TRIGGER ON TABLES FROM ${app.quoted};
`
}

function grantMigrator(migrator: Role, roles: CheckedRoles): string {
  const grants = `-- The migrator sees and writes the rows of all tenants.\n${lines(grantsNow('migrator', migrator, roles))}`
  const others = (
    [
      ['app', roles.app],
      ['bypass', roles.bypass],
    ] as const
  ).flatMap(([kind, role]: readonly [RoleKind, Role | undefined]) =>
    role ? grantsLater(kind, role, roles, migrator) : [],
  )
  return `${grants}${lines(grantsLater('migrator', migrator, roles))}
-- Migrations run as the migrator, so it may change what the owner made, and what it makes is granted like the owner's.
DO ${dollarQuote(`
DECLARE
  owner name := ${roles.owner?.literal ?? 'current_user'};
BEGIN
  IF (SELECT rolsuper FROM pg_roles WHERE rolname = owner) THEN
    RETURN; -- A member of a superuser can become one, and a superuser sees all rows itself.
  END IF;
  IF NOT pg_has_role(${migrator.literal}, owner, 'MEMBER') THEN
    EXECUTE format('GRANT %I TO %I', owner, ${migrator.literal});
  END IF;
${lines(others, '  ')}EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING 'Role % sees all rows, but cannot run migrations: %', quote_ident(${migrator.literal}), SQLERRM
    USING HINT = format('Run this as a superuser, or have one run: GRANT %I TO %I;', owner, ${migrator.literal});
END
`)};
`
}

function grantBypass(bypass: Role, roles: CheckedRoles): string {
  return `-- The bypass role reads the rows of all tenants and writes none.
${lines(grantsNow('bypass', bypass, roles))}${lines(grantsLater('bypass', bypass, roles))}DO ${dollarQuote(`
BEGIN
  EXECUTE format('ALTER ROLE %I IN DATABASE %I SET default_transaction_read_only = on', ${bypass.literal}, current_database());
END
`)};
`
}

function shareTables(tables: readonly TableName[], app: string): string {
  const each = tables.map((table) => sharedTable(table, { app }))
  return `-- Every tenant reads these and none writes them.\n${each.join('')}`
}

function keepMigrationsTable({ app, bypass, schemas }: CheckedRoles): string {
  const from = bypass ? `${app.quoted}, ${bypass.quoted}` : app.quoted
  const revokes = schemas.map((schema) => {
    const table = `${quoteIdentifier(schema)}."_prisma_migrations"`
    return `  IF to_regclass(${quoteLiteral(table)}) IS NOT NULL THEN
    REVOKE ALL ON ${table} FROM ${from};
  END IF;
`
  })
  return `-- What Prisma notes down about migrations is none of the service's business.
DO ${dollarQuote(`\nBEGIN\n${revokes.join('')}END\n`)};
`
}

function revokeCreate({ app, inSchemas }: CheckedRoles): string {
  return `REVOKE CREATE ON ${inSchemas.replace('IN ', '')} FROM PUBLIC, ${app.quoted};\n`
}

function lines(statements: readonly string[], indent = ''): string {
  return statements.map((statement) => `${indent}${statement}\n`).join('')
}

function quotePassword(password: unknown): string {
  if (typeof password === 'string' && password !== '') return quoteLiteral(password)
  throw invalidOption('The option password is not a text or is empty', 'Leave it out to set none.')
}
