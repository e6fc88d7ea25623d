import { readFile, writeFile } from 'node:fs/promises'
import { relative } from 'node:path'
import colors from 'picocolors'
import { doctor as examine } from '../../doctor/doctor.js'
import type { Checked, Level, Report } from '../../doctor/finding.js'
import { probePooler } from '../../doctor/probe-pooler.js'
import {
  applyBaseline,
  type BaselineEntry,
  baselineText,
  type Judged,
  parseBaseline,
  updatedBaseline,
} from '../../doctor/report/baseline.js'
import { type Fixes, fixesOf } from '../../doctor/report/fix.js'
import { reportHtml } from '../../doctor/report/html.js'
import { printable } from '../../doctor/report/printable.js'
import { toSarif } from '../../doctor/report/sarif.js'
import { type Paint, reportText } from '../../doctor/report/text.js'
import { rules } from '../../doctor/rules/all.js'
import { isTenancyError, TenancyError } from '../../errors.js'
import { sqlState } from '../../online/failures.js'
import { type Database, withDatabase } from '../connect.js'
import { type DoctorFlags, doctorOptionsOf, migrationsOf, type SetUp, setUpOf } from '../doctor-set-up.js'
import { type ExitCode, Output } from '../output.js'
import { sourceLocations } from '../source-location.js'
import { version } from '../version.js'
import { aboutFixes, type WrittenFixes, writeFixes } from '../write-fixes.js'

export interface DoctorCommandOptions extends DoctorFlags {
  readonly url?: string | undefined
  readonly probePooler?: boolean | undefined
  readonly baseline?: string | undefined
  /** The reason for what is new in it. */
  readonly updateBaseline?: string | undefined
  readonly sarif?: string | undefined
  readonly html?: string | undefined
  readonly fix?: boolean | undefined
  readonly failOn: Level
  readonly json?: boolean | undefined
}

/** `tenancy doctor`: judges a live database and changes nothing there. 1: there are findings at or above `--fail-on`. */
export async function doctor(options: DoctorCommandOptions): Promise<ExitCode> {
  const output = new Output(options)
  const folder = process.cwd()
  const setUp = await setUpOf(folder, options)
  const entries = await baselineOf(options)
  const migrations = options.fix ? await migrationsOf(folder, setUp) : undefined

  const looked = await withDatabase(options.url, (database) => look(database, setUp, options), {
    // The doctor leaves no setting behind, not even where a pooler would hand it on.
    searchPath: false,
  })
  let judged = judge(looked, entries)
  const written: Record<string, string> = {}
  const write = async (option: string, path: string | undefined, text: () => string): Promise<void> => {
    if (path === undefined) return
    await writeOutput(option, path, text())
    written[option] = path
  }
  if (options.updateBaseline !== undefined) {
    const updated = updatedBaseline(entries, judged, options.updateBaseline)
    await write('baseline', options.baseline, () => baselineText(updated))
    judged = judge(looked, updated)
  }
  await write('html', options.html, () => reportHtml(judged, { at: new Date(), rules }))
  await write('sarif', options.sarif, () => {
    const locate = sourceLocations(folder, setUp.project, looked.schema)
    return `${JSON.stringify(toSarif(judged.report, { rules, version: version(), locate }), undefined, 2)}\n`
  })
  const fixes = fixesOf(judged.report.findings)
  const migration = migrations === undefined ? undefined : await writeFixes(migrations, fixes)

  const failed = fails(judged.report, options.failOn)
  output.result(() => asJson(judged, { failed, written, fixes, migration, folder }))
  output.line(reportText(judged, paint))
  for (const { rule, object } of judged.obsolete) {
    output.warn(`The baseline names ${rule} of ${printable(object)}, which is not found any more: take the entry out.`)
  }
  for (const path of Object.values(written)) output.note(`Wrote ${path}.`)
  if (migration) for (const line of aboutFixes(fixes, migration, folder)) output.line(line)
  if (migration?.path !== undefined && (setUp.project?.edits.length ?? 0) > 0) {
    output.warn(
      'The schema is not what the configuration asks for yet. Where nothing is migrated: tenancy migration --write',
    )
  }
  return failed ? 1 : 0
}

async function look(database: Database, setUp: SetUp, options: DoctorCommandOptions): Promise<Look> {
  const { client, connect, schema } = database
  try {
    const { doctorOptions, notChecked } = await doctorOptionsOf(setUp, options, database)
    const poolerProbe = options.probePooler ? await probePooler(connect) : undefined
    return { report: await examine(client, { ...doctorOptions, poolerProbe }), notChecked, schema }
  } catch (error) {
    throw unread(error)
  }
}

interface Look {
  readonly report: Report
  /** By the command itself. */
  readonly notChecked: Checked['notChecked']
  readonly schema: string | undefined
}

function judge({ report, notChecked }: Look, entries: readonly BaselineEntry[]): Judged {
  const judged = applyBaseline(report, entries)
  const { findings, checked } = judged.report
  return {
    ...judged,
    report: { findings, checked: { ...checked, notChecked: [...checked.notChecked, ...notChecked] } },
  }
}

/** What PostgreSQL or the connection says while nothing but reading is done. */
function unread(error: unknown): unknown {
  const { code, message } = error as { code?: unknown; message?: string }
  const lost = typeof code === 'string' || `${message}`.startsWith('Connection terminated')
  if (isTenancyError(error) || !lost) return error
  const refused = sqlState(error) === '42501'
  return new TenancyError('CONNECTION.FAILED', `The doctor could not read the database: ${message}.`, {
    hint: refused
      ? 'Run it as another role, such as the owner of the tables: --url postgresql://owner@…'
      : 'Nothing was changed. Start it again; if it stays so, run it as another role or without the pooler.',
    cause: error,
  })
}

const levels: readonly Level[] = ['info', 'warning', 'error']

function fails({ findings }: Report, failOn: Level): boolean {
  return findings.some(({ level }) => levels.indexOf(level) >= levels.indexOf(failOn))
}

async function baselineOf({ baseline, updateBaseline }: DoctorCommandOptions): Promise<BaselineEntry[]> {
  if (updateBaseline?.trim() === '') {
    throw invalid('--update-baseline has no reason.', '--update-baseline "known since the audit of May"')
  }
  if (baseline === undefined) {
    if (updateBaseline === undefined) return []
    throw invalid('--update-baseline needs a file.', 'Add --baseline tenancy.baseline.json')
  }
  let text: string
  try {
    text = await readFile(baseline, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    // There is none yet, and it is to be written.
    if (code === 'ENOENT' && updateBaseline !== undefined) return []
    const hint = `To make it of what is found: tenancy doctor --baseline ${printable(baseline)} --update-baseline "why it may stay"`
    throw new TenancyError('CONFIG.INVALID', `The baseline ${printable(baseline)} cannot be read (${code}).`, {
      hint,
      cause,
    })
  }
  const ids = rules.map(({ id }) => id)
  return parseBaseline(text, printable(baseline), ids)
}

async function writeOutput(option: string, path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new TenancyError('CONFIG.INVALID', `${printable(path)} cannot be written (${code}).`, {
      hint: `Name a file in a folder that is there: --${option} report.${option === 'html' ? 'html' : option === 'sarif' ? 'sarif' : 'json'}`,
      cause,
    })
  }
}

interface Outcome {
  readonly failed: boolean
  readonly written: Readonly<Record<string, string>>
  readonly fixes: Fixes
  readonly migration: WrittenFixes | undefined
  readonly folder: string
}

function asJson({ report, accepted, obsolete }: Judged, outcome: Outcome): object {
  const { failed, written, fixes, migration, folder } = outcome
  return {
    failed,
    ...report,
    accepted: accepted.map(({ finding: { rule, level, object }, reason }) => ({ rule, level, object, reason })),
    obsolete,
    written,
    ...(migration && {
      fix: {
        migration: migration.path === undefined ? null : relative(folder, migration.path),
        fixes: fixes.mechanical.map(({ rule, object }) => ({ rule, object })),
        needPerson: fixes.forPeople.map(({ rule, object }) => ({ rule, object })),
      },
    }),
  }
}

const paint: Paint = {
  error: (text) => colors.bold(colors.red(text)),
  warning: (text) => colors.bold(colors.yellow(text)),
  info: (text) => colors.bold(colors.blue(text)),
  strong: colors.bold,
  quiet: colors.dim,
  sql: colors.cyan,
  good: colors.green,
}

function invalid(message: string, hint: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', message, { hint })
}
