import type { Client } from 'pg'
import { isTenancyError, withoutHint } from '../errors.js'
import { stepsLeft } from '../migration/done.js'
import { tenancyMigrations, type WrittenMigration } from '../migration/online-file.js'
import type { Step } from '../migration/step.js'
import { checkRowsAhead } from '../online/check-rows.js'
import { migrationState } from '../online/record-migration.js'
import type { Desired } from '../schema/desired.js'
import { quoteIdentifier, quoteLiteral, quoteTable, type TableName } from '../sql/quote.js'
import type { Database } from './connect.js'
import type { Project } from './project.js'

/** What a live database has, and what stands in the way there. */
export interface LiveState {
  /** Migrations of ours that Prisma has not recorded as applied, in order. */
  readonly pending: readonly WrittenMigration[]
  /** Steps of the project that the database does not have. */
  readonly missing: readonly Step[]
  /** Rows that a step could not bear. */
  readonly rows: readonly RowsInTheWay[]
  /** Views that run as their owner, so that no policy stands in front of what they show. */
  readonly openViews: readonly TableName[]
  readonly warnings: readonly string[]
}

export interface RowsInTheWay {
  readonly title: string
  readonly message: string
  readonly hint: string
  readonly count: number
}

/** Looks at a database and changes nothing. */
export async function lookAt({ client, schema }: Database, project: Project): Promise<LiveState> {
  // Rows that a policy hides from us would count as none; so PostgreSQL refuses instead.
  await client.query('SET row_security = off')
  const pending = await pendingMigrations(client, project.migrations, schema)
  const missing = await stepsLeft(client, project.steps)
  const left = [...pending.flatMap(({ steps }) => (typeof steps === 'string' ? [] : steps)), ...missing]
  return {
    pending,
    missing,
    rows: await rowsInTheWay(client, left),
    openViews: await viewsWithoutInvoker(client, project.desired.views),
    warnings: await loginWarnings(client, project.desired),
  }
}

/** Migrations of ours that a database does not have, in the order in which Prisma applies them. */
export async function pendingMigrations(
  client: Client,
  migrations: string,
  schema: string | undefined,
): Promise<WrittenMigration[]> {
  const pending: WrittenMigration[] = []
  for (const migration of await tenancyMigrations(migrations)) {
    if ((await migrationState(client, { ...migration, schema })) !== 'recorded') pending.push(migration)
  }
  return pending
}

async function rowsInTheWay(client: Client, steps: readonly Step[]): Promise<RowsInTheWay[]> {
  const found: RowsInTheWay[] = []
  const asked = new Set<string>()
  for (const { title, online = [] } of steps) {
    for (const action of online) {
      if (action.kind !== 'check' || asked.has(action.sql)) continue
      asked.add(action.sql)
      try {
        await checkRowsAhead({ client }, title, action)
      } catch (error) {
        if (!isTenancyError(error) || error.code !== 'MIGRATION.ROWS') throw error
        found.push({ title, message: withoutHint(error), hint: error.hint, count: Number(error.meta['count']) })
      }
    }
  }
  return found
}

/** https://www.postgresql.org/docs/current/sql-createview.html */
async function viewsWithoutInvoker(client: Client, views: readonly TableName[]): Promise<TableName[]> {
  if (views.length === 0) return []
  const { rows } = await client.query<{ open: boolean[] }>(
    `SELECT ARRAY[${views
      .map(
        (view) => `EXISTS (SELECT FROM pg_class WHERE oid = to_regclass(${quoteLiteral(quoteTable(view))})
        AND NOT coalesce((SELECT option_value::boolean FROM pg_options_to_table(reloptions) WHERE option_name = 'security_invoker'), false))`,
      )
      .join(', ')}] AS open`,
  )
  return views.filter((_, n) => rows[0]?.open[n] === true)
}

/**
 * A login that the policies bind, and that migrations may run as: an UPDATE of it in a later migration, a seed or a dump
 * finds no rows, and nobody says so.
 *
 * @see https://www.postgresql.org/docs/current/ddl-rowsecurity.html
 */
export async function loginWarnings(client: Client, { config }: Pick<Desired, 'config'>): Promise<string[]> {
  const { rows } = await client.query<{ name: string; bound: boolean }>(
    'SELECT rolname AS name, NOT (rolsuper OR rolbypassrls) AS bound FROM pg_roles WHERE rolname = current_user',
  )
  const login = rows[0]
  if (!login?.bound) return []
  const { migrator } = config.roles
  return [
    `The login ${quoteIdentifier(login.name)} is bound by the policies, owner or not. Under it, a later migration's UPDATE, a seed, a dump and COPY touch no rows, most of them silently. Run migrations as ${quoteIdentifier(migrator)}, which sees all rows: DATABASE_URL=postgresql://${encodeURIComponent(migrator)}@…`,
  ]
}
