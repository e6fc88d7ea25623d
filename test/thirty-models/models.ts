// The models as Prisma's client sees them, and how it names their rows.
import { getDMMF } from '@prisma/get-dmmf'

import type { SchemaFile } from './schema-files.js'
import type { Row } from './seed.js'

type Datamodel = Extract<ReturnType<typeof getDMMF>, { datamodel: unknown }>['datamodel']
export type Field = Datamodel['models'][number]['fields'][number]

export interface Model {
  readonly name: string
  /** `prisma[delegate]`. */
  readonly delegate: string
  /** The table as `schema.table`. */
  readonly table: string
  readonly scalars: readonly Field[]
  readonly relations: readonly Field[]
  /** Field names of the primary key, or of the first unique key of a view. */
  readonly key: readonly string[]
  /** Every way to name one row: the primary key first. */
  readonly uniques: readonly { readonly name: string; readonly fields: readonly string[] }[]
}

export async function modelsOf(files: readonly SchemaFile[]): Promise<Model[]> {
  const dmmf = getDMMF({ datamodel: files.map(({ path, text }) => [path, text]) })
  if (!('datamodel' in dmmf)) throw dmmf.error
  return dmmf.datamodel.models.map((model) => {
    const uniques = [
      ...model.fields.filter(({ isId }) => isId).map(({ name }) => ({ name, fields: [name] })),
      ...(model.primaryKey ? [named(model.primaryKey)] : []),
      ...model.fields.filter(({ isUnique }) => isUnique).map(({ name }) => ({ name, fields: [name] })),
      ...model.uniqueIndexes.map(named),
    ]
    return {
      name: model.name,
      delegate: `${model.name[0]?.toLowerCase()}${model.name.slice(1)}`,
      table: `${(model as { schema?: string | null }).schema ?? 'public'}.${model.dbName ?? model.name}`,
      scalars: model.fields.filter(({ kind }) => kind !== 'object'),
      relations: model.fields.filter(({ kind }) => kind === 'object'),
      key: uniques[0]?.fields ?? [],
      uniques,
    }
  })
}

function named({ name, fields }: { readonly name: string | null; readonly fields: readonly string[] }) {
  return { name: name ?? fields.join('_'), fields }
}

/** `{ id: 1 }` or `{ projectId_userId: { projectId: …, userId: … } }`. */
export function whereOf(row: Row, unique: Model['uniques'][number] | undefined): Record<string, unknown> {
  if (!unique) throw new Error('The model has no unique key.')
  const values = Object.fromEntries(unique.fields.map((field) => [field, row[field]]))
  return unique.fields.length === 1 ? values : { [unique.name]: values }
}

/** For a `where` of findMany, which knows no composite keys. */
export function equal(row: Row, fields: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(fields.map((field) => [field, row[field]]))
}

export function keyOf(row: Row, fields: readonly string[]): string {
  return fields.map((field) => String(row[field])).join(' ')
}

export function columnOf({ name, dbName }: Field): string {
  return dbName ?? name
}
