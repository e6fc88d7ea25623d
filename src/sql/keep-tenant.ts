import { derivedName } from './derived-name.js'
import { checkOptions } from './options.js'
import { checkIdentifier, dollarQuote, quoteIdentifier, quoteTable, type TableName } from './quote.js'

export interface KeepTenantOptions {
  /** Column that names the tenant. Default `'tenant_id'`. */
  column?: string | undefined
  /** Name of the trigger. Default `'keep_tenant'`. */
  name?: string | undefined
}

/**
 * SQL of a trigger that keeps a row's tenant where an UPDATE sets it to NULL. Prisma's `disconnect` and `set: []`, and
 * ON DELETE SET NULL, do so with a foreign key that contains the tenant: they empty the whole key. An update that sets the
 * tenant to something else is not touched, and up to the policy; one that does not mention it does not call the trigger.
 *
 * The trigger's function stands in the schema `tenancy`, one for each name of the column. The service needs no right to
 * either. The runner needs CREATE on the database, if that schema is not there yet.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example keepTenant('tasks')
 * @see https://www.postgresql.org/docs/current/sql-createtrigger.html
 */
export function keepTenant(table: TableName, options: KeepTenantOptions = {}): string {
  checkOptions('keepTenant', options, ['column', 'name'])
  const { column = 'tenant_id', name = 'keep_tenant' } = options
  const tenant = quoteIdentifier(column)
  return `CREATE SCHEMA IF NOT EXISTS "tenancy";
CREATE OR REPLACE FUNCTION ${functionFor(column)}() RETURNS trigger LANGUAGE plpgsql AS ${dollarQuote(`
BEGIN
  NEW.${tenant} := OLD.${tenant};
  RETURN NEW;
END
`)};

-- Emptying a foreign key empties its tenant too, and a row without a tenant is nobody's.
CREATE OR REPLACE TRIGGER ${quoteIdentifier(name)} BEFORE UPDATE OF ${tenant} ON ${quoteTable(table)}
  FOR EACH ROW WHEN (NEW.${tenant} IS NULL) EXECUTE FUNCTION ${functionFor(column)}();
`
}

/**
 * SQL that drops the trigger of {@link keepTenant}, and its function and schema with the last trigger that uses them.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example dropKeepTenant('tasks')
 */
export function dropKeepTenant(table: TableName, options: KeepTenantOptions = {}): string {
  checkOptions('dropKeepTenant', options, ['column', 'name'])
  const { column = 'tenant_id', name = 'keep_tenant' } = options
  return `DROP TRIGGER IF EXISTS ${quoteIdentifier(name)} ON ${quoteTable(table)};
${dropIfUnused(`FUNCTION IF EXISTS ${functionFor(column)}()`, "Another table's trigger uses it.")}
${dropIfUnused('SCHEMA IF EXISTS "tenancy"', 'Something else stands in it.')}`
}

/** Each in a block of its own: what stays must not bring back what went. */
export function dropIfUnused(object: string, comment: string): string {
  return `DO ${dollarQuote(`
BEGIN
  DROP ${object};
EXCEPTION WHEN dependent_objects_still_exist THEN
  NULL; -- ${comment}
END
`)};
`
}

function functionFor(column: string): string {
  return `"tenancy".${quoteIdentifier(derivedName(['keep', checkIdentifier(column)], 'trigger'))}`
}
