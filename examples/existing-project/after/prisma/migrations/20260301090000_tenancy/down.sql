-- Undoes migration.sql. Prisma does not run it: psql -1 -v ON_ERROR_STOP=1 -f down.sql

-- Undo: Policy of _TagToTask
ALTER TABLE "_TagToTask" NO FORCE ROW LEVEL SECURITY;
ALTER TABLE "_TagToTask" DISABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS "tenant_isolation" ON "_TagToTask";

-- Undo: Policy of Tag
ALTER TABLE "tags" NO FORCE ROW LEVEL SECURITY;
ALTER TABLE "tags" DISABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS "tenant_isolation" ON "tags";

-- Undo: Policy of Task
ALTER TABLE "tasks" NO FORCE ROW LEVEL SECURITY;
ALTER TABLE "tasks" DISABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS "tenant_isolation" ON "tasks";

-- Undo: Policy of Project
ALTER TABLE "projects" NO FORCE ROW LEVEL SECURITY;
ALTER TABLE "projects" DISABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS "tenant_isolation" ON "projects";

-- Undo: Policy of User
ALTER TABLE "users" NO FORCE ROW LEVEL SECURITY;
ALTER TABLE "users" DISABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS "tenant_isolation" ON "users";

-- Undo: users_email_key goes: it tells one tenant what another one has
CREATE UNIQUE INDEX IF NOT EXISTS "users_email_key" ON "users" ("email");

-- Undo: Foreign key tasks_company_id_parent_id_fkey
ALTER TABLE "tasks" DROP CONSTRAINT IF EXISTS "tasks_company_id_parent_id_fkey";
ALTER TABLE "tasks" DROP CONSTRAINT IF EXISTS "tasks_parent_id_fkey", ADD CONSTRAINT "tasks_parent_id_fkey"
  FOREIGN KEY ("parent_id") REFERENCES "tasks" ("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- Undo: Foreign key tasks_company_id_assignee_id_fkey
ALTER TABLE "tasks" DROP CONSTRAINT IF EXISTS "tasks_company_id_assignee_id_fkey";
ALTER TABLE "tasks" DROP CONSTRAINT IF EXISTS "tasks_assignee_id_fkey", ADD CONSTRAINT "tasks_assignee_id_fkey"
  FOREIGN KEY ("assignee_id") REFERENCES "users" ("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- Undo: Foreign key tasks_company_id_project_id_fkey
ALTER TABLE "tasks" DROP CONSTRAINT IF EXISTS "tasks_company_id_project_id_fkey";
ALTER TABLE "tasks" DROP CONSTRAINT IF EXISTS "tasks_project_id_fkey", ADD CONSTRAINT "tasks_project_id_fkey"
  FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Undo: Rows of Task keep their tenant when a relation is taken away
DROP TRIGGER IF EXISTS "keep_tenant" ON "tasks";
DO $tenancy$
BEGIN
  DROP FUNCTION IF EXISTS "tenancy"."keep_company_id_trigger"();
EXCEPTION WHEN dependent_objects_still_exist THEN
  NULL; -- Another table's trigger uses it.
END
$tenancy$;

DO $tenancy$
BEGIN
  DROP SCHEMA IF EXISTS "tenancy";
EXCEPTION WHEN dependent_objects_still_exist THEN
  NULL; -- Something else stands in it.
END
$tenancy$;

-- Undo: Index tags_company_id_id_idx
DROP INDEX IF EXISTS "tags_company_id_id_idx";

-- Undo: Unique index tasks_company_id_id_key
DROP INDEX IF EXISTS "tasks_company_id_id_key";

-- Undo: Index projects_company_id_created_at_idx
DROP INDEX IF EXISTS "projects_company_id_created_at_idx";

-- Undo: Unique index projects_company_id_id_key
DROP INDEX IF EXISTS "projects_company_id_id_key";

-- Undo: Unique index users_company_id_id_key
DROP INDEX IF EXISTS "users_company_id_id_key";

-- Undo: Unique index users_company_id_email_key
DROP INDEX IF EXISTS "users_company_id_email_key";

-- Undo: Default of the tenant column of Tag
ALTER TABLE "tags" ALTER COLUMN "company_id" DROP DEFAULT;

-- Undo: Tenant column of Task
ALTER TABLE "tasks" DROP COLUMN IF EXISTS "company_id";

-- Undo: Default of the tenant column of Project
ALTER TABLE "projects" ALTER COLUMN "company_id" DROP DEFAULT;

-- Undo: Default of the tenant column of User
ALTER TABLE "users" ALTER COLUMN "company_id" DROP DEFAULT;

-- Undo: Company is read by every tenant and written by none
GRANT SELECT, INSERT, UPDATE, DELETE ON "companies" TO "app_user";

-- Undo: Plan is read by every tenant and written by none
GRANT SELECT, INSERT, UPDATE, DELETE ON "plans" TO "app_user";

-- Undo: Roles app_user, app_migrator and app_bypass
DO $tenancy$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'app_user') THEN
    ALTER DEFAULT PRIVILEGES IN SCHEMA "public" REVOKE ALL ON TABLES FROM "app_user";
    ALTER DEFAULT PRIVILEGES IN SCHEMA "public" REVOKE ALL ON SEQUENCES FROM "app_user";
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
    ALTER DEFAULT PRIVILEGES IN SCHEMA "public" REVOKE ALL ON TABLES FROM "app_bypass";
    ALTER DEFAULT PRIVILEGES IN SCHEMA "public" REVOKE ALL ON SEQUENCES FROM "app_bypass";
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
    ALTER DEFAULT PRIVILEGES IN SCHEMA "public" REVOKE ALL ON TABLES FROM "app_migrator";
    ALTER DEFAULT PRIVILEGES IN SCHEMA "public" REVOKE ALL ON SEQUENCES FROM "app_migrator";
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
