DROP FUNCTION IF EXISTS "tenancy"."tenant_id"();
DROP TABLE IF EXISTS "tenancy"."seal_keys";
DO $tenancy$
BEGIN
  DROP SCHEMA IF EXISTS "tenancy";
EXCEPTION WHEN dependent_objects_still_exist THEN
  NULL; -- Something else stands in it.
END
$tenancy$;
