import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { TenancyError } from '../errors.js'
import { planSteps } from '../migration/plan-steps.js'
import type { Step } from '../migration/step.js'
import { type ResolvedConfig, readConfig } from '../schema/config.js'
import type { Desired } from '../schema/desired.js'
import { desiredState } from '../schema/desired-state.js'
import { editedSchema } from '../schema/edit.js'
import type { PrismaSchema } from '../schema/model.js'
import { loadSchema } from '../schema/read.js'
import type { SchemaFile } from '../schema/source.js'

/** A project as it is on disk, and what it lacks for tenants to be apart. */
export interface Project {
  readonly config: ResolvedConfig
  /** The folder with the migrations; it need not exist yet. */
  readonly migrations: string
  /** The schema as it is. */
  readonly files: readonly SchemaFile[]
  /** Schema files that must say something else, with what they must say. */
  readonly edits: readonly SchemaEdit[]
  readonly desired: Desired
  /** Everything that a database needs, whether it is written already or not. */
  readonly steps: readonly Step[]
}

export interface SchemaEdit {
  readonly path: string
  /** As people see it: from the project's folder. */
  readonly shown: string
  readonly before: string
  readonly after: string
}

/**
 * Reads the project in a folder: tenancy.config.json, the schema, the place of the migrations. Writes nothing.
 *
 * @throws TenancyError `CONFIG.INVALID`: no configuration, no schema, a schema that Prisma or that tenants cannot live
 * with, a folder that holds something else than migrations
 */
export async function loadProject(folder: string): Promise<Project> {
  const config = await readConfig(folder)
  const path = await findSchema(folder, config.schema)
  const [before, migrations] = await Promise.all([loadSchema(path), findMigrations(folder, path, config.migrations)])
  const after = await editedSchema(before, config)
  const desired = desiredState(after, before, config)
  return {
    config,
    migrations,
    files: before.files,
    edits: editsBetween(before, after, folder),
    desired,
    steps: planSteps(desired),
  }
}

/**
 * Where the migrations are: as given, else beside the schema.
 *
 * @throws TenancyError `CONFIG.INVALID` where other files are
 */
export async function findMigrations(folder: string, schema: string, given: string | undefined): Promise<string> {
  const migrations = resolve(folder, given ?? join(dirname(schema), 'migrations'))
  await checkMigrations(migrations, relative(folder, migrations))
  return migrations
}

/**
 * Where the schema is: as given, else where Prisma has it by default.
 *
 * @throws TenancyError `CONFIG.INVALID` where there is none
 */
export async function findSchema(folder: string, given: string | undefined): Promise<string> {
  const places = given === undefined ? ['prisma/schema.prisma', 'prisma/schema', 'schema.prisma'] : [given]
  for (const place of places) {
    const path = resolve(folder, place)
    if (await stat(path).catch(() => undefined)) return path
  }
  throw new TenancyError('CONFIG.INVALID', `There is no Prisma schema at ${places.join(', ')}.`, {
    hint: 'Name the file, or the folder of .prisma files: "schema": "prisma/schema.prisma" in tenancy.config.json, or --schema of tenancy init.',
  })
}

function editsBetween(before: PrismaSchema, after: PrismaSchema, folder: string): SchemaEdit[] {
  const former = new Map(before.files.map((file) => [file.path, file.text]))
  return after.files.flatMap(({ path, text }: SchemaFile) => {
    const old = former.get(path)
    if (old === undefined || old === text) return []
    return [{ path, shown: relative(folder, path), before: old, after: text }]
  })
}

/** Whatever else is in there, we would put a migration where Prisma never looks. */
async function checkMigrations(migrations: string, shown: string): Promise<void> {
  const entries = await readdir(migrations).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return []
    throw notMigrations(shown, cause.code === 'ENOTDIR' ? 'is a file' : `cannot be read (${cause.code})`)
  })
  const lock = await readFile(join(migrations, 'migration_lock.toml'), 'utf8').catch(() => undefined)
  const provider = lock && /^\s*provider\s*=\s*"(.*)"/m.exec(lock)?.[1]
  if (provider && !provider.startsWith('postgres')) {
    throw notMigrations(shown, `holds migrations for ${provider}`)
  }
  const known = lock !== undefined || entries.every((name) => name.startsWith('.')) || (await anyMigration(migrations))
  if (!known) throw notMigrations(shown, 'holds no Prisma migrations, but other files')
}

async function anyMigration(migrations: string): Promise<boolean> {
  const entries = await readdir(migrations, { withFileTypes: true })
  const found = await Promise.all(
    entries.map(async (entry) => {
      const file = entry.isDirectory() && (await stat(join(migrations, entry.name, 'migration.sql')).catch(() => false))
      return file !== false
    }),
  )
  return found.includes(true)
}

function notMigrations(shown: string, what: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', `The folder of migrations, ${shown}, ${what}.`, {
    hint: 'Name the folder in tenancy.config.json: "migrations": "prisma/migrations".',
  })
}
