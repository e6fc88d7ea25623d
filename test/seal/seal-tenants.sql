CREATE SCHEMA IF NOT EXISTS "tenancy";
CREATE TABLE IF NOT EXISTS "tenancy"."seal_keys" (
  key_id text PRIMARY KEY,
  inner_pad bytea NOT NULL CHECK (octet_length(inner_pad) = 64),
  outer_pad bytea NOT NULL CHECK (octet_length(outer_pad) = 64),
  created_at timestamptz NOT NULL DEFAULT now(),
  retired_at timestamptz
);
-- Default privileges may have given it to somebody. The keys are their owner's alone.
DO $tenancy$
DECLARE
  other text;
BEGIN
  FOR other IN
    SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
    FROM pg_class, aclexplode(relacl) WHERE oid = '"tenancy"."seal_keys"'::regclass AND grantee <> relowner
  LOOP
    EXECUTE format('REVOKE ALL ON TABLE "tenancy"."seal_keys" FROM %s', other);
  END LOOP;
END
$tenancy$;
-- And who is granted it by mistake sees no row: there is no policy.
ALTER TABLE "tenancy"."seal_keys" ENABLE ROW LEVEL SECURITY;

-- A seal is mac.expiry.key.tenant; the mac is HMAC-SHA256 in hexadecimal, of all that follows it.
CREATE OR REPLACE FUNCTION "tenancy"."tenant_id"() RETURNS uuid
  -- COST, for the planner to know that a scan without the index, which asks for every row, is dear.
  LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER COST 100
  -- Nothing of the caller's may stand in for what the body names.
  SET search_path = pg_catalog, pg_temp
AS $tenancy$
DECLARE
  seal text := current_setting('app.tenant_seal', true);
  genuine boolean;
  seconds_left double precision;
BEGIN
  -- After a transaction that set it, the setting is '' on that connection.
  IF seal IS NULL OR seal = '' THEN
    RETURN NULL;
  END IF;
  SELECT starts_with(seal, encode(sha256(outer_pad || sha256(inner_pad ||
      convert_to('tenancy-seal-1 app.tenant_seal ' || substr(seal, 65), 'UTF8'))), 'hex'))
    INTO genuine
    FROM "tenancy"."seal_keys"
    WHERE key_id = split_part(seal, '.', 3) AND retired_at IS NULL;
  IF genuine IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'TSL01', MESSAGE = 'The seal of the tenant is not genuine.',
      HINT = 'Is the key that this service signs with in the database, and not retired? tenancy seal list';
  END IF;
  -- From here on every character is one that the holder of the key wrote.
  seconds_left := split_part(seal, '.', 2)::double precision - date_part('epoch', now());
  IF seconds_left < -60 THEN
    RAISE EXCEPTION USING ERRCODE = 'TSL02', MESSAGE = 'The seal of the tenant has expired.',
      HINT = 'Do the clocks of this service and of the database agree?';
  END IF;
  IF seconds_left > 360 THEN
    RAISE EXCEPTION USING ERRCODE = 'TSL03', MESSAGE = 'The seal of the tenant is valid for longer than this database allows.',
      HINT = 'Give sealTenants() the validFor of the service, and look at its clock.';
  END IF;
  RETURN nullif(substr(seal, 68 + length(split_part(seal, '.', 2)) + length(split_part(seal, '.', 3))), '')::uuid;
END
$tenancy$;
-- Policies call it as whoever asks.
GRANT EXECUTE ON FUNCTION "tenancy"."tenant_id"() TO PUBLIC;
