import { TenancyError } from '../errors.js'
import { showValue } from '../show-value.js'
import { checkOptions, invalidOption } from './options.js'
import { checkIdentifier, dollarQuote, quoteIdentifier, quoteLiteral } from './quote.js'

export interface TenantRolesOptions {
  /** The role that the service logs in with. Created where it does not exist. */
  app: string
  /**
   * The role that creates the tables, in migrations: what it adds later is granted too. It must exist. Default: the role
   * that runs the SQL.
   */
  owner?: string | undefined
  /** The schema with the tables. Default `'public'`. */
  schema?: string | undefined
  /**
   * The app role's password, or a `SCRAM-SHA-256$…` verifier, which PostgreSQL takes as it is. Default: none is set. It
   * stands in the SQL in clear text; `\password` of psql keeps it out of files and logs.
   */
  password?: string | undefined
}

/**
 * SQL that creates the app role and grants it rows, nothing else: no table of its own, no TRUNCATE (policies do not cover
 * it), no REFERENCES, no TRIGGER, no new objects in the schema, no temporary tables. Running it again changes nothing.
 *
 * Two of the statements reach further: nobody but owners and those granted it by name can then create objects in the
 * schema, or temporary tables in the current database. Run it as the owner of the database or as a superuser.
 *
 * It raises an exception where the app role could get round the policies: an existing role that is SUPERUSER, BYPASSRLS,
 * CREATEROLE, REPLICATION or the owner, or that is a member of such a role. Run it in one transaction, so that nothing is
 * granted then: as one text, or with `psql -1 -v ON_ERROR_STOP=1 -f`.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example tenantRoles({ app: 'app_user', owner: 'migrator' })
 * @see https://www.postgresql.org/docs/current/sql-createrole.html
 */
export function tenantRoles(options: TenantRolesOptions): string {
  checkOptions('tenantRoles', options, ['app', 'owner', 'schema', 'password'])
  const { owner, schema = 'public', password } = options
  const app = quoteRole(options.app)
  const appName = quoteLiteral(options.app)
  const inSchema = `IN SCHEMA ${quoteIdentifier(schema)}`
  if (owner === options.app) {
    throw invalidOption(
      `The app role and the owner are both ${showValue(owner)}`,
      'Use two roles: the owner of a table can switch its policies off.',
    )
  }
  const forOwner = `ALTER DEFAULT PRIVILEGES${owner === undefined ? '' : ` FOR ROLE ${quoteRole(owner)}`} ${inSchema}`
  const setPassword = password === undefined ? '' : `ALTER ROLE ${app} PASSWORD ${quotePassword(password)};\n\n`

  return `DO ${dollarQuote(`
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${appName}) THEN
    CREATE ROLE ${app} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL; -- Another session created it in this very moment.
END
`)};

${refuseWaysRound(appName, owner === undefined ? 'current_user' : quoteLiteral(owner))}
${setPassword}GRANT USAGE ON SCHEMA ${quoteIdentifier(schema)} TO ${app};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES ${inSchema} TO ${app};
GRANT USAGE, SELECT ON ALL SEQUENCES ${inSchema} TO ${app};

-- Policies do not cover these.
REVOKE TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES ${inSchema} FROM ${app};

-- The same for what later migrations create.
${forOwner} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${app};
${forOwner} GRANT USAGE, SELECT ON SEQUENCES TO ${app};
${forOwner} REVOKE TRUNCATE, REFERENCES, TRIGGER ON TABLES FROM ${app};

REVOKE CREATE ON SCHEMA ${quoteIdentifier(schema)} FROM PUBLIC, ${app};

${revokeTemporary(appName, quoteLiteral(schema))}`
}

function refuseWaysRound(appName: string, ownerName: string): string {
  return `-- A member of a role can SET ROLE to it, so memberships count as much as the role itself.
DO ${dollarQuote(`
DECLARE
  way_round name;
BEGIN
  SELECT rolname INTO way_round FROM pg_roles
  WHERE (rolsuper OR rolbypassrls OR rolcreaterole OR rolreplication OR rolname = ${ownerName})
    AND pg_has_role(${appName}, oid, 'MEMBER')
  ORDER BY rolname <> ${appName};
  IF FOUND THEN
    RAISE EXCEPTION 'Role % could get round row-level security as %.', quote_ident(${appName}), quote_ident(way_round)
      USING HINT = format(
        'Give the service a role of its own, or take the right away: ALTER ROLE %1$I NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION; or REVOKE %2$I FROM %1$I;',
        ${appName}, way_round);
  END IF;
END
`)};
`
}

function revokeTemporary(appName: string, schemaName: string): string {
  return `-- A temporary table named like a real one would be read in its place, by whoever gets the connection next.
DO ${dollarQuote(`
BEGIN
  EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC, %I', current_database(), ${appName});
  -- A REVOKE of what somebody else granted is only a warning, so look.
  IF has_database_privilege(${appName}, current_database(), 'TEMPORARY')
    OR has_schema_privilege(${appName}, ${schemaName}, 'CREATE') THEN
    RAISE EXCEPTION 'Role % can still create objects.', quote_ident(${appName})
      USING HINT = 'Run this as the owner of the database and of the schema, or as a superuser.';
  END IF;
END
`)};
`
}

/** PostgreSQL reads `public` and `none` as keywords in the place of a role, quoted or not: a grant to everybody. */
function quoteRole(name: string): string {
  const reserved = checkIdentifier(name) === 'public' || name === 'none' || name.startsWith('pg_')
  if (!reserved) return quoteIdentifier(name)
  throw new TenancyError('SQL.INVALID_IDENTIFIER', `The role name ${showValue(name)} is reserved by PostgreSQL.`, {
    hint: "Choose another, such as 'app_user'.",
    docsUrl: 'https://www.postgresql.org/docs/current/sql-createrole.html',
  })
}

function quotePassword(password: unknown): string {
  if (typeof password === 'string' && password !== '') return quoteLiteral(password)
  throw invalidOption('The option password is not a text or is empty', 'Leave it out to set none.')
}
