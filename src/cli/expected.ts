import type { Checked } from '../doctor/finding.js'
import type { Expected } from '../doctor/options.js'
import { sqlState } from '../online/failures.js'
import { quoteTable, type TableName } from '../sql/quote.js'
import type { Database } from './connect.js'
import type { Project } from './project.js'
import { recordedMigrations } from './recorded.js'
import { writtenPolicies } from './written-policies.js'

/** What a project says that its database has, and what could not be said. */
export interface ProjectSays {
  readonly expected: Expected
  readonly notChecked: Checked['notChecked']
}

/** The tables of the schema, with the policies of those migrations that have run in the database. */
export async function expectedOf({ desired, migrations }: Project, database: Database): Promise<ProjectSays> {
  const { schema = 'public' } = database
  const policies = await appliedPolicies(migrations, database, schema)
  const tables = desired.tables.map(({ kind, table }) => {
    const place = withSchema(table, schema)
    return {
      ...place,
      kind: kind === 'shared' ? kind : ('tenant' as const),
      ...(typeof policies !== 'string' && { policies: [...(policies.get(quoteTable(place)) ?? [])] }),
    }
  })
  return {
    expected: { tables },
    notChecked:
      typeof policies === 'string'
        ? [{ what: 'Whether the policies are those of the migrations', reason: policies }]
        : [],
  }
}

/** Policies by table, or why they cannot be told. */
async function appliedPolicies(migrations: string, database: Database, schema: string) {
  const applied = await recordedMigrations(database).catch((error: unknown) => {
    if (sqlState(error) === '42501') return undefined
    throw error
  })
  if (applied === undefined) return 'The role may not read _prisma_migrations, where Prisma records them.'
  if (applied.size === 0) return 'Prisma has recorded no migration in this database.'
  const written = await writtenPolicies(migrations, applied, schema)
  return written ?? 'A migration makes policies in a way that its text does not tell, such as in a DO block.'
}

/** A table that the Prisma schema names without a schema is in that of the connection. */
export function withSchema(table: TableName, schema: string): { schema: string; table: string } {
  return typeof table === 'string' ? { schema, table } : table
}
