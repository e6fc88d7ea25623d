import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import prisma from '@prisma/prisma-schema-wasm'
import { TenancyError } from '../errors.js'
import { showValue } from '../show-value.js'
import { buildSchema, datasourceSetting } from './build.js'
import type { Field, Model, PrismaSchema, Relation } from './model.js'
import { type Block, blocksOf, type SchemaFile } from './source.js'

/**
 * A schema from disk: one file, or a folder with every `.prisma` file below it.
 *
 * @throws TenancyError `CONFIG.INVALID`, as {@link readSchema}, and where there is no such file or folder
 * @see https://www.prisma.io/docs/orm/prisma-schema/overview/location#multi-file-prisma-schema
 */
export async function loadSchema(path: string): Promise<PrismaSchema> {
  const found = await stat(path).catch(() => undefined)
  if (!found) {
    throw invalid(
      `There is no Prisma schema at ${showValue(path)}`,
      'Write its path into tenancy.config.json: "schema": "prisma/schema.prisma" or a folder of .prisma files.',
    )
  }
  const paths = found.isDirectory() ? await filesBelow(path) : [path]
  if (paths.length === 0) {
    throw invalid(
      `The folder ${showValue(path)} has no .prisma file`,
      'Write the path of the schema, or of its folder.',
    )
  }
  return readSchema(await Promise.all(paths.map(async (each) => ({ path: each, text: await readFile(each, 'utf8') }))))
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const paths = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesBelow(path)
      return entry.name.endsWith('.prisma') ? [path] : []
    }),
  )
  return paths.flat().sort()
}

/**
 * Reads a Prisma schema. Prisma's own parser judges it; what that parser does not hand out (`@@ignore` models, `@ignore`
 * fields, names of constraints, places in the text) is read from the text, and the two readings are compared.
 *
 * @throws TenancyError `CONFIG.INVALID` for a schema that Prisma refuses, with Prisma's message; for another database
 * than PostgreSQL; for `relationMode = "prisma"`. `CONFIG.UNSUPPORTED_VERSION` where the two readings differ.
 */
export async function readSchema(files: readonly SchemaFile[]): Promise<PrismaSchema> {
  const datamodel = parse(files)
  const blocks = files.flatMap(blocksOf)
  checkDatasource(blocks)
  const schema = buildSchema(files, blocks)
  compare(schema, datamodel)
  return schema
}

/** The datamodel of Prisma's DMMF alone: with the client's whole query schema beside it, 500 models take 30 times as long. */
function parse(files: readonly SchemaFile[]): Datamodel {
  const input = { prismaSchema: files.map(({ path, text }) => [path, text]), noColor: true }
  let text: string
  try {
    text = prisma.get_datamodel(JSON.stringify(input))
  } catch (error) {
    throw refusedByPrisma(error as Error)
  }
  return JSON.parse(text) as Datamodel
}

function refusedByPrisma(error: Error): TenancyError {
  return new TenancyError('CONFIG.INVALID', `Prisma cannot read the schema.\n${messageOf(error)}`, {
    hint: 'Correct the schema until `npx prisma validate` accepts it.',
    docsUrl: 'https://www.prisma.io/docs/orm/reference/prisma-schema-reference',
    cause: error,
  })
}

function messageOf({ message }: Error): string {
  let text = message
  try {
    text = String((JSON.parse(message) as { message?: unknown }).message ?? message)
  } catch {
    // A parser that broke down says so in plain words.
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours of Prisma's messages
  return text.replaceAll(/\u001b\[[0-9;]*m/g, '').trim()
}

function checkDatasource(blocks: readonly Block[]): void {
  const provider = datasourceSetting(blocks, 'provider')
  if (provider !== '"postgresql"' && provider !== '"postgres"') {
    throw invalid(
      `The schema is for ${provider === undefined ? 'no database' : `the provider ${provider}`}`,
      'Row-level security is PostgreSQL\'s: write provider = "postgresql" in the datasource block.',
    )
  }
  if (datasourceSetting(blocks, 'relationMode') === '"prisma"') {
    throw invalid(
      'The schema has relationMode = "prisma", so that no foreign key keeps a row from pointing at another tenant\'s',
      'Take relationMode out of the datasource block, and let `npx prisma migrate dev` create the foreign keys.',
    )
  }
}

/** The parts of Prisma's datamodel that are compared. */
interface Datamodel {
  readonly models: readonly {
    readonly name: string
    readonly dbName: string | null
    readonly fields: readonly DmmfField[]
    readonly primaryKey: { readonly fields: readonly string[] } | null
  }[]
}

/** The text was read the way Prisma reads it, wherever Prisma tells; else nothing may be built on it. */
function compare(schema: PrismaSchema, { models }: Datamodel): void {
  const views = new Set(schema.views.map(({ name }) => name))
  const own = new Map(schema.models.filter(({ ignored }) => !ignored).map((model) => [model.name, model]))
  const known = models.filter(({ name }) => !views.has(name))
  if (known.length !== own.size) throw unlike('the list of models')
  for (const model of known) {
    const mine = own.get(model.name)
    if (!mine || (model.dbName ?? model.name) !== nameOf(mine)) throw unlike(model.name)
    const fields = new Map(mine.fields.map((field) => [field.name, field]))
    const relations = new Map(mine.relations.map((relation) => [relation.name, relation]))
    for (const field of model.fields) {
      const same =
        field.kind === 'object'
          ? sameRelation(relations.get(field.name), field)
          : sameField(fields.get(field.name), field)
      if (!same) throw unlike(`${model.name}.${field.name}`)
    }
    const key = model.primaryKey?.fields ?? model.fields.filter(({ isId }) => isId).map(({ name }) => name)
    if (key.join() !== (mine.primaryKey?.fields ?? []).join()) throw unlike(`the key of ${model.name}`)
  }
}

function nameOf({ table }: Model): string {
  return typeof table === 'string' ? table : table.table
}

interface DmmfField {
  readonly kind: string
  readonly dbName?: string | null
  readonly name: string
  readonly type: string
  readonly isList: boolean
  readonly isRequired: boolean
  readonly isId: boolean
  readonly hasDefaultValue: boolean
  readonly relationFromFields?: readonly string[]
  readonly relationToFields?: readonly string[]
}

function sameField(mine: Field | undefined, field: DmmfField): boolean {
  return (
    mine !== undefined &&
    mine.column === (field.dbName ?? field.name) &&
    mine.type === field.type &&
    mine.list === field.isList &&
    mine.optional === (!field.isRequired && !field.isList) &&
    (mine.default !== undefined) === field.hasDefaultValue
  )
}

function sameRelation(
  mine: Relation | undefined,
  { relationFromFields: from = [], relationToFields: to = [] }: DmmfField,
) {
  return from.join() === (mine?.fields ?? []).join() && (from.length === 0 || to.join() === mine?.references.join())
}

function unlike(what: string): TenancyError {
  return new TenancyError('CONFIG.UNSUPPORTED_VERSION', `This library reads ${what} otherwise than Prisma does.`, {
    hint: 'Please report it with that part of the schema; until then, nothing is written.',
  })
}

function invalid(sentence: string, hint: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', `${sentence}.`, { hint })
}
