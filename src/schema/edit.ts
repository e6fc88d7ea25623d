import { TenancyError } from '../errors.js'
import { derivedName, hashedName } from '../sql/derived-name.js'
import type { TenantColumnType } from '../sql/policies.js'
import { type Attribute, argument, fieldsIn, quote } from './attribute.js'
import { classify } from './classify.js'
import type { ResolvedConfig } from './config.js'
import { needsTenant, sameFields, tenantFieldOf, uniqueKeys } from './keys.js'
import type { Classified } from './kind.js'
import { bareName, fieldOf, type Key, type Model, onDeleteOf, type PrismaSchema, type Relation } from './model.js'
import { isCut, prismaName } from './names.js'
import { readSchema } from './read.js'
import type { SchemaFile } from './source.js'
import {
  appendAttribute,
  insertBlockAttributes,
  insertField,
  removeAttribute,
  requireField,
  TextEdits,
} from './text-edit.js'

/** Prisma's type of a tenant column, and the cast in its default as PostgreSQL writes it. */
const columnTypes: Record<TenantColumnType, { field: string; native: string; cast: string }> = {
  uuid: { field: 'String', native: ' @db.Uuid', cast: 'uuid' },
  int: { field: 'Int', native: '', cast: 'integer' },
  bigint: { field: 'BigInt', native: '', cast: 'bigint' },
  text: { field: 'String', native: '', cast: '' },
}

/**
 * The default of a tenant column, word for word as PostgreSQL shows it later: where the two differ, Prisma would write a
 * migration that changes it again and again.
 *
 * @see https://www.prisma.io/docs/orm/reference/prisma-schema-reference#dbgenerated
 */
export function tenantDefault({ tenantId, setting }: Pick<ResolvedConfig, 'tenantId' | 'setting'>): string {
  const value = `NULLIF(current_setting('${setting}'::text, true), ''::text)`
  const { cast } = columnTypes[tenantId]
  return cast === '' ? value : `(${value})::${cast}`
}

/**
 * The files with what the schema must say once tenants are apart: the tenant field with its default, keys and relations
 * that contain it, indexes that begin with it. Comments, order, line breaks and every line not concerned stay as they
 * are. A schema that says it all comes back unchanged.
 *
 * @throws TenancyError `CONFIG.INVALID`, as {@link classify}
 */
export function editSchema(schema: PrismaSchema, config: ResolvedConfig): SchemaFile[] {
  const { models } = classify(schema, config)
  const edit = new SchemaEdit(schema, config, models)
  return edit.make()
}

/**
 * The schema after {@link editSchema}, read again.
 *
 * @throws TenancyError `CONFIG.INVALID`, as {@link classify}, and where Prisma does not accept the edited schema
 */
export async function editedSchema(schema: PrismaSchema, config: ResolvedConfig): Promise<PrismaSchema> {
  const files = editSchema(schema, config)
  if (files.every((file, n) => file === schema.files[n])) return schema
  try {
    return await readSchema(files)
  } catch (cause) {
    throw new TenancyError(
      'CONFIG.INVALID',
      `Prisma refuses the schema with the tenant in it.\n${(cause as Error).message}`,
      {
        hint: 'Nothing was written. Change the model named above so that it may contain the tenant, and report the case.',
        cause,
      },
    )
  }
}

type Tenant = Classified & { kind: 'tenant' }

class SchemaEdit {
  readonly #schema: PrismaSchema
  readonly #config: ResolvedConfig
  readonly #models: ReadonlyMap<string, Classified>
  readonly #edits = new TextEdits()
  /** Names of indexes and keys: PostgreSQL has one namespace for them. */
  readonly #names: Set<string>
  /** What each model's keys will be, by field. */
  readonly #keys = new Map<string, FutureKey[]>()
  readonly #added = new Map<string, string[]>()

  constructor(schema: PrismaSchema, config: ResolvedConfig, models: ReadonlyMap<string, Classified>) {
    this.#schema = schema
    this.#config = config
    this.#models = models
    this.#names = new Set(
      schema.models.flatMap((model) => [...uniqueKeys(model), ...model.indexes].map(({ name }) => name)),
    )
  }

  make(): SchemaFile[] {
    const tenants = [...this.#models.values()].filter((each) => each.kind === 'tenant')
    for (const tenant of tenants) this.#field(tenant)
    // Keys of all models before relations: these need a key on the other side.
    for (const tenant of tenants) this.#uniqueKeys(tenant)
    for (const tenant of tenants) for (const relation of tenant.model.relations) this.#relation(tenant, relation)
    for (const tenant of tenants) this.#indexes(tenant)
    for (const { model } of tenants) {
      const added = this.#added.get(model.name)
      if (added) insertBlockAttributes(this.#edits, model, added)
    }
    return this.#edits.apply(this.#schema.files)
  }

  #field({ model, field }: Tenant): void {
    const config = this.#config
    const edits = this.#edits
    const byDefault = `@default(dbgenerated(${quote(tenantDefault(config))}))`
    if (field === undefined) {
      const { field: type, native } = columnTypes[config.tenantId]
      const map = config.field === config.column ? '' : ` @map(${quote(config.column)})`
      insertField(edits, model, config.field, type, `${byDefault}${map}${native}`)
      return
    }
    const withDefault = field.default === undefined
    if (field.optional) requireField(edits, model, field, withDefault || field.source.attributes.length > 0)
    if (withDefault) appendAttribute(edits, model, field, byDefault)
  }

  #uniqueKeys(tenant: Tenant): void {
    const { model } = tenant
    const field = this.#tenantField(tenant)
    const stay = uniqueKeys(model).filter((key) => !needsTenant(model, key, field))
    const keys: FutureKey[] = [...stay, ...model.indexes].map(({ kind, fields, where, attribute }) => {
      return { kind, fields, usable: where === undefined && isOrdered(attribute) }
    })
    this.#keys.set(model.name, keys)
    for (const key of uniqueKeys(model)) {
      if (!needsTenant(model, key, field)) continue
      const fields = [field, ...key.fields]
      const present = stay.some((each) => each.where === key.where && each.fields.join() === fields.join())
      if (key.kind === 'unique' && present) this.#removeKey(model, key)
      else this.#replaceKey(tenant, key, fields)
    }
  }

  #removeKey(model: Model, key: Key): void {
    if (key.field) removeAttribute(this.#edits, model, key.field, key.attribute)
    if (key.field) return
    const line = model.block.lines.find(({ start, end }) => start <= key.attribute.start && key.attribute.end <= end)
    if (line) this.#edits.replace(model.block.file, line.start, line.end + line.eol.length, '')
  }

  #replaceKey(tenant: Tenant, key: Key, fields: string[]): void {
    const { model } = tenant
    const { attribute } = key
    const listed = key.field
      ? [key.descending.length > 0 ? `${key.field.name}(sort: Desc)` : key.field.name]
      : fieldsIn(argument(attribute, 'fields', 0)).map(({ text }) => text)
    const kept = attribute.args.flatMap(({ name, value }) => {
      // The new key is built beside the old one, so it cannot have its name. A primary key takes the old one's place.
      if (name === undefined || name === 'fields' || name === 'sort') return []
      return name === 'map' && key.kind !== 'id' ? [] : [`${name}: ${value}`]
    })
    const map = key.kind === 'id' ? [] : this.#mapOf(tenant, 'key', fields)
    const text = `@@${key.kind}(${[`[${[fields[0], ...listed].join(', ')}]`, ...kept, ...map].join(', ')})`
    this.#keys.get(model.name)?.push({ kind: key.kind, fields, usable: key.where === undefined })
    if (key.field) {
      removeAttribute(this.#edits, model, key.field, attribute)
      this.#add(model, text)
    } else this.#edits.replace(model.block.file, attribute.start, attribute.end, text)
  }

  #relation(tenant: Tenant, relation: Relation): void {
    const { model } = tenant
    const parent = this.#models.get(relation.parent)
    const own = this.#tenantField(tenant)
    const widen = parent?.kind === 'tenant' && !relation.fields.includes(own)
    const fields = widen ? [own, ...relation.fields] : relation.fields
    const references = widen ? [this.#tenantField(parent), ...relation.references] : relation.references
    const onDelete = this.#onDelete(model, relation, own)
    if (!widen && onDelete === relation.onDelete) return
    if (widen) {
      if (!this.#hasUnique(parent.model, (key) => sameFields(key, references))) this.#addUnique(parent, references)
      if (relation.oneToOne && !this.#hasUnique(model, (key) => key.join() === fields.join()))
        this.#addUnique(tenant, fields)
    }
    const { attribute } = relation
    const args = attribute.args.flatMap(({ name, value }) => {
      if (name === undefined) return [value]
      if (name === 'fields') return [`fields: [${fields.join(', ')}]`]
      if (name === 'references') return [`references: [${references.join(', ')}]`]
      if (name === 'onDelete') return [`onDelete: ${onDelete}`]
      return name === 'map' && widen ? [] : [`${name}: ${value}`]
    })
    if (onDelete !== undefined && relation.onDelete === undefined) args.push(`onDelete: ${onDelete}`)
    if (widen) args.push(...this.#mapOf(tenant, 'fkey', fields))
    this.#edits.replace(model.block.file, attribute.start, attribute.end, `@relation(${args.join(', ')})`)
  }

  /**
   * Prisma's default for an optional relation is SetNull; with one required column in its key it becomes Restrict. What
   * happened before is written down, so that it still happens.
   */
  #onDelete(model: Model, relation: Relation, own: string): string | undefined {
    const parent = this.#models.get(relation.parent)
    if (onDeleteOf(model, relation) !== 'SetNull') return relation.onDelete
    const others = relation.fields.filter((name) => name !== own)
    if (others.some((name) => fieldOf(model, name).optional)) {
      return parent?.kind === 'tenant' || others.length < relation.fields.length ? 'SetNull' : relation.onDelete
    }
    // A key of nothing but the tenant: a row cannot lose it.
    return others.length === 0 && relation.onDelete !== undefined ? 'Restrict' : relation.onDelete
  }

  #indexes(tenant: Tenant): void {
    const { model } = tenant
    const own = this.#tenantField(tenant)
    const id = (model.primaryKey?.fields ?? []).filter((name) => name !== own)
    const created = model.fields.find(({ name, column, type }) => {
      return type === 'DateTime' && (name === 'createdAt' || column === 'created_at')
    })
    this.#addIndex(tenant, [own, ...id])
    if (created) this.#addIndex(tenant, [own, created.name])
  }

  #addIndex(tenant: Tenant, fields: string[]): void {
    const keys = this.#keys.get(tenant.model.name) ?? []
    const begins = (key: FutureKey) => key.usable && fields.every((name, n) => key.fields[n] === name)
    if (keys.some(begins)) return
    keys.push({ kind: 'index', fields, usable: true })
    this.#add(tenant.model, `@@index(${[`[${fields.join(', ')}]`, ...this.#mapOf(tenant, 'idx', fields)].join(', ')})`)
  }

  #addUnique(tenant: Tenant, fields: readonly string[]): void {
    this.#keys.get(tenant.model.name)?.push({ kind: 'unique', fields, usable: true })
    this.#add(tenant.model, `@@unique(${[`[${fields.join(', ')}]`, ...this.#mapOf(tenant, 'key', fields)].join(', ')})`)
  }

  #hasUnique(model: Model, test: (fields: readonly string[]) => boolean): boolean {
    return (this.#keys.get(model.name) ?? []).some((key) => key.kind !== 'index' && key.usable && test(key.fields))
  }

  #add(model: Model, attribute: string): void {
    this.#added.set(model.name, [...(this.#added.get(model.name) ?? []), attribute])
  }

  /** `map:` where the name that Prisma would give is too long or taken; else nothing. */
  #mapOf(tenant: Tenant, suffix: 'key' | 'idx' | 'fkey', fields: readonly string[]): string[] {
    const { model } = tenant
    const table = bareName(model.table)
    const columns = fields.map((name) => this.#columnOf(model, name))
    const taken = suffix === 'fkey' ? new Set(model.relations.map(({ constraint }) => constraint)) : this.#names
    const plain = prismaName(table, columns, suffix)
    const cut = isCut(table, columns, suffix)
    const parts = [table, ...columns]
    const name = taken.has(plain) && !cut ? hashedName(parts, suffix) : derivedName(parts, suffix)
    if (suffix !== 'fkey') this.#names.add(name)
    return name === plain ? [] : [`map: ${quote(name)}`]
  }

  #columnOf(model: Model, name: string): string {
    return model.fields.find((field) => field.name === name)?.column ?? this.#config.column
  }

  #tenantField({ model }: Tenant): string {
    return tenantFieldOf(model, this.#config.column)?.name ?? this.#config.field
  }
}

/** A key as it will be. */
interface FutureKey {
  readonly kind: Key['kind']
  readonly fields: readonly string[]
  /** For every row, and in order: not partial, not a hash or GIN index. */
  readonly usable: boolean
}

function isOrdered(attribute: Attribute): boolean {
  return ['BTree', undefined].includes(argument(attribute, 'type')?.value)
}
