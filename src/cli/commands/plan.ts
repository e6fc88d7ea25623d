import { migrationSql, unwritten, writtenKeys } from '../../migration/files.js'
import type { Step } from '../../migration/step.js'
import type { SurrogateKey } from '../../schema/desired.js'
import { quoteTable, type TableName } from '../../sql/quote.js'
import { withDatabase } from '../connect.js'
import { type LiveState, lookAt } from '../live.js'
import { count, type ExitCode, Output } from '../output.js'
import { loadProject, type Project } from '../project.js'
import { unifiedDiff } from '../unified-diff.js'

export interface PlanOptions {
  /** A database to compare with; `true`: the one of DATABASE_URL. */
  readonly url?: string | true | undefined
  readonly json?: boolean | undefined
}

/** `tenancy plan`: prints what `tenancy migration` would write and what the database lacks. Touches nothing. */
export async function plan(options: PlanOptions): Promise<ExitCode> {
  const output = new Output(options)
  const project = await loadProject(process.cwd())
  const written = await writtenKeys(project.migrations)
  const live =
    options.url === undefined ? undefined : await withDatabase(options.url, (database) => lookAt(database, project))
  const toWrite = stepsToWrite(project.steps, written, live)

  output.result(() => asJson(project, toWrite, live))
  if (toWrite.length > 0) output.line(migrationSql(toWrite))
  for (const { shown, before, after } of project.edits) output.line(unifiedDiff(shown, before, after))
  for (const line of [...keysThatStay(project.desired.surrogateKeys), ...views(project, live)]) output.line(line)
  for (const line of live ? inDatabase(live) : []) output.line(line)
  for (const text of live?.warnings ?? []) output.warn(text)

  const left = leftToDo(project, toWrite, live)
  output.line(
    left.length === 0 ? 'Nothing is left to do.' : `Left to do:\n${left.map((each) => `- ${each}`).join('\n')}`,
  )
  return left.length === 0 ? 0 : 1
}

/**
 * What stands in no migration yet, and what has got lost in a database since its migration was applied there. What a
 * database has already is left out.
 */
export function stepsToWrite(
  steps: readonly Step[],
  written: ReadonlySet<string>,
  live: Pick<LiveState, 'missing' | 'pending'> | undefined,
): Step[] {
  const fresh = unwritten(steps, written)
  if (!live) return fresh
  const isNew = new Set(fresh)
  const missing = new Set(live.missing)
  const pending = new Set(live.pending.flatMap(({ steps: some }) => (typeof some === 'string' ? [] : keysOf(some))))
  // Of a migration that waits, nobody knows what it will bring: it may have been written by hand since.
  const unknown = live.pending.some(({ steps: some }) => typeof some === 'string')
  return steps.filter((step) => missing.has(step) && (isNew.has(step) || (!unknown && !pending.has(step.key))))
}

function keysOf(steps: readonly Step[]): string[] {
  return steps.map(({ key }) => key)
}

function leftToDo({ edits }: Project, toWrite: readonly Step[], live: LiveState | undefined): string[] {
  const pending = live?.pending ?? []
  const rows = live?.rows ?? []
  return [
    ...(toWrite.length > 0 ? [`${count(toWrite.length, 'step')} to write: tenancy migration --write`] : []),
    ...(edits.length > 0 ? [`${count(edits.length, 'schema file')} to edit: tenancy migration --write`] : []),
    ...(rows.length > 0 ? ['rows to correct, see above'] : []),
    ...(pending.length > 0
      ? [`${count(pending.length, 'migration')} to apply: tenancy apply --online, or prisma migrate deploy`]
      : []),
    ...(live && live.openViews.length > 0 ? [`${count(live.openViews.length, 'view')} to protect, see above`] : []),
  ]
}

function keysThatStay(keys: readonly SurrogateKey[]): string[] {
  if (keys.length === 0) return []
  return [
    'Keys that stay unique across tenants. An INSERT of one that is taken fails, which tells that it exists, not whose it is:',
    ...keys.map(({ model, table, columns }) => `  ${model}: ${quoteTable(table)} (${columns.join(', ')})`),
    '',
  ]
}

function views({ desired }: Project, live: LiveState | undefined): string[] {
  const open: readonly TableName[] = live ? live.openViews : desired.views
  if (open.length === 0) return []
  return [
    'Views run as their owner, past the policies, unless they are told to ask as the role that reads them:',
    ...open.map((view) => `  ALTER VIEW ${quoteTable(view)} SET (security_invoker = true);`),
    '',
  ]
}

function inDatabase({ pending, rows }: LiveState): string[] {
  return [
    ...rows.flatMap(({ message, hint }) => [message, `  ${hint.replaceAll('\n', '\n  ')}`, '']),
    ...(pending.length > 0 ? ['Not applied to the database yet:', ...pending.map(({ name }) => `  ${name}`), ''] : []),
  ]
}

function asJson(project: Project, toWrite: readonly Step[], live: LiveState | undefined): object {
  const { edits, desired } = project
  return {
    left: leftToDo(project, toWrite, live).length > 0,
    steps: toWrite.map(({ key, title, table, sql }) => ({ key, title, table, sql })),
    schemaEdits: edits.map(({ shown, before, after }) => ({ path: shown, diff: unifiedDiff(shown, before, after) })),
    surrogateKeys: desired.surrogateKeys,
    views: live ? live.openViews : desired.views,
    ...(live && {
      database: {
        pending: live.pending.map(({ name }) => name),
        missing: live.missing.map(({ key, title }) => ({ key, title })),
        rows: live.rows,
        warnings: live.warnings,
      },
    }),
  }
}
