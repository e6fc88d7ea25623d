import { dropIfUnused } from './keep-tenant.js'
import { checkOptions } from './options.js'
import { enableRowLevelSecurity } from './policies.js'
import { quoteIdentifier, quoteRole, quoteTable, type TableName } from './quote.js'

export interface AcrossTenantsAuditOptions {
  /** The role that the service logs in with: it writes the rows, and can change nothing of them but the outcome. */
  app: string
  /** Default `{ schema: 'tenancy', table: 'across_tenants' }`. */
  table?: TableName | undefined
}

/** The setting in which the library binds the id of the use whose row it writes. */
export const ACROSS_USE = 'tenancy.across_use'

const own = `id = nullif(current_setting('${ACROSS_USE}', true), '')::uuid`

/** Where uses are written if no other table is given. */
export const AUDIT_TABLE = { schema: 'tenancy', table: 'across_tenants' }

/**
 * SQL that makes the table in which each use of `acrossTenants` is written before it starts, and its outcome
 * afterwards. A row whose `outcome` stays NULL means that the process died. Running it again changes nothing.
 *
 * Its policies let the app role write the row of the use that the library is writing, and read no other. They hold for the
 * table's owner as well: read the audit as a role with BYPASSRLS, such as the migrator.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example acrossTenantsAudit({ app: 'app_user' })
 */
export function acrossTenantsAudit(options: AcrossTenantsAuditOptions): string {
  checkOptions('acrossTenantsAudit', options, ['app', 'table'])
  const { table = AUDIT_TABLE } = options
  const app = quoteRole(options.app)
  const target = quoteTable(table)
  const schema = typeof table === 'string' ? undefined : quoteIdentifier(table.schema)
  return `${schema === undefined ? '' : `CREATE SCHEMA IF NOT EXISTS ${schema};\nGRANT USAGE ON SCHEMA ${schema} TO ${app};\n`}CREATE TABLE IF NOT EXISTS ${target} (
  id uuid PRIMARY KEY,
  reason text NOT NULL,
  caller text,
  may_write boolean NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  outcome text CHECK (outcome IN ('returned', 'threw')),
  statements integer
);
REVOKE ALL ON ${target} FROM PUBLIC, ${app};
GRANT INSERT (id, reason, caller, may_write), UPDATE (finished_at, outcome, statements), SELECT (id, finished_at)
  ON ${target} TO ${app};

-- The library binds the id of the use for which it writes, and raw SQL cannot: that row can be made, and finished once.
${policy(target, 'begin', 'INSERT', { check: own })}${policy(target, 'end', 'UPDATE', { using: `${own} AND finished_at IS NULL`, check: `${own} AND finished_at IS NOT NULL` })}${policy(target, 'own', 'SELECT', { using: own })}${enableRowLevelSecurity(table)}`
}

function policy(target: string, name: string, command: string, { using, check }: { using?: string; check?: string }) {
  return `DROP POLICY IF EXISTS "across_${name}" ON ${target};
CREATE POLICY "across_${name}" ON ${target} FOR ${command} TO PUBLIC${using === undefined ? '' : `\n  USING (${using})`}${check === undefined ? '' : `\n  WITH CHECK (${check})`};
`
}

/**
 * SQL that takes the table away again, **with its rows**, and the schema `tenancy` where nothing else stands in it. A
 * schema of your own stays, and the app role's USAGE of it.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example dropAcrossTenantsAudit({ app: 'app_user' })
 */
export function dropAcrossTenantsAudit(options: AcrossTenantsAuditOptions): string {
  checkOptions('dropAcrossTenantsAudit', options, ['app', 'table'])
  const { table = AUDIT_TABLE } = options
  const ours = typeof table !== 'string' && table.schema === AUDIT_TABLE.schema
  const schema = ours ? dropIfUnused('SCHEMA IF EXISTS "tenancy"', 'Something else stands in it.') : ''
  return `DROP TABLE IF EXISTS ${quoteTable(table)};\n${schema}`
}
