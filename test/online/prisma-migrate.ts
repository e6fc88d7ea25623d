// `prisma migrate` without its command: the schema engine itself, on a real database through Prisma's own adapter.
import { PrismaPg } from '@prisma/adapter-pg'
import * as driverAdapterUtils from '@prisma/driver-adapter-utils'
import pg from 'pg'
import { schemaEngine } from '../support/schema-engine.js'

export interface MigrationFile {
  readonly name: string
  readonly sql: string
}

/** What the engine does for `prisma migrate deploy`, `resolve --applied` and `status`. */
export interface PrismaMigrate {
  /** The names of those that it ran. */
  deploy(migrations: readonly MigrationFile[]): Promise<string[]>
  resolveApplied(name: string, migrations: readonly MigrationFile[]): Promise<void>
  resolveRolledBack(name: string): Promise<void>
  status(
    migrations: readonly MigrationFile[],
  ): Promise<{ editedMigrationNames: string[]; failedMigrationNames: string[]; history: object | null }>
}

interface Engine {
  applyMigrations(input: unknown): Promise<{ appliedMigrationNames: string[] }>
  markMigrationApplied(input: unknown): Promise<void>
  markMigrationRolledBack(input: unknown): Promise<void>
  diagnoseMigrationHistory(input: unknown): ReturnType<PrismaMigrate['status']>
  free(): void
}

export function prismaMigrate(url: string): PrismaMigrate {
  const withEngine = async <Result>(work: (engine: Engine) => Promise<Result>): Promise<Result> => {
    const { SchemaEngine } = await schemaEngine<Engine>()
    // A pool of our own: the engine leaves its connection open, and on it Prisma's lock.
    const pool = new pg.Pool({ connectionString: url })
    const factory = driverAdapterUtils.bindMigrationAwareSqlAdapterFactory(wholeScripts(new PrismaPg(pool), pool))
    const schema = ['schema.prisma', 'datasource db {\n  provider = "postgresql"\n}\n']
    const engine = await SchemaEngine.new({ datamodels: [schema] }, () => {}, factory)
    try {
      return await work(engine)
    } finally {
      engine.free()
      await pool.end()
    }
  }
  const filters = { externalTables: [], externalEnums: [] }
  return {
    deploy: (migrations) =>
      withEngine(async (engine) => {
        const answer = await engine.applyMigrations({ migrationsList: listOf(migrations), filters })
        return answer.appliedMigrationNames
      }),
    resolveApplied: (migrationName, migrations) =>
      withEngine((engine) => engine.markMigrationApplied({ migrationName, migrationsList: listOf(migrations) })),
    resolveRolledBack: (migrationName) => withEngine((engine) => engine.markMigrationRolledBack({ migrationName })),
    status: (migrations) =>
      withEngine((engine) =>
        engine.diagnoseMigrationHistory({
          migrationsList: listOf(migrations),
          optInToShadowDatabase: false,
          filters,
        }),
      ),
  }
}

/** The adapter cuts scripts at every semicolon, inside of functions too; the engine of the command sends them whole. */
function wholeScripts(adapters: PrismaPg, pool: pg.Pool): PrismaPg {
  const connect = adapters.connect.bind(adapters)
  const executeScript = async (script: string): Promise<void> => void (await pool.query(script))
  return Object.assign(adapters, { connect: async () => Object.assign(await connect(), { executeScript }) })
}

function listOf(migrations: readonly MigrationFile[]): object {
  return {
    baseDir: '/migrations',
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories: migrations.map(({ name, sql }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: sql } },
    })),
  }
}
