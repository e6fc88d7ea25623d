// Proves what the role SQL says, and that nothing hostile gets into it. live.test.ts proves what it does.
import { expect, test } from 'vitest'
import { tenantRoles } from '../../src/sql/index.js'
import { refused } from './refused.js'

test('the app role gets rows and nothing else', () => {
  expect(tenantRoles({ app: 'app_user', owner: 'migrator' })).toBe(`\
DO $tenancy$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app_user') THEN
    CREATE ROLE "app_user" LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
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
  WHERE (rolsuper OR rolbypassrls OR rolcreaterole OR rolreplication OR rolname = 'migrator')
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
ALTER DEFAULT PRIVILEGES FOR ROLE "migrator" IN SCHEMA "public" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "app_user";
ALTER DEFAULT PRIVILEGES FOR ROLE "migrator" IN SCHEMA "public" GRANT USAGE, SELECT ON SEQUENCES TO "app_user";
ALTER DEFAULT PRIVILEGES FOR ROLE "migrator" IN SCHEMA "public" REVOKE TRUNCATE, REFERENCES, TRIGGER ON TABLES FROM "app_user";

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
`)
})

test('without an owner, the role that runs the SQL is the one whose tables are granted', () => {
  const sql = tenantRoles({ app: 'app_user', schema: 'crm' })
  expect(sql).toContain('\nALTER DEFAULT PRIVILEGES IN SCHEMA "crm" GRANT SELECT')
  expect(sql).toContain('OR rolname = current_user)')
})

test('a password appears only where one was given, as a literal', () => {
  expect(tenantRoles({ app: 'app_user' })).not.toContain('PASSWORD')
  expect(tenantRoles({ app: 'app_user', password: "it's\\" })).toContain(
    `\nALTER ROLE "app_user" PASSWORD E'it''s\\\\';\n`,
  )
})

test('a role name that contains the dollar quotes cannot close them', () => {
  const sql = tenantRoles({ app: 'x$tenancy$; DROP TABLE y; --' })
  expect(sql.match(/DO \$\w+\$/g)).toEqual(['DO $tenancy1$', 'DO $tenancy1$', 'DO $tenancy1$'])
})

test.each(['public', 'none', 'pg_monitor'])('the role %s is refused: PostgreSQL would read something else', (name) => {
  for (const options of [{ app: name }, { app: 'app_user', owner: name }]) {
    expect(refused(() => tenantRoles(options))).toEqual({
      code: 'SQL.INVALID_IDENTIFIER',
      message: `The role name "${name}" is reserved by PostgreSQL.`,
      hint: "Choose another, such as 'app_user'.",
    })
  }
})

test.each([
  [undefined, 'The options of tenantRoles are undefined.', 'Pass an object with any of: app, owner, schema, password.'],
  [{ app: 'a', role: 'b' }, 'tenantRoles has no option "role".', 'Use one of: app, owner, schema, password.'],
  [
    { app: 'a', owner: 'a' },
    'The app role and the owner are both "a".',
    'Use two roles: the owner of a table can switch its policies off.',
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
