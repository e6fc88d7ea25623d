import { TenancyError } from '../../errors.js'
import { migrationNames } from '../../migration/files.js'
import { tenancyMigrations, type WrittenMigration } from '../../migration/online-file.js'
import type { Step } from '../../migration/step.js'
import { type ApplyReport, applyOnline } from '../../online/apply-online.js'
import { progressBar } from '../../online/progress-bar.js'
import { recordMigration } from '../../online/record-migration.js'
import type { Desired } from '../../schema/desired.js'
import { type Database, withDatabase } from '../connect.js'
import { loginWarnings, pendingMigrations } from '../live.js'
import { count, type ExitCode, Output } from '../output.js'
import { loadProject } from '../project.js'
import { recordedMigrations } from '../recorded.js'

export interface ApplyOptions {
  readonly online?: boolean | undefined
  readonly url?: string | undefined
  readonly lockTimeout?: number | undefined
  readonly retries?: number | undefined
  readonly batchSize?: number | undefined
  readonly pause?: number | undefined
  readonly json?: boolean | undefined
}

const again = 'What is done stays done. To go on, type the same again: tenancy apply --online'

/**
 * `tenancy apply --online`: brings a live database to the end of every migration of ours that it lacks, and records each
 * as applied, so that `prisma migrate deploy` passes it over.
 */
export async function apply(options: ApplyOptions): Promise<ExitCode> {
  if (!options.online) {
    throw new TenancyError('CONFIG.INVALID', "The plain way to apply a migration is Prisma's own.", {
      hint: 'On an empty or quiet database: npx prisma migrate deploy\nOn a live one, without stopping it: tenancy apply --online',
    })
  }
  const output = new Output(options)
  const project = await loadProject(process.cwd())
  return withDatabase<ExitCode>(options.url, async (database) => {
    const pending = await pendingMigrations(database.client, project.migrations, database.schema)
    await refuseGaps(database, project.migrations, pending)
    // All of them, before the first one runs.
    const runs = pending.map((migration) => ({ migration, steps: onlineSteps(migration) }))
    const reports: object[] = []
    for (const { migration, steps } of runs) {
      output.note(`${migration.name}: ${count(steps.length, 'step')}`)
      const report = await run(database, steps, options)
      await record(database, migration)
      reports.push({ migration: migration.name, ...report })
      output.line(
        `Applied ${migration.name}: ${summary(report)}. It is recorded, and prisma migrate deploy passes it over.`,
      )
    }
    output.result(() => ({ applied: reports }))
    if (runs.length === 0) output.line(await nothingToApply(project.migrations))
    for (const text of await warningsNow(database, project.desired)) output.warn(text)
    return 0
  })
}

async function run(database: Database, steps: readonly Step[], options: ApplyOptions): Promise<ApplyReport> {
  const { lockTimeout, retries, batchSize, pause } = options
  const bar = progressBar(process.stderr)
  const stop = new AbortController()
  const interrupt = (): void => {
    // A second time, and it ends like any other program.
    process.off('SIGINT', interrupt)
    stop.abort()
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  try {
    const { onProgress } = bar
    const { signal } = stop
    const report = await applyOnline(database.connect, steps, {
      lockTimeout,
      retries,
      batchSize,
      pause,
      onProgress,
      signal,
    })
    if (report.missing.length === 0) return report
    throw new TenancyError('MIGRATION.FAILED', `The database still lacks: ${report.missing.join('; ')}.`, {
      hint: `Somebody may have undone it meanwhile. ${again}`,
    })
  } catch (error) {
    if (!stop.signal.aborted) throw error
    throw new TenancyError('MIGRATION.FAILED', 'Stopped, as you asked.', { hint: again, cause: error })
  } finally {
    bar.stop()
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
}

async function warningsNow({ connect }: Database, desired: Desired): Promise<string[]> {
  const client = await connect()
  try {
    return await loginWarnings(client, desired)
  } finally {
    await client.end()
  }
}

/** On a connection of its own: the first one has been idle for as long as the run took. */
async function record({ connect, schema }: Database, migration: WrittenMigration): Promise<void> {
  const client = await connect()
  try {
    await recordMigration(client, { ...migration, schema })
  } finally {
    await client.end()
  }
}

/** Prisma applies migrations in their order, and so do we: what stands before ours must be there. */
async function refuseGaps(database: Database, migrations: string, pending: readonly WrittenMigration[]): Promise<void> {
  const last = pending.at(-1)?.name
  if (last === undefined) return
  const recorded = await recordedMigrations(database)
  const ours = new Set(pending.map(({ name }) => name))
  const gaps = (await migrationNames(migrations)).filter(
    (name) => name < last && !recorded.has(name) && !ours.has(name) && /^\d/.test(name),
  )
  const [first] = gaps
  if (first === undefined) return
  throw new TenancyError('MIGRATION.CONFLICT', `${first} comes first and is not applied to this database.`, {
    hint: `If the database has what it makes, say so: npx prisma migrate resolve --applied ${first}\nElse deploy it first: npx prisma migrate deploy with the state of the project before ${last}.`,
    docsUrl: 'https://www.prisma.io/docs/orm/prisma-migrate/workflows/baselining',
    meta: { gaps },
  })
}

function onlineSteps({ name, steps }: WrittenMigration): readonly Step[] {
  if (typeof steps !== 'string') return steps
  const sentence =
    steps === 'missing'
      ? `${name} has no online.json, which tells how to apply it to a live database`
      : `The migration.sql of ${name} was changed, so that its online.json would do something else`
  throw new TenancyError('MIGRATION.CONFLICT', `${sentence}.`, {
    hint: 'Put the file back as it was written, or apply the migration in a quiet hour: npx prisma migrate deploy',
  })
}

function summary({ steps, filled, retries }: ApplyReport): string {
  const done = steps.filter(({ state }) => state === 'done').length
  const there = steps.length - done
  return [
    `${count(done, 'step')} done`,
    ...(there > 0 ? [`${there} there already`] : []),
    ...(filled > 0 ? [`${count(filled, 'row')} filled`] : []),
    ...(retries > 0 ? [`a lock waited for ${count(retries, 'time')}`] : []),
  ].join(', ')
}

async function nothingToApply(migrations: string): Promise<string> {
  const some = (await tenancyMigrations(migrations)).length > 0
  return some ? 'Nothing to apply: the database has every migration.' : 'There is no migration yet: tenancy migration'
}
