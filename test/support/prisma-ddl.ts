import * as driverAdapterUtils from '@prisma/driver-adapter-utils'
import { schemaEngine } from './schema-engine.js'

/** A file of a Prisma schema, as src/schema has it. */
interface SchemaFile {
  readonly path: string
  readonly text: string
}

/** The DDL that Prisma itself would run on an empty database for this schema, without a database. */
export function ddlOf(files: readonly SchemaFile[]): Promise<string> {
  return diff({ tag: 'empty' }, datamodel(files))
}

/** The DDL that `prisma migrate dev` would write when one schema becomes the other. Empty: they are the same database. */
export async function ddlBetween(from: readonly SchemaFile[], to: readonly SchemaFile[]): Promise<string> {
  const ddl = await diff(datamodel(from), datamodel(to))
  return ddl.trim() === '-- This is an empty migration.' ? '' : ddl
}

const datamodel = (files: readonly SchemaFile[]) => ({
  tag: 'schemaDatamodel',
  files: files.map(({ path, text }) => ({ path, content: text })),
})

interface Engine {
  diff(input: unknown): Promise<{ stdout: string | null }>
  free(): void
}

async function diff(from: unknown, to: unknown): Promise<string> {
  const engine = await newEngine()
  try {
    const filters = { externalTables: [], externalEnums: [] }
    const { stdout } = await engine.diff({ from, to, script: true, exitCode: null, shadowDatabaseUrl: null, filters })
    return stdout ?? ''
  } catch (error) {
    throw new Error(plain(error))
  } finally {
    engine.free()
  }
}

async function newEngine(): Promise<Engine> {
  const { SchemaEngine } = await schemaEngine<Engine>()
  // Only asked for the server's version: no statement of the DDL is run.
  const adapter = {
    provider: 'postgres',
    adapterName: 'stub',
    queryRaw: async () => ({
      columnNames: ['version', 'numeric_version'],
      columnTypes: [7, 0],
      rows: [['PostgreSQL 17.0', 170000]],
    }),
    executeRaw: async () => 0,
    executeScript: async () => {},
    startTransaction: () => Promise.reject(new Error('no transaction is needed for a diff')),
    getConnectionInfo: () => ({ schemaName: 'public', supportsRelationJoins: true }),
    dispose: async () => {},
  }
  const factory = {
    provider: 'postgres',
    adapterName: 'stub',
    connect: async () => adapter,
    connectToShadowDb: async () => adapter,
  }
  const bound = driverAdapterUtils.bindMigrationAwareSqlAdapterFactory(factory as never)
  return SchemaEngine.new(
    { datamodels: [['schema.prisma', 'datasource db {\n  provider = "postgresql"\n}\n']] },
    () => {},
    bound,
  )
}

function plain(error: unknown): string {
  const text = error instanceof Error ? error.message : JSON.stringify(error)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours of the engine's messages
  return text.replaceAll(/\u001b\[[0-9;]*m/g, '')
}
