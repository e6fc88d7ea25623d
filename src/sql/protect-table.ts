import { dropTenantIndexes, type TenantIndexOptions, tenantIndexes } from './indexes.js'
import { checkOptions } from './options.js'
import {
  disableRowLevelSecurity,
  dropTenantPolicy,
  enableRowLevelSecurity,
  type TenantScopeOptions,
  tenantPolicy,
} from './policies.js'
import type { TableName } from './quote.js'

/** `column`, `indexes` and `concurrently` as in `tenantIndexes`, `type`, `setting` and `sealed` as in `tenantPolicy`. */
export interface ProtectTableOptions extends TenantIndexOptions, TenantScopeOptions {}

/**
 * SQL that makes a table a tenant table: indexes, then the policy, then row-level security, since a table with row-level
 * security and no policy shows nothing. Running it again changes nothing.
 *
 * By default one text for one transaction, as in a migration. With `concurrently: true` the indexes are built without
 * blocking writes: send the statements one by one, on one connection, outside any transaction, as `psql -v
 * ON_ERROR_STOP=1 -f` does; the policy then brings its own short transaction.
 *
 * The owner is limited as well: seeds and data migrations need a role with BYPASSRLS.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example protectTable('projects', { indexes: [['id'], ['created_at']] })
 * @see https://www.postgresql.org/docs/current/ddl-rowsecurity.html
 */
export function protectTable(table: TableName, options: ProtectTableOptions = {}): string {
  checkOptions('protectTable', options, ['column', 'type', 'setting', 'sealed', 'indexes', 'concurrently'])
  const { column, type, setting, sealed, indexes, concurrently } = options
  const building = tenantIndexes(table, { column, indexes, concurrently })
  const protection = `${tenantPolicy(table, { column, type, setting, sealed })}\n${enableRowLevelSecurity(table)}`
  // Sent one by one, the statements of a second run would leave the table without its policy for a moment.
  const together = concurrently ? `BEGIN;\n${protection}COMMIT;\n` : protection
  return building === '' ? together : `${building}\n${together}`
}

/**
 * SQL that makes a tenant table an ordinary one again: every role that may read it then reads every tenant's rows. Given
 * the same `column`, `indexes` and `concurrently` as {@link protectTable}.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example unprotectTable('projects', { indexes: [['id'], ['created_at']] })
 */
export function unprotectTable(table: TableName, options: TenantIndexOptions = {}): string {
  checkOptions('unprotectTable', options, ['column', 'indexes', 'concurrently'])
  const open = `${disableRowLevelSecurity(table)}${dropTenantPolicy(table)}`
  // Sent one by one, the table would stay closed between the statements if the second of them failed.
  return (options.concurrently ? `BEGIN;\n${open}COMMIT;\n` : open) + dropTenantIndexes(table, options)
}
