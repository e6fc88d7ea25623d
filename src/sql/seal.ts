import { checkSettingName } from '../setting-name.js'
import { showValue } from '../show-value.js'
import { dropIfUnused } from './keep-tenant.js'
import { checkOptions, invalidOption } from './options.js'
import { type TenantColumnType, tenantSqlType } from './policies.js'
import { dollarQuote, quoteLiteral } from './quote.js'

/** Where the keys stand. Nobody but the table's owner, and the function that checks seals, reads it. */
export const SEAL_KEYS = '"tenancy"."seal_keys"'

/** The setting that carries the seal, unless configured. */
export const SEAL_SETTING = 'app.tenant_seal'

/** How long a seal is valid, in seconds, unless configured. */
export const SEAL_VALID_FOR = 300

/** How far the clocks of a service and of its database may be apart, in seconds. */
const CLOCK_SKEW = 60

/** How the checking function refuses a seal: SQLSTATEs of its own, for the service to know them in any language. */
export const SEAL_REFUSED = { notGenuine: 'TSL01', expired: 'TSL02', tooLong: 'TSL03' } as const

export interface SealTenantsOptions {
  /** Type of the tenant columns. Default `'uuid'`. */
  type?: TenantColumnType | undefined
  /** The run-time parameter that carries the seal. Default `'app.tenant_seal'`. */
  setting?: string | undefined
  /** The longest validity of a seal that is accepted, in seconds. Default 300; give what `TenantPool` is given. */
  validFor?: number | undefined
}

/**
 * SQL of what sealed policies need: the schema `tenancy`, the table of the keys, and the function `tenancy.tenant_id()`,
 * which answers with the tenant of a genuine seal, with NULL where there is none, and with an error else. The keys
 * themselves never stand in SQL text: `tenancy seal add` puts one into the table.
 *
 * The function runs with the rights of the role that runs this SQL: run it as the owner of the tenant tables, not as a
 * superuser. The runner needs CREATE on the database, if the schema is not there yet. Running it again changes nothing.
 *
 * A seal counts from the start of its transaction, with an allowance of 60 seconds for clocks that are apart. STABLE
 * keeps the index and the planner's statistics of the tenant; on a table without an index that begins with the tenant
 * column the function runs for every row.
 *
 * @throws TenancyError `CONFIG.INVALID`
 * @example sealTenants({ type: 'bigint' })
 * @see https://www.postgresql.org/docs/current/sql-createfunction.html#SQL-CREATEFUNCTION-SECURITY
 */
export function sealTenants(options: SealTenantsOptions = {}): string {
  checkOptions('sealTenants', options, ['type', 'setting', 'validFor'])
  const { type, setting = SEAL_SETTING, validFor = SEAL_VALID_FOR } = options
  const returns = tenantSqlType(type)
  return `CREATE SCHEMA IF NOT EXISTS "tenancy";
CREATE TABLE IF NOT EXISTS ${SEAL_KEYS} (
  key_id text PRIMARY KEY,
  inner_pad bytea NOT NULL CHECK (octet_length(inner_pad) = 64),
  outer_pad bytea NOT NULL CHECK (octet_length(outer_pad) = 64),
  created_at timestamptz NOT NULL DEFAULT now(),
  retired_at timestamptz
);
${ownersAlone()}
-- A seal is mac.expiry.key.tenant; the mac is HMAC-SHA256 in hexadecimal, of all that follows it.
CREATE OR REPLACE FUNCTION "tenancy"."tenant_id"() RETURNS ${returns}
  -- COST, for the planner to know that a scan without the index, which asks for every row, is dear.
  LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER COST 100
  -- Nothing of the caller's may stand in for what the body names.
  SET search_path = pg_catalog, pg_temp
AS ${dollarQuote(body(returns, checkSettingName(setting), checkValidFor(validFor)))};
-- Policies call it as whoever asks.
GRANT EXECUTE ON FUNCTION "tenancy"."tenant_id"() TO PUBLIC;
`
}

/**
 * SQL that takes everything of {@link sealTenants} away, **the keys included**. It fails while a policy is sealed: change
 * the policies first (`tenantPolicy(table)` without `sealed`).
 *
 * @example unsealTenants()
 */
export function unsealTenants(): string {
  return `DROP FUNCTION IF EXISTS "tenancy"."tenant_id"();
DROP TABLE IF EXISTS ${SEAL_KEYS};
${dropIfUnused('SCHEMA IF EXISTS "tenancy"', 'Something else stands in it.')}`
}

/** What a mac covers before the seal's own text: it is good for this purpose, in this setting, and for no other. */
export function sealPurpose(setting: string): string {
  return `tenancy-seal-1 ${setting} `
}

/**
 * The validity of seals, in seconds, if it is one.
 *
 * @throws TenancyError `CONFIG.INVALID`
 */
export function checkValidFor(validFor: unknown): number {
  if (Number.isInteger(validFor) && (validFor as number) >= 60 && (validFor as number) <= 3600)
    return validFor as number
  throw invalidOption(
    `The validity of seals is ${showValue(validFor)}`,
    'Give validFor in whole seconds, from 60 to 3600: a stolen seal is worth something for that long.',
  )
}

/** Two nets: no right for anybody, and no row for whoever is given one by mistake (a grant on the whole schema). */
function ownersAlone(): string {
  return `-- Default privileges may have given it to somebody. The keys are their owner's alone.
DO ${dollarQuote(`
DECLARE
  other text;
BEGIN
  FOR other IN
    SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
    FROM pg_class, aclexplode(relacl) WHERE oid = ${quoteLiteral(SEAL_KEYS)}::regclass AND grantee <> relowner
  LOOP
    EXECUTE format('REVOKE ALL ON TABLE ${SEAL_KEYS} FROM %s', other);
  END LOOP;
END
`)};
-- And who is granted it by mistake sees no row: there is no policy.
ALTER TABLE ${SEAL_KEYS} ENABLE ROW LEVEL SECURITY;
`
}

/**
 * PL/pgSQL, because its plan is kept for the session; few functions, because each is looked up anew in every transaction.
 * The pads are used inside one query and never stand in a variable:
 * as a parameter they would become constants of a plan, which debug_print_plan shows to its caller.
 */
function body(returns: string, setting: string, validFor: number): string {
  const refuse = (code: string, message: string, hint: string) =>
    `RAISE EXCEPTION USING ERRCODE = '${code}', MESSAGE = ${quoteLiteral(message)},
      HINT = ${quoteLiteral(hint)};`
  // All that follows the key: an id may have dots, and a part of it would be another tenant.
  const tenant = "substr(seal, 68 + length(split_part(seal, '.', 2)) + length(split_part(seal, '.', 3)))"
  return `
DECLARE
  seal text := current_setting(${quoteLiteral(setting)}, true);
  genuine boolean;
  seconds_left double precision;
BEGIN
  -- After a transaction that set it, the setting is '' on that connection.
  IF seal IS NULL OR seal = '' THEN
    RETURN NULL;
  END IF;
  SELECT starts_with(seal, encode(sha256(outer_pad || sha256(inner_pad ||
      convert_to(${quoteLiteral(sealPurpose(setting))} || substr(seal, 65), 'UTF8'))), 'hex'))
    INTO genuine
    FROM ${SEAL_KEYS}
    WHERE key_id = split_part(seal, '.', 3) AND retired_at IS NULL;
  IF genuine IS NOT TRUE THEN
    ${refuse(
      SEAL_REFUSED.notGenuine,
      'The seal of the tenant is not genuine.',
      'Is the key that this service signs with in the database, and not retired? tenancy seal list',
    )}
  END IF;
  -- From here on every character is one that the holder of the key wrote.
  seconds_left := split_part(seal, '.', 2)::double precision - date_part('epoch', now());
  IF seconds_left < -${CLOCK_SKEW} THEN
    ${refuse(SEAL_REFUSED.expired, 'The seal of the tenant has expired.', 'Do the clocks of this service and of the database agree?')}
  END IF;
  IF seconds_left > ${validFor + CLOCK_SKEW} THEN
    ${refuse(
      SEAL_REFUSED.tooLong,
      'The seal of the tenant is valid for longer than this database allows.',
      'Give sealTenants() the validFor of the service, and look at its clock.',
    )}
  END IF;
  RETURN nullif(${tenant}, '')${returns === 'text' ? '' : `::${returns}`};
END
`
}
