import type { Expected } from '../doctor/options.js'
import type { TableName } from '../sql/quote.js'
import { quoteTable } from '../sql/quote.js'
import type { Project } from './project.js'
import { writtenPolicies } from './written-policies.js'

/** What a project says that its database has, and what could not be said. */
export interface ProjectSays {
  readonly expected: Expected
  readonly notChecked: readonly { readonly what: string; readonly reason: string }[]
}

/** @param schema of tables that the Prisma schema names without one */
export async function expectedOf({ desired, migrations }: Project, schema = 'public'): Promise<ProjectSays> {
  const written = await writtenPolicies(migrations, schema)
  const some = written !== undefined && [...written.values()].some((names) => names.size > 0)
  const tables = desired.tables.map(({ kind, table }) => {
    const place = withSchema(table, schema)
    const policies = [...(written?.get(quoteTable(place)) ?? [])]
    return { ...place, kind: kind === 'shared' ? kind : ('tenant' as const), ...(some && { policies }) }
  })
  const reason =
    written === undefined
      ? 'A migration makes policies in a way that its text does not tell, such as in a DO block.'
      : 'No migration makes a policy.'
  return {
    expected: { tables },
    notChecked: some ? [] : [{ what: 'Whether the policies are those of the migrations', reason }],
  }
}

export function withSchema(table: TableName, schema: string): { schema: string; table: string } {
  return typeof table === 'string' ? { schema, table } : table
}
