import { checkOptions } from './options.js'
import { quoteRole, quoteTable, type TableName } from './quote.js'

export interface SharedTableOptions {
  /** The role that the service logs in with. */
  app: string
}

/**
 * SQL that makes a table readable for every tenant and writable for none, such as plans or countries: it takes the rights
 * to write from the app role. `tenantRoles` gives them for every table, so this comes after it, and the table belongs
 * into its option `shared`.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example sharedTable('plans', { app: 'app_user' })
 * @see https://www.postgresql.org/docs/current/sql-revoke.html
 */
export function sharedTable(table: TableName, options: SharedTableOptions): string {
  checkOptions('sharedTable', options, ['app'])
  const app = quoteRole(options.app)
  const target = quoteTable(table)
  return `GRANT SELECT ON ${target} TO ${app};
REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON ${target} FROM PUBLIC, ${app};
`
}

/**
 * SQL that gives the app role the rights of a tenant table again, the reverse of {@link sharedTable}.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example unshareTable('plans', { app: 'app_user' })
 */
export function unshareTable(table: TableName, options: SharedTableOptions): string {
  checkOptions('unshareTable', options, ['app'])
  return `GRANT SELECT, INSERT, UPDATE, DELETE ON ${quoteTable(table)} TO ${quoteRole(options.app)};\n`
}
