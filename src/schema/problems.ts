import type { TenantColumnType } from '../sql/policies.js'
import type { ResolvedConfig } from './config.js'
import { isSurrogate, needsTenant, sameFields, tenantFieldOf, uniqueKeys } from './keys.js'
import type { Classified } from './kind.js'
import { type Field, isOptional, type Model, onDeleteOf, type PrismaSchema, type Relation } from './model.js'

/** Something in the schema that must be decided before a migration can be written. */
export interface Problem {
  /** The model, or the key of the configuration. */
  readonly at: string
  readonly problem: string
  /** What to type. */
  readonly hint: string
}

type Kinds = ReadonlyMap<string, Classified>

/** Everything that stands between this schema and a migration, in the order of the schema. */
export function problemsOf(schema: PrismaSchema, config: ResolvedConfig, kinds: Kinds): Problem[] {
  return [
    ...configProblems(schema, config, kinds),
    ...schema.models.flatMap((model) => {
      const kind = kinds.get(model.name)
      if (kind === undefined) return [uncovered(model, config, kinds)]
      if (kind.kind === 'tenant') return tenantProblems(kind, config, kinds)
      if (kind.kind === 'reached') return reachedProblems(model, config, kinds)
      return [...sharedProblems(model, config, kinds), ...referenceProblems(model.name, model.relations, config, kinds)]
    }),
    ...schema.views.flatMap(({ name, references }) =>
      references.flatMap(({ model, fields }) => referenceProblem(name, model, fields, config, kinds)),
    ),
    ...schema.manyToMany.flatMap(({ a, b }) => [
      ...naturalKeyProblem(kinds.get(a), b, config),
      ...naturalKeyProblem(kinds.get(b), a, config),
    ]),
  ]
}

function configProblems(schema: PrismaSchema, config: ResolvedConfig, kinds: Kinds): Problem[] {
  const known = new Set(schema.models.map(({ name }) => name))
  const problems: Problem[] = []
  const check = (key: string, names: readonly string[]) => {
    for (const name of names.filter((each) => !known.has(each))) {
      problems.push({
        at: `"${key}"`,
        problem: `names ${name}, and the schema has no such model`,
        hint: 'write the name as it stands behind `model`, not the name of the table',
      })
    }
  }
  check('tenantModel', [config.tenantModel])
  check('shared', config.shared)
  check('addColumn', config.addColumn === 'all' ? [] : config.addColumn)
  check(
    'backfill',
    Object.keys(config.backfill).filter((name) => name !== '*'),
  )
  for (const name of config.addColumn === 'all' ? [] : config.addColumn) {
    if (name !== config.tenantModel && !config.shared.includes(name)) continue
    problems.push({
      at: '"addColumn"',
      problem: `names ${name}, which is shared`,
      hint: 'take it out of one of the two',
    })
  }
  const id = tenantIdOf(schema, config)
  const getsColumn = [...kinds.values()].find((each) => each.kind === 'tenant' && each.field === undefined)
  if (getsColumn && id && typeOf(id) !== config.tenantId) {
    const type = typeOf(id)
    problems.push({
      at: '"tenantId"',
      problem: `is ${config.tenantId}, and the id of ${config.tenantModel} is ${typeText(id)}`,
      hint: type ? `"tenantId": "${type}"` : `give ${config.tenantModel} an id that is a uuid, an integer or a text`,
    })
  }
  if (![...kinds.values()].some(({ kind }) => kind === 'tenant')) {
    problems.push({
      at: '"column"',
      problem: `is ${config.column}, and no model has such a column`,
      hint: `name the column that your models have, or list those that are to get it: "addColumn": ["Project"]`,
    })
  }
  return problems
}

function tenantIdOf(schema: PrismaSchema, config: ResolvedConfig): Field | undefined {
  const model = schema.models.find(({ name }) => name === config.tenantModel)
  const key = model?.primaryKey?.fields ?? []
  return key.length === 1 ? model?.fields.find(({ name }) => name === key[0]) : undefined
}

function uncovered(model: Model, config: ResolvedConfig, kinds: Kinds): Problem {
  const optional = model.relations.find(({ parent }) => isProtected(kinds.get(parent)))
  if (optional) {
    return {
      at: model.name,
      problem: `has no ${config.column}, and its relation ${optional.name} may be empty, so that nobody tells whose row it is`,
      hint: addColumn(model.name),
    }
  }
  return {
    at: model.name,
    problem: `is neither a tenant table (it has no ${config.column}), nor reached from one through a required relation, nor declared shared`,
    hint: `"shared": ["${model.name}"] if every tenant may read it and none writes it, else "addColumn": ["${model.name}"]${columnHint(model, config)}`,
  }
}

/** A model that knows its tenant under another column's name is the commonest reason for not being covered. */
function columnHint(model: Model, config: ResolvedConfig): string {
  const toTenant = model.relations.find(({ parent, fields }) => parent === config.tenantModel && fields.length === 1)
  const column = model.fields.find(({ name }) => name === toTenant?.fields[0])?.column
  return column === undefined ? '' : `; if your tenant tables all have ${column}, "column": "${column}"`
}

function tenantProblems(tenant: Classified & { kind: 'tenant' }, config: ResolvedConfig, kinds: Kinds): Problem[] {
  const { model, field } = tenant
  const at = model.name
  const problems: Problem[] = []
  const clash = model.fields.find(({ name }) => name === config.field)
  if (field === undefined && clash) {
    problems.push({
      at,
      problem: `is to get the field ${config.field}, and has one whose column is ${clash.column}`,
      hint: `"column": "${clash.column}" if that is the tenant, else another name for the new field: "field": "rowTenantId"`,
    })
  }
  if (field !== undefined && !fits(field, config.tenantId)) {
    problems.push({
      at,
      problem: `has ${config.column} as ${typeText(field)}, and tenant ids are configured as ${config.tenantId}`,
      hint: `declare the field as ${typeTexts[config.tenantId]}, or configure the type that it has: "tenantId": "${typeOf(field) ?? 'text'}"`,
    })
  }
  const tenantField = field?.name ?? config.field
  for (const relation of model.relations) {
    const parent = kinds.get(relation.parent)
    if (parent?.kind === 'reached') {
      problems.push({
        at,
        problem: `points at ${relation.parent}, which has no ${config.column}, so that a row could point at another tenant's`,
        hint: addColumn(relation.parent),
      })
    }
    if (parent?.kind === 'tenant' && !pairsTenant(relation, tenantField, parent.field?.name ?? config.field)) {
      problems.push({
        at,
        problem: `has the relation ${relation.name} to ${relation.parent} that compares its tenant with another field`,
        hint: `let ${relation.name} reference the tenant of ${relation.parent} by ${tenantField}`,
      })
    }
    const own = model.uniques.find(({ fields }) => fields.join() === relation.fields.join())
    if (parent?.kind === 'shared' && relation.oneToOne && own && needsTenant(model, own, tenantField)) {
      problems.push({
        at,
        problem: `has the one-to-one relation ${relation.name} to ${relation.parent}, which is shared: its unique key would tell tenants about each other`,
        hint: `make the other side of ${relation.name} a list, and ${relation.fields.join(', ')} not unique`,
      })
    }
  }
  for (const { where, fields } of model.uniques) {
    if (where === undefined || /^raw\s*\(/.test(where)) continue
    problems.push({
      at,
      problem: `has a unique key on ${fields.join(', ')} with a condition that is not raw SQL`,
      hint: 'write its condition as where: raw("…")',
    })
  }
  return problems
}

/** A relation that already contains a tenant compares it with the parent's, and with nothing else. */
function pairsTenant({ fields, references }: Relation, own: string, theirs: string): boolean {
  return fields.indexOf(own) === references.indexOf(theirs)
}

function reachedProblems(model: Model, config: ResolvedConfig, kinds: Kinds): Problem[] {
  const at = model.name
  const problems: Problem[] = []
  const parents = model.relations.filter((relation) => isProtected(kinds.get(relation.parent)))
  const required = parents.filter((relation) => relation.parent !== at && !isOptional(model, relation))
  for (const key of uniqueKeys(model)) {
    if (isSurrogate(model, key)) continue
    if (required.some(({ fields }) => fields.every((name) => key.fields.includes(name)))) continue
    problems.push({
      at,
      problem: `has no ${config.column}, and its unique key on ${key.fields.join(', ')} would tell tenants about each other's values`,
      hint: addColumn(at),
    })
  }
  if (pointsAtItself(at, kinds)) {
    problems.push({
      at,
      problem: `has no ${config.column} and points at itself${parents.some(({ parent }) => parent === at) ? '' : ' through others'}: PostgreSQL refuses a policy that asks its own table`,
      hint: addColumn(at),
    })
  }
  return [...problems, ...referenceProblems(at, parents, config, kinds)]
}

/** Along foreign keys between tables whose policies ask their parents. */
function pointsAtItself(start: string, kinds: Kinds): boolean {
  const seen = new Set<string>()
  const open = [start]
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const kind = kinds.get(name)
    if (kind?.kind !== 'reached') continue
    for (const { parent } of kind.model.relations) {
      if (parent === start) return true
      if (!seen.has(parent)) open.push(parent)
      seen.add(parent)
    }
  }
  return false
}

function sharedProblems(model: Model, config: ResolvedConfig, kinds: Kinds): Problem[] {
  if (model.name === config.tenantModel) return []
  // A cascade runs past policies and grants: with its own row a tenant would delete the shared one, and with that
  // whatever other tenants have hung on it.
  const cascades = model.relations
    .filter((relation) => isProtected(kinds.get(relation.parent)) && onDeleteOf(model, relation) === 'Cascade')
    .map(({ name, parent }): Problem => {
      return {
        at: model.name,
        problem: `is declared shared and goes with a row of ${parent} (${name} has onDelete: Cascade): a tenant could delete it, and what other tenants have that points at it`,
        hint: `give ${name} onDelete: Restrict or SetNull, or take ${model.name} out of "shared"`,
      }
    })
  if (!tenantFieldOf(model, config.column)) return cascades
  const hasTenant: Problem = {
    at: model.name,
    problem: `is declared shared and has ${config.column}: every tenant would read all of its rows`,
    hint: 'take it out of "shared"',
  }
  return [hasTenant, ...cascades]
}

function referenceProblems(
  at: string,
  relations: readonly Relation[],
  config: ResolvedConfig,
  kinds: Kinds,
): Problem[] {
  return relations.flatMap(({ parent, references }) => referenceProblem(at, parent, references, config, kinds))
}

/** A foreign key without the tenant needs a unique key without the tenant. */
function referenceProblem(
  at: string,
  parent: string,
  references: readonly string[],
  config: ResolvedConfig,
  kinds: Kinds,
): Problem[] {
  const kind = kinds.get(parent)
  if (kind?.kind !== 'tenant') return []
  const tenantField = kind.field?.name ?? config.field
  const keys = uniqueKeys(kind.model).filter(({ fields }) => sameFields(fields, references))
  if (!keys.every((key) => needsTenant(kind.model, key, tenantField))) return []
  return [
    {
      at,
      problem: `references ${parent} by ${references.join(', ')}, which becomes unique only within a tenant`,
      hint: `reference a surrogate key of ${parent} (an @id with a default), or ${addColumn(at)}`,
    },
  ]
}

/** Prisma's join tables reference a single-column id. */
function naturalKeyProblem(side: Classified | undefined, other: string, config: ResolvedConfig): Problem[] {
  if (side?.kind !== 'tenant' || side.model.primaryKey === undefined) return []
  const { model, field } = side
  if (!needsTenant(model, side.model.primaryKey, field?.name ?? config.field)) return []
  return [
    {
      at: model.name,
      problem: `has an implicit many-to-many relation with ${other}, and a primary key that must get the tenant`,
      hint: 'give its @id a default such as @default(uuid()), or make the join table a model of its own',
    },
  ]
}

export function isProtected(kind: Classified | undefined): boolean {
  return kind !== undefined && kind.kind !== 'shared'
}

function addColumn(model: string): string {
  return `"addColumn": ["${model}"], or "addColumn": "all"`
}

const typeTexts: Record<TenantColumnType, string> = {
  uuid: 'String @db.Uuid',
  int: 'Int',
  bigint: 'BigInt',
  text: 'String',
}

function fits(field: Field, type: TenantColumnType): boolean {
  return !field.list && typeOf(field) === type
}

/** The tenant type of a column; undefined for one that no tenant id may be kept in, such as a case-insensitive text. */
export function typeOf({ type, nativeType }: Field): TenantColumnType | undefined {
  if (type === 'String' && nativeType === 'Uuid') return 'uuid'
  if (type === 'String' && [undefined, 'Text', 'VarChar'].includes(nativeType)) return 'text'
  if (type === 'Int' && [undefined, 'Integer'].includes(nativeType)) return 'int'
  if (type === 'BigInt' && [undefined, 'BigInt'].includes(nativeType)) return 'bigint'
  return undefined
}

function typeText({ type, nativeType, list }: Field): string {
  return `${type}${list ? '[]' : ''}${nativeType === undefined ? '' : ` @db.${nativeType}`}`
}
