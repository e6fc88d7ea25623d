import { quoteIdentifier } from '../../sql/quote.js'
import type { Rule } from '../rule.js'

export const noTenantTables: Rule = {
  id: 'no-tenant-tables',
  level: 'error',
  title: 'There is no tenant table',
  why: 'Nothing was looked at, so nothing is known to be safe. Either the column that names the tenant is called something else, or no table keeps its customers apart.',
  docsUrl: 'https://www.postgresql.org/docs/current/ddl-rowsecurity.html',
  harm: 'other',
  unprovable: 'Where no table says which rows are whose, no statement can show a row of the wrong tenant.',
  check: ({ tenantTables, options }) => {
    if (tenantTables.length > 0) return []
    const column = quoteIdentifier(options.tenantColumn)
    const where = options.schemas ? ` in ${options.schemas.map(quoteIdentifier).join(', ')}` : ''
    const shared = options.shared.length > 0 ? ' that is not shared' : ''
    return [
      {
        // Not the database, which is called something else in each place.
        object: column,
        detail: `No table${where}${shared} has the column.`,
        needsPerson: 'Name the column with the option tenantColumn, or begin with tenancy init and tenancy migration.',
      },
    ]
  },
}
