// Proves what the role SQL says, and that nothing hostile gets into it. live.test.ts proves what it does.
import { expect, test } from 'vitest'
import { dropTenantRoles, tenantRoles } from '../../src/sql/index.js'
import { refused } from './refused.js'

const statistics = `\
-- Statistics count the rows that a policy hides, and so tell values of other tenants. Members of pg_monitor may read them.
DO $tenancy$
DECLARE
  superuser boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
  counting regprocedure;
  kept text[] := '{}';
BEGIN
  FOR counting IN
    SELECT oid FROM pg_proc
    WHERE pronamespace = 'pg_catalog'::regnamespace
      AND proname SIMILAR TO 'pg_stat_get_(xact_|db_|backend_)?(numscans|lastscan|tuples_returned|tuples_fetched|blocks_fetched|blocks_hit|function_%|io)'
      AND has_function_privilege('app_user', oid, 'EXECUTE')
    ORDER BY proname
  LOOP
    IF superuser THEN
      EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC, %I', counting, 'app_user');
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO pg_read_all_stats', counting);
    END IF;
    IF has_function_privilege('app_user', counting, 'EXECUTE') THEN
      kept := kept || counting::text;
    END IF;
  END LOOP;
  IF kept <> '{}' THEN
    RAISE NOTICE 'Role % can still read statistics that count the rows of all tenants, and find out values of other tenants by them.', quote_ident('app_user')
      USING HINT = CASE WHEN superuser
        THEN format('It is a member of a role that may read them, such as pg_monitor: REVOKE pg_monitor FROM %I;', 'app_user')
        ELSE format('Run this as a superuser, or have one run: REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC;', array_to_string(kept, ', '))
      END;
  END IF;
END
$tenancy$;
`

const statisticsAgain = `\
DO $tenancy$
DECLARE
  counting regprocedure;
BEGIN
  FOR counting IN
    SELECT pg_proc.oid FROM pg_proc, aclexplode(proacl)
    WHERE pronamespace = 'pg_catalog'::regnamespace
      AND proname SIMILAR TO 'pg_stat_get_(xact_|db_|backend_)?(numscans|lastscan|tuples_returned|tuples_fetched|blocks_fetched|blocks_hit|function_%|io)'
      AND grantee = 'pg_read_all_stats'::regrole
    ORDER BY proname
  LOOP
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
      RAISE NOTICE 'Statistics stay closed to all but pg_monitor.'
        USING HINT = 'Run this as a superuser to give them back to everybody.';
      EXIT;
    END IF;
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', counting);
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM pg_read_all_stats', counting);
  END LOOP;
END
$tenancy$;
`

test('the app role gets rows and nothing else', () => {
  expect(tenantRoles({ app: 'app_user', owner: 'app_owner' })).toBe(`\
DO $tenancy$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app_user') THEN
    CREATE ROLE "app_user" LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
    COMMENT ON ROLE "app_user" IS 'created by tenancy';
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL; -- Another session created it in this very moment.
END
$tenancy$;

-- A member of a role can SET ROLE to it, so memberships count as much as the role itself.
DO $tenancy$
DECLARE
  way_round name;
BEGIN
  SELECT rolname INTO way_round FROM pg_roles
  WHERE (rolsuper OR rolbypassrls OR rolcreaterole OR rolreplication OR rolname IN ('app_owner'))
    AND pg_has_role('app_user', oid, 'MEMBER')
  ORDER BY rolname <> 'app_user';
  IF FOUND THEN
    RAISE EXCEPTION 'Role % could get round row-level security as %.', quote_ident('app_user'), quote_ident(way_round)
      USING HINT = format(
        'Give the service a role of its own, or take the right away: ALTER ROLE %1$I NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION; or REVOKE %2$I FROM %1$I;',
        'app_user', way_round);
  END IF;
END
$tenancy$;

GRANT USAGE ON SCHEMA "public" TO "app_user";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "public" TO "app_user";
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA "public" TO "app_user";

-- Policies do not cover these.
REVOKE TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES IN SCHEMA "public" FROM "app_user";

-- The same for what later migrations create.
ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" IN SCHEMA "public" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "app_user";
ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" IN SCHEMA "public" GRANT USAGE, SELECT ON SEQUENCES TO "app_user";
ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" IN SCHEMA "public" REVOKE TRUNCATE, REFERENCES, TRIGGER ON TABLES FROM "app_user";

-- What Prisma notes down about migrations is none of the service's business.
DO $tenancy$
BEGIN
  IF to_regclass('"public"."_prisma_migrations"') IS NOT NULL THEN
    REVOKE ALL ON "public"."_prisma_migrations" FROM "app_user";
  END IF;
END
$tenancy$;

REVOKE CREATE ON SCHEMA "public" FROM PUBLIC, "app_user";

-- A temporary table named like a real one would be read in its place, by whoever gets the connection next.
DO $tenancy$
BEGIN
  EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC, %I', current_database(), 'app_user');
  -- A REVOKE of what somebody else granted is only a warning, so look.
  IF has_database_privilege('app_user', current_database(), 'TEMPORARY')
    OR has_schema_privilege('app_user', 'public', 'CREATE') THEN
    RAISE EXCEPTION 'Role % can still create objects.', quote_ident('app_user')
      USING HINT = 'Run this as the owner of the database and of the schema, or as a superuser.';
  END IF;
END
$tenancy$;

${statistics}`)
})

test('the migrator gets all rows and what the owner may, the bypass role reads all rows', () => {
  const schemas = ['public', 'crm']
  const roles = { app: 'app_user', owner: 'app_owner', migrator: 'app_migrator', bypass: 'app_bypass' }
  expect(tenantRoles({ ...roles, schemas, shared: ['plans'] })).toBe(`\
DO $tenancy$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app_user') THEN
    CREATE ROLE "app_user" LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
    COMMENT ON ROLE "app_user" IS 'created by tenancy';
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL; -- Another session created it in this very moment.
END
$tenancy$;

DO $tenancy$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app_migrator') THEN
    CREATE ROLE "app_migrator" LOGIN NOSUPERUSER BYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
    COMMENT ON ROLE "app_migrator" IS 'created by tenancy';
  ELSIF NOT (SELECT rolbypassrls FROM pg_roles WHERE rolname = 'app_migrator') THEN
    ALTER ROLE "app_migrator" BYPASSRLS;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL; -- Another session created it in this very moment.
END
$tenancy$;

DO $tenancy$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app_bypass') THEN
    CREATE ROLE "app_bypass" LOGIN NOSUPERUSER BYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
    COMMENT ON ROLE "app_bypass" IS 'created by tenancy';
  ELSIF NOT (SELECT rolbypassrls FROM pg_roles WHERE rolname = 'app_bypass') THEN
    ALTER ROLE "app_bypass" BYPASSRLS;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL; -- Another session created it in this very moment.
END
$tenancy$;

-- A member of a role can SET ROLE to it, so memberships count as much as the role itself.
DO $tenancy$
DECLARE
  way_round name;
BEGIN
  SELECT rolname INTO way_round FROM pg_roles
  WHERE (rolsuper OR rolbypassrls OR rolcreaterole OR rolreplication OR rolname IN ('app_owner', 'app_migrator', 'app_bypass'))
    AND pg_has_role('app_user', oid, 'MEMBER')
  ORDER BY rolname <> 'app_user';
  IF FOUND THEN
    RAISE EXCEPTION 'Role % could get round row-level security as %.', quote_ident('app_user'), quote_ident(way_round)
      USING HINT = format(
        'Give the service a role of its own, or take the right away: ALTER ROLE %1$I NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION; or REVOKE %2$I FROM %1$I;',
        'app_user', way_round);
  END IF;
END
$tenancy$;

GRANT USAGE ON SCHEMA "public", "crm" TO "app_user";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "public", "crm" TO "app_user";
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA "public", "crm" TO "app_user";

-- Policies do not cover these.
REVOKE TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES IN SCHEMA "public", "crm" FROM "app_user";

-- The same for what later migrations create.
ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" IN SCHEMA "public", "crm" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "app_user";
ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" IN SCHEMA "public", "crm" GRANT USAGE, SELECT ON SEQUENCES TO "app_user";
ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" IN SCHEMA "public", "crm" REVOKE TRUNCATE, REFERENCES, TRIGGER ON TABLES FROM "app_user";

-- The migrator sees and writes the rows of all tenants.
GRANT USAGE ON SCHEMA "public", "crm" TO "app_migrator";
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA "public", "crm" TO "app_migrator";
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA "public", "crm" TO "app_migrator";
ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" IN SCHEMA "public", "crm" GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO "app_migrator";
ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" IN SCHEMA "public", "crm" GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO "app_migrator";

-- Migrations run as the migrator, so it may change what the owner made, and what it makes is granted like the owner's.
DO $tenancy$
DECLARE
  owner name := 'app_owner';
BEGIN
  IF (SELECT rolsuper FROM pg_roles WHERE rolname = owner) THEN
    RETURN; -- A member of a superuser can become one, and a superuser sees all rows itself.
  END IF;
  IF NOT pg_has_role('app_migrator', owner, 'MEMBER') THEN
    EXECUTE format('GRANT %I TO %I', owner, 'app_migrator');
  END IF;
  ALTER DEFAULT PRIVILEGES FOR ROLE "app_migrator" IN SCHEMA "public", "crm" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "app_user";
  ALTER DEFAULT PRIVILEGES FOR ROLE "app_migrator" IN SCHEMA "public", "crm" GRANT USAGE, SELECT ON SEQUENCES TO "app_user";
  ALTER DEFAULT PRIVILEGES FOR ROLE "app_migrator" IN SCHEMA "public", "crm" GRANT SELECT ON TABLES TO "app_bypass";
EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING 'Role % sees all rows, but cannot run migrations: %', quote_ident('app_migrator'), SQLERRM
    USING HINT = format('Run this as a superuser, or have one run: GRANT %I TO %I;', owner, 'app_migrator');
END
$tenancy$;

-- The bypass role reads the rows of all tenants and writes none.
GRANT USAGE ON SCHEMA "public", "crm" TO "app_bypass";
GRANT SELECT ON ALL TABLES IN SCHEMA "public", "crm" TO "app_bypass";
ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" IN SCHEMA "public", "crm" GRANT SELECT ON TABLES TO "app_bypass";
DO $tenancy$
BEGIN
  EXECUTE format('ALTER ROLE %I IN DATABASE %I SET default_transaction_read_only = on', 'app_bypass', current_database());
END
$tenancy$;

-- Every tenant reads these and none writes them.
GRANT SELECT ON "plans" TO "app_user";
REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON "plans" FROM PUBLIC, "app_user";

-- What Prisma notes down about migrations is none of the service's business.
DO $tenancy$
BEGIN
  IF to_regclass('"public"."_prisma_migrations"') IS NOT NULL THEN
    REVOKE ALL ON "public"."_prisma_migrations" FROM "app_user", "app_bypass";
  END IF;
  IF to_regclass('"crm"."_prisma_migrations"') IS NOT NULL THEN
    REVOKE ALL ON "crm"."_prisma_migrations" FROM "app_user", "app_bypass";
  END IF;
END
$tenancy$;

REVOKE CREATE ON SCHEMA "public", "crm" FROM PUBLIC, "app_user";

-- A temporary table named like a real one would be read in its place, by whoever gets the connection next.
DO $tenancy$
BEGIN
  EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC, %I', current_database(), 'app_user');
  EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), 'app_migrator');
  -- A REVOKE of what somebody else granted is only a warning, so look.
  IF has_database_privilege('app_user', current_database(), 'TEMPORARY')
    OR has_schema_privilege('app_user', 'public', 'CREATE')
    OR has_schema_privilege('app_user', 'crm', 'CREATE') THEN
    RAISE EXCEPTION 'Role % can still create objects.', quote_ident('app_user')
      USING HINT = 'Run this as the owner of the database and of the schema, or as a superuser.';
  END IF;
END
$tenancy$;

${statistics}`)
})

test('the reverse takes back what was granted, and drops the roles it created', () => {
  const roles = { app: 'app_user', owner: 'app_owner', migrator: 'app_migrator', bypass: 'app_bypass' }
  expect(dropTenantRoles(roles)).toBe(`\
DO $tenancy$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'app_user') THEN
    ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" IN SCHEMA "public" REVOKE ALL ON TABLES FROM "app_user";
    ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" IN SCHEMA "public" REVOKE ALL ON SEQUENCES FROM "app_user";
    ALTER DEFAULT PRIVILEGES FOR ROLE "app_migrator" IN SCHEMA "public" REVOKE ALL ON TABLES FROM "app_user";
    ALTER DEFAULT PRIVILEGES FOR ROLE "app_migrator" IN SCHEMA "public" REVOKE ALL ON SEQUENCES FROM "app_user";
    REVOKE ALL ON ALL TABLES IN SCHEMA "public" FROM "app_user";
    REVOKE ALL ON ALL SEQUENCES IN SCHEMA "public" FROM "app_user";
    REVOKE ALL ON SCHEMA "public" FROM "app_user";
  END IF;
END
$tenancy$;

DO $tenancy$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'app_bypass') THEN
    ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" IN SCHEMA "public" REVOKE ALL ON TABLES FROM "app_bypass";
    ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" IN SCHEMA "public" REVOKE ALL ON SEQUENCES FROM "app_bypass";
    ALTER DEFAULT PRIVILEGES FOR ROLE "app_migrator" IN SCHEMA "public" REVOKE ALL ON TABLES FROM "app_bypass";
    ALTER DEFAULT PRIVILEGES FOR ROLE "app_migrator" IN SCHEMA "public" REVOKE ALL ON SEQUENCES FROM "app_bypass";
    REVOKE ALL ON ALL TABLES IN SCHEMA "public" FROM "app_bypass";
    REVOKE ALL ON ALL SEQUENCES IN SCHEMA "public" FROM "app_bypass";
    REVOKE ALL ON SCHEMA "public" FROM "app_bypass";
    EXECUTE format('ALTER ROLE %2$I IN DATABASE %1$I RESET default_transaction_read_only', current_database(), 'app_bypass');
  END IF;
END
$tenancy$;

DO $tenancy$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'app_migrator') THEN
    ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" IN SCHEMA "public" REVOKE ALL ON TABLES FROM "app_migrator";
    ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" IN SCHEMA "public" REVOKE ALL ON SEQUENCES FROM "app_migrator";
    ALTER DEFAULT PRIVILEGES FOR ROLE "app_migrator" IN SCHEMA "public" REVOKE ALL ON TABLES FROM "app_migrator";
    ALTER DEFAULT PRIVILEGES FOR ROLE "app_migrator" IN SCHEMA "public" REVOKE ALL ON SEQUENCES FROM "app_migrator";
    REVOKE ALL ON ALL TABLES IN SCHEMA "public" FROM "app_migrator";
    REVOKE ALL ON ALL SEQUENCES IN SCHEMA "public" FROM "app_migrator";
    REVOKE ALL ON SCHEMA "public" FROM "app_migrator";
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %1$I FROM %2$I', current_database(), 'app_migrator');
  END IF;
END
$tenancy$;

DO $tenancy$
BEGIN
  EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database());
END
$tenancy$;

${statisticsAgain}
DO $tenancy$
BEGIN
  IF EXISTS (
    SELECT FROM pg_roles WHERE rolname = 'app_user' AND shobj_description(oid, 'pg_authid') = 'created by tenancy'
  ) THEN
    DROP ROLE "app_user";
  END IF;
EXCEPTION WHEN dependent_objects_still_exist THEN
  RAISE NOTICE 'Role % stays: something still depends on it.', quote_ident('app_user');
END
$tenancy$;

DO $tenancy$
BEGIN
  IF EXISTS (
    SELECT FROM pg_roles WHERE rolname = 'app_bypass' AND shobj_description(oid, 'pg_authid') = 'created by tenancy'
  ) THEN
    DROP ROLE "app_bypass";
  END IF;
EXCEPTION WHEN dependent_objects_still_exist THEN
  RAISE NOTICE 'Role % stays: something still depends on it.', quote_ident('app_bypass');
END
$tenancy$;

DO $tenancy$
BEGIN
  IF EXISTS (
    SELECT FROM pg_roles WHERE rolname = 'app_migrator' AND shobj_description(oid, 'pg_authid') = 'created by tenancy'
  ) THEN
    DROP ROLE "app_migrator";
  END IF;
EXCEPTION WHEN dependent_objects_still_exist THEN
  RAISE NOTICE 'Role % stays: something still depends on it.', quote_ident('app_migrator');
END
$tenancy$;
`)
})

test('without an owner, the role that runs the SQL is the one whose tables are granted', () => {
  const sql = tenantRoles({ app: 'app_user', schema: 'crm' })
  expect(sql).toContain('\nALTER DEFAULT PRIVILEGES IN SCHEMA "crm" GRANT SELECT')
  expect(sql).toContain('OR rolname IN (current_user))')
})

test('where the host forbids BYPASSRLS, no role gets it', () => {
  const sql = tenantRoles({ app: 'app_user', migrator: 'app_migrator', bypass: 'app_bypass', bypassRls: false })
  expect(sql.match(/(NO)?BYPASSRLS NOCREATEDB/g)).toEqual(Array(3).fill('NOBYPASSRLS NOCREATEDB'))
  expect(sql).not.toContain('ELSIF')
})

test('a migrator that is the owner is granted nothing that it has', () => {
  const sql = tenantRoles({ app: 'app_user', owner: 'app_owner', migrator: 'app_owner' })
  expect(sql).not.toMatch(/GRANT .* TO "app_owner"/)
  expect(sql).toContain('ALTER ROLE "app_owner" BYPASSRLS;')
})

test('with publicStatistics the statistics are left alone', () => {
  const sql = tenantRoles({ app: 'app_user' })
  expect(`${tenantRoles({ app: 'app_user', publicStatistics: true })}\n${statistics}`).toBe(sql)
})

test('a password appears only where one was given, as a literal', () => {
  expect(tenantRoles({ app: 'app_user' })).not.toContain('PASSWORD')
  expect(tenantRoles({ app: 'app_user', password: "it's\\" })).toContain(
    `\nALTER ROLE "app_user" PASSWORD E'it''s\\\\';\n`,
  )
})

test('a role name that contains the dollar quotes cannot close them', () => {
  const sql = tenantRoles({ app: 'x$tenancy$; DROP TABLE y; --' })
  expect(sql.match(/DO \$\w+\$/g)).toEqual(Array(5).fill('DO $tenancy1$'))
})

test.each(['public', 'none', 'pg_monitor'])('the role %s is refused: PostgreSQL would read something else', (name) => {
  for (const options of [{ app: name }, { app: 'app_user', owner: name }]) {
    expect(refused(() => tenantRoles(options))).toEqual({
      code: 'SQL.INVALID_IDENTIFIER',
      message: expect.stringContaining(`The role name "${name}" is reserved by PostgreSQL.`),
      hint: "Choose another, such as 'app_user'.",
    })
  }
})

test.each([
  [
    undefined,
    'The options of tenantRoles are undefined.',
    'Pass an object with any of: app, owner, migrator, bypass, schema, schemas, bypassRls, shared, publicStatistics, password.',
  ],
  [
    { app: 'a', role: 'b' },
    'tenantRoles has no option "role".',
    'Use one of: app, owner, migrator, bypass, schema, schemas, bypassRls, shared, publicStatistics, password.',
  ],
  [
    { app: 'a', owner: 'a' },
    'The app role and the owner are both "a".',
    'Use two roles: the owner of a table can switch its policies off.',
  ],
  [
    { app: 'a', migrator: 'a' },
    'Two of the roles have the same name.',
    'Give app, migrator and bypass a name each; only the migrator may be the owner.',
  ],
  [
    { app: 'a', owner: 'o', bypass: 'o' },
    'Two of the roles have the same name.',
    'Give app, migrator and bypass a name each; only the migrator may be the owner.',
  ],
  [{ app: 'a', schema: 'b', schemas: ['c'] }, 'schema and schemas are both given.', 'List them all in schemas.'],
  [
    { app: 'a', schemas: [] },
    'The option schemas is an empty list.',
    "List at least one, such as schemas: ['public'].",
  ],
  [{ app: 'a', shared: 'plans' }, 'The option shared is "plans".', "List the tables, such as shared: ['plans']."],
  [{ app: 'a', bypassRls: 1 }, 'The option bypassRls is the number 1.', 'Write bypassRls: true or bypassRls: false.'],
  [
    { app: 'a', publicStatistics: 'no' },
    'The option publicStatistics is "no".',
    'Write publicStatistics: true or publicStatistics: false.',
  ],
  [{ app: 'a', password: '' }, 'The option password is not a text or is empty.', 'Leave it out to set none.'],
  [{ app: 'a', password: 1234 }, 'The option password is not a text or is empty.', 'Leave it out to set none.'],
])('the options %j are refused with a hint', (options, message, hint) => {
  expect(refused(() => tenantRoles(options as never))).toEqual({ code: 'CONFIG.INVALID', message, hint })
})

test.each([{}, { app: '' }, { app: 'a', owner: '' }, { app: 'a', schema: null }, { app: 'a'.repeat(64) }])(
  'the name in %j is refused',
  (options) => {
    expect(refused(() => tenantRoles(options as never)).code).toBe('SQL.INVALID_IDENTIFIER')
  },
)
