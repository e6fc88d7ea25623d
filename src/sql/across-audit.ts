import { checkOptions } from './options.js'
import { quoteIdentifier, quoteRole, quoteTable, type TableName } from './quote.js'

export interface AcrossTenantsAuditOptions {
  /** The role that the service logs in with: it writes the rows, and can change nothing of them but the outcome. */
  app: string
  /** Default `{ schema: 'tenancy', table: 'across_tenants' }`. */
  table?: TableName | undefined
}

/** Where uses are written if no other table is given. */
export const AUDIT_TABLE = { schema: 'tenancy', table: 'across_tenants' }

/**
 * SQL that makes the table in which each use of `acrossTenants` is written before it starts, and its outcome
 * afterwards. A row whose `outcome` stays NULL means that the process died. Running it again changes nothing.
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
`
}

/**
 * SQL that takes the table away again, **with its rows**. The schema stays: others may use it.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example dropAcrossTenantsAudit({ app: 'app_user' })
 */
export function dropAcrossTenantsAudit(options: AcrossTenantsAuditOptions): string {
  checkOptions('dropAcrossTenantsAudit', options, ['app', 'table'])
  return `DROP TABLE IF EXISTS ${quoteTable(options.table ?? AUDIT_TABLE)};\n`
}
