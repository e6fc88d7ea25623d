import type { TableName } from '../sql/quote.js'
import type { Attribute } from './attribute.js'
import type { Block, Line, SchemaFile, Span } from './source.js'

/** A Prisma schema with everything that exists in the database, what the client ignores included. */
export interface PrismaSchema {
  readonly files: readonly SchemaFile[]
  /** In the order of the files, `@@ignore` ones included. */
  readonly models: readonly Model[]
  readonly views: readonly View[]
  /** Implicit many-to-many relations, each once. */
  readonly manyToMany: readonly ManyToMany[]
  /** Schemas of the database, empty where the datasource names none. */
  readonly schemas: readonly string[]
}

export interface Model {
  readonly name: string
  readonly table: TableName
  readonly ignored: boolean
  readonly block: Block
  /** Fields that are a column: scalars, enums, `Unsupported(…)`. */
  readonly fields: readonly Field[]
  /** Relations whose foreign key is in this table. */
  readonly relations: readonly Relation[]
  readonly primaryKey: Key | undefined
  readonly uniques: readonly Key[]
  readonly indexes: readonly Key[]
}

export interface Field {
  readonly name: string
  readonly column: string
  /** `String`, an enum's name, `Unsupported`. */
  readonly type: string
  /** `Uuid` of `@db.Uuid`. */
  readonly nativeType: string | undefined
  readonly optional: boolean
  readonly list: boolean
  /** What stands in `@default(…)`. */
  readonly default: string | undefined
  readonly source: FieldSource
}

/** Where a field stands. Positions are the file's. */
export interface FieldSource {
  readonly line: Line
  readonly name: Span
  /** With its `?` or `[]`. */
  readonly type: Span
  readonly attributes: readonly Attribute[]
}

/** A primary key, a unique index or an index. */
export interface Key {
  readonly kind: 'id' | 'unique' | 'index'
  /** Fields by their Prisma names. */
  readonly fields: readonly string[]
  readonly descending: readonly string[]
  /** The name in the database. */
  readonly name: string
  /** The `where:` of a partial index, as it stands there. */
  readonly where: string | undefined
  readonly attribute: Attribute
  /** The field that it stands on; undefined for `@@id`, `@@unique`, `@@index`. */
  readonly field: Field | undefined
}

export interface Relation {
  /** The relation field. */
  readonly name: string
  /** The model it points at; may be a view. */
  readonly parent: string
  readonly fields: readonly string[]
  readonly references: readonly string[]
  /** As written: `Cascade`, `SetNull`, …; undefined where Prisma's default counts. */
  readonly onDelete: string | undefined
  readonly onUpdate: string | undefined
  /** The name of the foreign key in the database. */
  readonly constraint: string
  /** A parent has at most one such child. */
  readonly oneToOne: boolean
  readonly attribute: Attribute
}

export interface View {
  readonly name: string
  readonly table: TableName
  /** Relations to models: the fields that they reference. */
  readonly references: readonly { readonly model: string; readonly fields: readonly string[] }[]
}

export interface ManyToMany {
  readonly table: TableName
  /** Model whose id is in column A, and the one in column B. */
  readonly a: string
  readonly b: string
}

/** A field of a model by its Prisma name, which Prisma has checked. */
export function fieldOf(model: Model, name: string): Field {
  const field = model.fields.find((each) => each.name === name)
  if (!field) throw new Error(`${model.name} has no field ${name}`)
  return field
}

export function columnsOf(model: Model, fields: readonly string[]): string[] {
  return fields.map((name) => fieldOf(model, name).column)
}

/** May the foreign key be NULL? It then points at nothing. */
export function isOptional(model: Model, relation: Relation): boolean {
  return relation.fields.some((name) => fieldOf(model, name).optional)
}

/**
 * What happens to children when their parent is deleted, in Prisma's words, its default included.
 *
 * @see https://www.prisma.io/docs/orm/prisma-schema/data-model/relations/referential-actions#referential-action-defaults
 */
export function onDeleteOf(model: Model, relation: Relation): string {
  // Of a composite key only one column need be required, and the default is Restrict.
  const allOptional = relation.fields.every((name) => fieldOf(model, name).optional)
  return relation.onDelete ?? (allOptional ? 'SetNull' : 'Restrict')
}

/** The bare name of a table, which constraint names are made of. */
export function bareName(table: TableName): string {
  return typeof table === 'string' ? table : table.table
}
