import { relative } from 'node:path'
import { TenancyError } from '../../errors.js'
import { unwritten, writeMigration, writtenKeys } from '../../migration/files.js'
import { showValue } from '../../show-value.js'
import { withDatabase } from '../connect.js'
import { type LiveState, lookAt } from '../live.js'
import { count, type ExitCode, Output } from '../output.js'
import { loadProject } from '../project.js'
import { stageFiles } from '../stage-files.js'
import { unifiedDiff } from '../unified-diff.js'
import { stepsToWrite } from './plan.js'

export interface MigrationOptions {
  readonly name: string
  /** Edit the schema too. */
  readonly write?: boolean | undefined
  /** A database whose own state counts as well; `true`: the one of DATABASE_URL. */
  readonly url?: string | true | undefined
  readonly json?: boolean | undefined
}

/**
 * `tenancy migration`: writes the migration, and with `--write` the schema. Everything is checked first, and nothing is
 * written when anything fails.
 */
export async function migration(options: MigrationOptions): Promise<ExitCode> {
  const output = new Output(options)
  const name = checkName(options.name)
  const folder = process.cwd()
  const project = await loadProject(folder)
  const written = await writtenKeys(project.migrations)
  const live =
    options.url === undefined ? undefined : await withDatabase(options.url, (database) => lookAt(database, project))
  if (live) refuseRows(live)
  const steps = stepsToWrite(project.steps, written, live)
  const edits = options.write ? project.edits : []

  const schema = await stageFiles(edits.map(({ path, after }) => ({ path, text: after })))
  let made: { name: string; folder: string } | undefined
  try {
    if (steps.length > 0) made = await writeMigration(project.migrations, name, steps)
    await schema.commit()
  } catch (error) {
    await schema.discard(made?.folder)
    throw error
  }

  output.result(() => ({
    migration: made?.name ?? null,
    steps: steps.map(({ key, title }) => ({ key, title })),
    written: edits.map(({ shown }) => shown),
    schemaEdits: project.edits.map(({ shown, before, after }) => ({
      path: shown,
      diff: unifiedDiff(shown, before, after),
    })),
  }))
  if (made) {
    const path = relative(folder, made.folder)
    output.line(`Wrote ${path}/migration.sql with ${count(steps.length, 'step')}, and down.sql, which undoes them.`)
  }
  for (const { shown } of edits) output.line(`Edited ${shown}.`)
  if (!options.write && project.edits.length > 0) {
    output.line(
      '\nThe schema must say the same, or the next `prisma migrate dev` undoes it. --write makes this edit:\n',
    )
    for (const { shown, before, after } of project.edits) output.line(unifiedDiff(shown, before, after))
  }
  const there = unwritten(project.steps, written).length - steps.length
  if (live && there > 0) output.line(`Left out ${count(there, 'step')}: the database has them already.`)
  if (!made && project.edits.length === 0) output.line('Nothing is missing: the migrations and the schema say it all.')
  for (const text of live?.warnings ?? []) output.warn(text)
  if (made) output.note(whatNext)
  if (edits.length > 0) output.note('\nThe schema has changed:                 npx prisma generate')
  return 0
}

const whatNext = `
Next, for an empty or quiet database:   npx prisma migrate deploy
for a live one, without stopping it:    npx tenancy apply --online`

/** It becomes part of a folder's name. */
function checkName(name: string): string {
  if (/^[a-z0-9][a-z0-9_-]{0,99}$/i.test(name)) return name
  throw new TenancyError('CONFIG.INVALID', `The name of the migration is ${showValue(name)}.`, {
    hint: 'Use letters, digits, _ and -: --name tenancy',
  })
}

function refuseRows({ rows }: LiveState): void {
  if (rows.length === 0) return
  throw new TenancyError('MIGRATION.ROWS', rows.map(({ message }) => message).join('\n'), {
    hint: [...new Set(rows.map(({ hint }) => hint))].join('\n'),
    meta: { counts: rows.map(({ count: number }) => number) },
  })
}
