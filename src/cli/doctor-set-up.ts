import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Checked } from '../doctor/finding.js'
import type { DoctorOptions } from '../doctor/options.js'
import { isTenancyError, TenancyError, withoutHint } from '../errors.js'
import { configFile, type ResolvedConfig, readConfig } from '../schema/config.js'
import type { Database } from './connect.js'
import { expectedOf, withSchema } from './expected.js'
import { findMigrations, findSchema, loadProject, type Project } from './project.js'

/** What the flags say; they override the configuration. */
export interface DoctorFlags {
  readonly appRole?: string | undefined
  readonly column?: string | undefined
  readonly setting?: string | undefined
  readonly schemas?: readonly string[] | undefined
  readonly tenantFunctions?: readonly string[] | undefined
}

/** What the doctor is told before it looks: by the configuration and the schema where there are any. */
export interface SetUp {
  readonly config: ResolvedConfig | undefined
  readonly project: Project | undefined
  /** Why there is no project. */
  readonly problem: TenancyError | undefined
  readonly appRole: string
}

/** @throws TenancyError `CONFIG.INVALID`: a configuration that is not right, or nobody names the app role */
export async function setUpOf(folder: string, flags: DoctorFlags): Promise<SetUp> {
  const there = await stat(join(folder, configFile)).catch(() => undefined)
  const config = there && (await readConfig(folder))
  const appRole = flags.appRole ?? config?.roles.app
  if (!appRole) {
    throw new TenancyError(
      'CONFIG.INVALID',
      `It is not known which role the service logs in with: there is no ${configFile} here, and no --app-role.`,
      { hint: 'Add --app-role app_user, or make the configuration: tenancy init' },
    )
  }
  if (!config) return { config, appRole, project: undefined, problem: undefined }
  try {
    return { config, appRole, project: await loadProject(folder), problem: undefined }
  } catch (error) {
    // The database can be judged without its schema; only what depends on it is not checked, and that is said.
    if (!isTenancyError(error)) throw error
    return { config, appRole, project: undefined, problem: error }
  }
}

export async function doctorOptionsOf(
  { config, appRole, project, problem }: SetUp,
  flags: DoctorFlags,
  database: Database,
): Promise<{ doctorOptions: DoctorOptions; notChecked: Checked['notChecked'] }> {
  const says = project && (await expectedOf(project, database))
  const { column = config?.column, setting = config?.setting, schemas, tenantFunctions } = flags
  const shared = project?.desired.tables.filter(({ kind }) => kind === 'shared')
  return {
    doctorOptions: {
      appRole,
      tenantColumn: column,
      setting,
      schemas,
      tenantFunctions,
      shared: shared?.map(({ table }) => withSchema(table, database.schema ?? 'public')),
      trustedRoles: config && [config.roles.migrator, config.roles.bypass],
      expected: says?.expected,
    },
    notChecked: [
      ...(says?.notChecked ?? []),
      ...(problem ? [{ what: 'Whether the database is what its schema says', reason: withoutHint(problem) }] : []),
    ],
  }
}

/**
 * Where a migration is written to.
 *
 * @throws TenancyError `CONFIG.INVALID` where that cannot be told
 */
export async function migrationsOf(folder: string, { config, project, problem }: SetUp): Promise<string> {
  if (problem) throw problem
  return project?.migrations ?? findMigrations(folder, await findSchema(folder, config?.schema), config?.migrations)
}
