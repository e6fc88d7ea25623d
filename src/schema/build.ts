import { type Attribute, argument, attributesOf, fieldsIn, stringOf, unquote } from './attribute.js'
import type { Field, FieldSource, Key, ManyToMany, Model, PrismaSchema, Relation, View } from './model.js'
import { prismaName } from './names.js'
import type { Block, SchemaFile } from './source.js'

/** What the blocks of a schema say that Prisma has accepted. */
export function buildSchema(files: readonly SchemaFile[], blocks: readonly Block[]): PrismaSchema {
  const raw = blocks.filter(({ kind }) => kind === 'model' || kind === 'view').map(readBlock)
  const byName = new Map(raw.map((each) => [each.block.name, each]))
  const models = raw.filter(({ block }) => block.kind === 'model')
  return {
    files,
    models: models.map((each) => modelOf(each, byName)),
    views: raw.filter(({ block }) => block.kind === 'view').map((each) => viewOf(each, byName)),
    manyToMany: models.flatMap((each) => joinTablesOf(each, byName)),
    schemas: schemasOf(blocks),
  }
}

/** Where Prisma looks for a setting of the datasource, such as `provider`: its text, undefined where there is none. */
export function datasourceSetting(blocks: readonly Block[], name: string): string | undefined {
  const setting = new RegExp(`^\\s*${name}\\s*=\\s*(.*?)\\s*$`)
  for (const { kind, lines } of blocks) {
    if (kind !== 'datasource') continue
    for (const { code } of lines) {
      const found = setting.exec(code)
      if (found) return found[1]
    }
  }
  return undefined
}

function schemasOf(blocks: readonly Block[]): string[] {
  const list = datasourceSetting(blocks, 'schemas') ?? ''
  return [...list.matchAll(/"(?:[^"\\]|\\.)*"/g)].map(([literal]) => unquote(literal))
}

/** A block cut into fields and attributes, before it is known what each field is. */
interface RawBlock {
  readonly block: Block
  readonly fields: readonly RawField[]
  readonly attributes: readonly Attribute[]
}

interface RawField {
  readonly name: string
  readonly type: string
  readonly suffix: '' | '?' | '[]'
  readonly source: FieldSource
}

const fieldStart =
  /^(\s*)([\w\u0080-\uffff-]+)(\s+)(Unsupported\("(?:[^"\\]|\\.)*"\)|[\w\u0080-\uffff.-]+)(\s*(?:\?|\[\s*\]))?/

function readBlock(block: Block): RawBlock {
  const fields: RawField[] = []
  const attributes: Attribute[] = []
  for (const line of block.lines) {
    if (/^\s*@@/.test(line.code)) attributes.push(...attributesOf(line.code, 0, line.start))
    const found = fieldStart.exec(line.code)
    if (!found) continue
    const [all, indent = '', name = '', gap = '', type = '', suffix = ''] = found
    const nameAt = line.start + indent.length
    const typeAt = nameAt + name.length + gap.length
    fields.push({
      name,
      type: type.startsWith('Unsupported(') ? 'Unsupported' : type,
      suffix: suffix.includes('?') ? '?' : suffix === '' ? '' : '[]',
      source: {
        line,
        name: { start: nameAt, end: nameAt + name.length },
        type: { start: typeAt, end: line.start + all.length },
        attributes: attributesOf(line.code, all.length, line.start),
      },
    })
  }
  return { block, fields, attributes }
}

type Blocks = ReadonlyMap<string, RawBlock>

function tableOf({ block, attributes }: RawBlock): Model['table'] {
  const table = textOf(attributes, 'map') ?? block.name
  const schema = textOf(attributes, 'schema')
  return schema === undefined ? table : { schema, table }
}

function textOf(attributes: readonly Attribute[], name: string): string | undefined {
  const found = attributes.find((each) => each.name === name)
  return found && (stringOf(argument(found, 'name', 0)) ?? stringOf(argument(found, 'map')))
}

function modelOf(raw: RawBlock, blocks: Blocks): Model {
  const table = tableOf(raw)
  const name = typeof table === 'string' ? table : table.table
  const fields = raw.fields.filter(({ type }) => !blocks.has(type)).map(fieldFrom)
  const keys = [
    ...fields.flatMap((field) => keysOn(field, name)),
    ...raw.attributes.flatMap((each) => keyIn(each, fields, name)),
  ]
  return {
    name: raw.block.name,
    table,
    ignored: raw.attributes.some((each) => each.name === 'ignore'),
    block: raw.block,
    fields,
    relations: raw.fields.flatMap((field) => relationFrom(field, raw, fields, name, blocks)),
    primaryKey: keys.find(({ kind }) => kind === 'id'),
    uniques: keys.filter(({ kind }) => kind === 'unique'),
    indexes: keys.filter(({ kind }) => kind === 'index'),
  }
}

function fieldFrom({ name, type, suffix, source }: RawField): Field {
  const { attributes } = source
  const found = attributes.find((each) => each.name === 'default')
  return {
    name,
    type,
    column: textOf(attributes, 'map') ?? name,
    nativeType: attributes.find((each) => /^\w+\.\w/.test(each.name))?.name.split('.')[1],
    optional: suffix === '?',
    list: suffix === '[]',
    default: found && argument(found, 'value', 0)?.value,
    source,
  }
}

function keysOn(field: Field, table: string): Key[] {
  return field.source.attributes.flatMap((attribute) => {
    if (attribute.name !== 'id' && attribute.name !== 'unique') return []
    const descending = argument(attribute, 'sort')?.value === 'Desc' ? [field.name] : []
    return [keyFrom(attribute, attribute.name, [field.name], [field.column], descending, table, field)]
  })
}

function keyIn(attribute: Attribute, fields: readonly Field[], table: string): Key[] {
  const kind = attribute.name
  if (kind !== 'id' && kind !== 'unique' && kind !== 'index') return []
  const listed = fieldsIn(argument(attribute, 'fields', 0))
  const names = listed.map(({ name }) => name)
  const columns = names.map((name) => fields.find((field) => field.name === name)?.column ?? name)
  const descending = listed.filter((each) => each.descending).map(({ name }) => name)
  return [keyFrom(attribute, kind, names, columns, descending, table, undefined)]
}

const suffixes = { id: 'pkey', unique: 'key', index: 'idx' } as const

function keyFrom(
  attribute: Attribute,
  kind: Key['kind'],
  fields: string[],
  columns: string[],
  descending: string[],
  table: string,
  field: Field | undefined,
): Key {
  const name = stringOf(argument(attribute, 'map')) ?? prismaName(table, columns, suffixes[kind])
  return { kind, fields, descending, name, where: argument(attribute, 'where')?.value, attribute, field }
}

function relationFrom(
  field: RawField,
  raw: RawBlock,
  fields: readonly Field[],
  table: string,
  blocks: Blocks,
): Relation[] {
  const attribute = field.source.attributes.find(({ name }) => name === 'relation')
  const own = fieldsIn(attribute && argument(attribute, 'fields')).map(({ name }) => name)
  if (attribute === undefined || own.length === 0) return []
  const columns = own.map((name) => fields.find((each) => each.name === name)?.column ?? name)
  return [
    {
      name: field.name,
      parent: field.type,
      fields: own,
      references: fieldsIn(argument(attribute, 'references')).map(({ name }) => name),
      onDelete: argument(attribute, 'onDelete')?.value,
      onUpdate: argument(attribute, 'onUpdate')?.value,
      constraint: stringOf(argument(attribute, 'map')) ?? prismaName(table, columns, 'fkey'),
      oneToOne: oppositeOf(field, raw, blocks)?.suffix !== '[]',
      attribute,
    },
  ]
}

/** The name that ties both sides of a relation together, undefined where Prisma makes it up. */
function relationName({ source }: RawField): string | undefined {
  const relation = source.attributes.find(({ name }) => name === 'relation')
  return relation && stringOf(argument(relation, 'name', 0))
}

function oppositeOf(field: RawField, raw: RawBlock, blocks: Blocks): RawField | undefined {
  const name = relationName(field)
  return blocks
    .get(field.type)
    ?.fields.find((each) => each !== field && each.type === raw.block.name && relationName(each) === name)
}

function joinTablesOf(raw: RawBlock, blocks: Blocks): ManyToMany[] {
  return raw.fields.flatMap((field) => {
    const other = blocks.get(field.type)
    const opposite = field.suffix === '[]' ? oppositeOf(field, raw, blocks) : undefined
    if (other === undefined || opposite?.suffix !== '[]' || other.block.kind === 'view') return []
    const [a, b] = [raw.block.name, other.block.name]
    // Each relation is seen from both sides: the side of column A tells.
    if (a > b || (a === b && field.name > opposite.name)) return []
    const table = `_${relationName(field) ?? `${a}To${b}`}`
    const schema = textOf(raw.attributes, 'schema')
    return [{ a, b, table: schema === undefined ? table : { schema, table } }]
  })
}

function viewOf(raw: RawBlock, blocks: Blocks): View {
  const references = raw.fields.flatMap(({ type, source }) => {
    const attribute = source.attributes.find(({ name }) => name === 'relation')
    const fields = fieldsIn(attribute && argument(attribute, 'references')).map(({ name }) => name)
    return blocks.has(type) && fields.length > 0 ? [{ model: type, fields }] : []
  })
  return { name: raw.block.name, table: tableOf(raw), references }
}
