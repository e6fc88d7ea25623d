-- Roles app_user, app_migrator and app_bypass
-- tenancy: roles 9fac9e48
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
  WHERE (rolsuper OR rolbypassrls OR rolcreaterole OR rolreplication OR rolname IN (current_user, 'app_migrator', 'app_bypass'))
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
ALTER DEFAULT PRIVILEGES IN SCHEMA "public" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "app_user";
ALTER DEFAULT PRIVILEGES IN SCHEMA "public" GRANT USAGE, SELECT ON SEQUENCES TO "app_user";
ALTER DEFAULT PRIVILEGES IN SCHEMA "public" REVOKE TRUNCATE, REFERENCES, TRIGGER ON TABLES FROM "app_user";

-- The migrator sees and writes the rows of all tenants.
GRANT USAGE ON SCHEMA "public" TO "app_migrator";
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA "public" TO "app_migrator";
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA "public" TO "app_migrator";
ALTER DEFAULT PRIVILEGES IN SCHEMA "public" GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO "app_migrator";
ALTER DEFAULT PRIVILEGES IN SCHEMA "public" GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO "app_migrator";

-- Migrations run as the migrator, so it may change what the owner made, and what it makes is granted like the owner's.
DO $tenancy$
DECLARE
  owner name := current_user;
BEGIN
  IF (SELECT rolsuper FROM pg_roles WHERE rolname = owner) THEN
    RETURN; -- A member of a superuser can become one, and a superuser sees all rows itself.
  END IF;
  IF NOT pg_has_role('app_migrator', owner, 'MEMBER') THEN
    EXECUTE format('GRANT %I TO %I', owner, 'app_migrator');
  END IF;
  ALTER DEFAULT PRIVILEGES FOR ROLE "app_migrator" IN SCHEMA "public" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "app_user";
  ALTER DEFAULT PRIVILEGES FOR ROLE "app_migrator" IN SCHEMA "public" GRANT USAGE, SELECT ON SEQUENCES TO "app_user";
  ALTER DEFAULT PRIVILEGES FOR ROLE "app_migrator" IN SCHEMA "public" GRANT SELECT ON TABLES TO "app_bypass";
EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING 'Role % sees all rows, but cannot run migrations: %', quote_ident('app_migrator'), SQLERRM
    USING HINT = format('Run this as a superuser, or have one run: GRANT %I TO %I;', owner, 'app_migrator');
END
$tenancy$;

-- The bypass role reads the rows of all tenants and writes none.
GRANT USAGE ON SCHEMA "public" TO "app_bypass";
GRANT SELECT ON ALL TABLES IN SCHEMA "public" TO "app_bypass";
ALTER DEFAULT PRIVILEGES IN SCHEMA "public" GRANT SELECT ON TABLES TO "app_bypass";
DO $tenancy$
BEGIN
  EXECUTE format('ALTER ROLE %I IN DATABASE %I SET default_transaction_read_only = on', 'app_bypass', current_database());
END
$tenancy$;

-- What Prisma notes down about migrations is none of the service's business.
DO $tenancy$
BEGIN
  IF to_regclass('"public"."_prisma_migrations"') IS NOT NULL THEN
    REVOKE ALL ON "public"."_prisma_migrations" FROM "app_user", "app_bypass";
  END IF;
END
$tenancy$;

REVOKE CREATE ON SCHEMA "public" FROM PUBLIC, "app_user";

-- A temporary table named like a real one would be read in its place, by whoever gets the connection next.
DO $tenancy$
BEGIN
  EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC, %I', current_database(), 'app_user');
  EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), 'app_migrator');
  -- A REVOKE of what somebody else granted is only a warning, so look.
  IF has_database_privilege('app_user', current_database(), 'TEMPORARY')
    OR has_schema_privilege('app_user', 'public', 'CREATE') THEN
    RAISE EXCEPTION 'Role % can still create objects.', quote_ident('app_user')
      USING HINT = 'Run this as the owner of the database and of the schema, or as a superuser.';
  END IF;
END
$tenancy$;

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

-- Plan is read by every tenant and written by none
-- tenancy: shared "plans" 88756f85
GRANT SELECT ON "plans" TO "app_user";
REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON "plans" FROM PUBLIC, "app_user";

-- Company is read by every tenant and written by none
-- tenancy: shared "companies" 14ac2755
GRANT SELECT ON "companies" TO "app_user";
REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON "companies" FROM PUBLIC, "app_user";

-- Default of the tenant column of User
-- tenancy: default "users" 2f5e0172
-- A row that names no tenant belongs to the one in scope.
ALTER TABLE "users" ALTER COLUMN "company_id" SET DEFAULT nullif(current_setting('app.tenant_id', true), '')::uuid;

-- Default of the tenant column of Project
-- tenancy: default "projects" 497b705b
-- A row that names no tenant belongs to the one in scope.
ALTER TABLE "projects" ALTER COLUMN "company_id" SET DEFAULT nullif(current_setting('app.tenant_id', true), '')::uuid;

-- Tenant column of Task
-- tenancy: column "tasks" a432498b
-- Without a default here: with one, every row would be rewritten under an exclusive lock.
ALTER TABLE "tasks" ADD COLUMN IF NOT EXISTS "company_id" uuid;
-- A row that names no tenant belongs to the one in scope.
ALTER TABLE "tasks" ALTER COLUMN "company_id" SET DEFAULT nullif(current_setting('app.tenant_id', true), '')::uuid;

-- Default of the tenant column of Tag
-- tenancy: default "tags" 6b1eae28
-- A row that names no tenant belongs to the one in scope.
ALTER TABLE "tags" ALTER COLUMN "company_id" SET DEFAULT nullif(current_setting('app.tenant_id', true), '')::uuid;

-- Tenants of the rows of Task
-- tenancy: backfill "tasks" 9cdc3b31
UPDATE "tasks" AS "child" SET "company_id" = (SELECT "parent"."company_id" FROM "projects" AS "parent" WHERE "parent"."id" = "child"."project_id") WHERE "child"."company_id" IS NULL;

-- Every row of Task has a tenant
-- tenancy: required "tasks" 615a9727
ALTER TABLE "tasks" ALTER COLUMN "company_id" SET NOT NULL;

-- Unique index users_company_id_email_key
-- tenancy: unique index "users" "users_company_id_email_key" 64c6cf3d
CREATE UNIQUE INDEX IF NOT EXISTS "users_company_id_email_key" ON "users" ("company_id", "email");

-- Unique index users_company_id_id_key
-- tenancy: unique index "users" "users_company_id_id_key" 8399d7ef
CREATE UNIQUE INDEX IF NOT EXISTS "users_company_id_id_key" ON "users" ("company_id", "id");

-- Unique index projects_company_id_id_key
-- tenancy: unique index "projects" "projects_company_id_id_key" 8137ab3e
CREATE UNIQUE INDEX IF NOT EXISTS "projects_company_id_id_key" ON "projects" ("company_id", "id");

-- Index projects_company_id_created_at_idx
-- tenancy: index "projects" "projects_company_id_created_at_idx" ec79c942
CREATE INDEX IF NOT EXISTS "projects_company_id_created_at_idx" ON "projects" ("company_id", "created_at");

-- Unique index tasks_company_id_id_key
-- tenancy: unique index "tasks" "tasks_company_id_id_key" 6e83fa29
CREATE UNIQUE INDEX IF NOT EXISTS "tasks_company_id_id_key" ON "tasks" ("company_id", "id");

-- Index tags_company_id_id_idx
-- tenancy: index "tags" "tags_company_id_id_idx" 88a09aac
CREATE INDEX IF NOT EXISTS "tags_company_id_id_idx" ON "tags" ("company_id", "id");

-- Rows of Task keep their tenant when a relation is taken away
-- tenancy: keep tenant "tasks" 86d1ec79
CREATE SCHEMA IF NOT EXISTS "tenancy";
CREATE OR REPLACE FUNCTION "tenancy"."keep_company_id_trigger"() RETURNS trigger LANGUAGE plpgsql AS $tenancy$
BEGIN
  NEW."company_id" := OLD."company_id";
  RETURN NEW;
END
$tenancy$;

-- Emptying a foreign key empties its tenant too, and a row without a tenant is nobody's.
CREATE OR REPLACE TRIGGER "keep_tenant" BEFORE UPDATE OF "company_id" ON "tasks"
  FOR EACH ROW WHEN (NEW."company_id" IS NULL) EXECUTE FUNCTION "tenancy"."keep_company_id_trigger"();

-- Foreign key tasks_company_id_project_id_fkey
-- tenancy: foreign key "tasks" "tasks_company_id_project_id_fkey" 9ac33942
ALTER TABLE "tasks" DROP CONSTRAINT IF EXISTS "tasks_company_id_project_id_fkey", ADD CONSTRAINT "tasks_company_id_project_id_fkey"
  FOREIGN KEY ("company_id", "project_id") REFERENCES "projects" ("company_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "tasks" DROP CONSTRAINT IF EXISTS "tasks_project_id_fkey";

-- Foreign key tasks_company_id_assignee_id_fkey
-- tenancy: foreign key "tasks" "tasks_company_id_assignee_id_fkey" 32fc0340
ALTER TABLE "tasks" DROP CONSTRAINT IF EXISTS "tasks_company_id_assignee_id_fkey", ADD CONSTRAINT "tasks_company_id_assignee_id_fkey"
  FOREIGN KEY ("company_id", "assignee_id") REFERENCES "users" ("company_id", "id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "tasks" DROP CONSTRAINT IF EXISTS "tasks_assignee_id_fkey";

-- Foreign key tasks_company_id_parent_id_fkey
-- tenancy: foreign key "tasks" "tasks_company_id_parent_id_fkey" f53d313c
ALTER TABLE "tasks" DROP CONSTRAINT IF EXISTS "tasks_company_id_parent_id_fkey", ADD CONSTRAINT "tasks_company_id_parent_id_fkey"
  FOREIGN KEY ("company_id", "parent_id") REFERENCES "tasks" ("company_id", "id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "tasks" DROP CONSTRAINT IF EXISTS "tasks_parent_id_fkey";

-- users_email_key goes: it tells one tenant what another one has
-- tenancy: drop unique "users" "users_email_key" 4d34c336
DROP INDEX IF EXISTS "users_email_key";

-- Policy of User
-- tenancy: policy "users" 99f7e2dc
-- Without a tenant the comparison is NULL: no row is visible and none can be written.
DROP POLICY IF EXISTS "tenant_isolation" ON "users";
CREATE POLICY "tenant_isolation" ON "users"
  AS PERMISSIVE FOR ALL TO PUBLIC
  USING ("company_id" = nullif(current_setting('app.tenant_id', true), '')::uuid)
  WITH CHECK ("company_id" = nullif(current_setting('app.tenant_id', true), '')::uuid);
COMMENT ON POLICY "tenant_isolation" ON "users" IS 'tenancy 38dfae09';
ALTER TABLE "users" ENABLE ROW LEVEL SECURITY;
-- The owner of a table skips its policies unless they are forced.
ALTER TABLE "users" FORCE ROW LEVEL SECURITY;

-- Policy of Project
-- tenancy: policy "projects" 42531156
-- Without a tenant the comparison is NULL: no row is visible and none can be written.
DROP POLICY IF EXISTS "tenant_isolation" ON "projects";
CREATE POLICY "tenant_isolation" ON "projects"
  AS PERMISSIVE FOR ALL TO PUBLIC
  USING ("company_id" = nullif(current_setting('app.tenant_id', true), '')::uuid)
  WITH CHECK ("company_id" = nullif(current_setting('app.tenant_id', true), '')::uuid);
COMMENT ON POLICY "tenant_isolation" ON "projects" IS 'tenancy 23406432';
ALTER TABLE "projects" ENABLE ROW LEVEL SECURITY;
-- The owner of a table skips its policies unless they are forced.
ALTER TABLE "projects" FORCE ROW LEVEL SECURITY;

-- Policy of Task
-- tenancy: policy "tasks" e35ebe31
-- Without a tenant the comparison is NULL: no row is visible and none can be written.
DROP POLICY IF EXISTS "tenant_isolation" ON "tasks";
CREATE POLICY "tenant_isolation" ON "tasks"
  AS PERMISSIVE FOR ALL TO PUBLIC
  USING ("company_id" = nullif(current_setting('app.tenant_id', true), '')::uuid)
  WITH CHECK ("company_id" = nullif(current_setting('app.tenant_id', true), '')::uuid);
COMMENT ON POLICY "tenant_isolation" ON "tasks" IS 'tenancy c07a4e52';
ALTER TABLE "tasks" ENABLE ROW LEVEL SECURITY;
-- The owner of a table skips its policies unless they are forced.
ALTER TABLE "tasks" FORCE ROW LEVEL SECURITY;

-- Policy of Tag
-- tenancy: policy "tags" e37cc4a7
-- Without a tenant the comparison is NULL: no row is visible and none can be written.
DROP POLICY IF EXISTS "tenant_isolation" ON "tags";
CREATE POLICY "tenant_isolation" ON "tags"
  AS PERMISSIVE FOR ALL TO PUBLIC
  USING ("company_id" = nullif(current_setting('app.tenant_id', true), '')::uuid)
  WITH CHECK ("company_id" = nullif(current_setting('app.tenant_id', true), '')::uuid);
COMMENT ON POLICY "tenant_isolation" ON "tags" IS 'tenancy 2a753e39';
ALTER TABLE "tags" ENABLE ROW LEVEL SECURITY;
-- The owner of a table skips its policies unless they are forced.
ALTER TABLE "tags" FORCE ROW LEVEL SECURITY;

-- Policy of _TagToTask
-- tenancy: policy "_TagToTask" dce659ad
-- _TagToTask.A → tags.company_id
-- _TagToTask.B → tasks.company_id
DROP POLICY IF EXISTS "tenant_isolation" ON "_TagToTask";
CREATE POLICY "tenant_isolation" ON "_TagToTask"
  AS PERMISSIVE FOR ALL TO PUBLIC
  USING (EXISTS (SELECT FROM "tags" AS "parent"
      WHERE "parent"."id" = "_TagToTask"."A"
        AND "parent"."company_id" = nullif(current_setting('app.tenant_id', true), '')::uuid)
    AND EXISTS (SELECT FROM "tasks" AS "parent2"
      WHERE "parent2"."id" = "_TagToTask"."B"
        AND "parent2"."company_id" = nullif(current_setting('app.tenant_id', true), '')::uuid))
  WITH CHECK (EXISTS (SELECT FROM "tags" AS "parent"
      WHERE "parent"."id" = "_TagToTask"."A"
        AND "parent"."company_id" = nullif(current_setting('app.tenant_id', true), '')::uuid)
    AND EXISTS (SELECT FROM "tasks" AS "parent2"
      WHERE "parent2"."id" = "_TagToTask"."B"
        AND "parent2"."company_id" = nullif(current_setting('app.tenant_id', true), '')::uuid));
COMMENT ON POLICY "tenant_isolation" ON "_TagToTask" IS 'tenancy fed889bc';
ALTER TABLE "_TagToTask" ENABLE ROW LEVEL SECURITY;
-- The owner of a table skips its policies unless they are forced.
ALTER TABLE "_TagToTask" FORCE ROW LEVEL SECURITY;
