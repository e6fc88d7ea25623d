import { unquote } from './attribute.js'
import { type BackfillPlan, backfillPlan } from './backfill.js'
import { type Classification, classify } from './classify.js'
import type { ResolvedConfig } from './config.js'
import type {
  Desired,
  DesiredForeignKey,
  DesiredIndex,
  DesiredTable,
  DesiredUnique,
  FormerUnique,
  ReferentialAction,
  SurrogateKey,
  TenantTable,
} from './desired.js'
import { tenantDefault } from './edit.js'
import { needsTenant, tenantFieldOf, uniqueKeys } from './keys.js'
import {
  columnsOf,
  fieldOf,
  isOptional,
  type Key,
  type Model,
  onDeleteOf,
  type PrismaSchema,
  type Relation,
} from './model.js'
import { parentPaths } from './parents.js'

/**
 * What the database must have. `after` is what `editedSchema` made of `before`; the difference between the two is what
 * has to be built, and everything in it is under the names that Prisma derives, so that Prisma finds nothing to undo.
 *
 * @throws TenancyError `CONFIG.INVALID`, as `classify`
 */
export function desiredState(after: PrismaSchema, before: PrismaSchema, config: ResolvedConfig): Desired {
  // A model that was to get the column has it now, so that both schemas are divided in the same way.
  const classification = classify(after, config)
  const former = new Map(before.models.map((model) => [model.name, model]))
  const plan = backfillPlan(before, classification, config)
  const context = { former, classification, config, plan }
  const tables = plan.order.flatMap(({ name }): DesiredTable[] => {
    const model = classification.models.get(name)?.model
    return model ? [tableOf(model, former.get(name) ?? model, context)] : []
  })
  const joins = after.manyToMany.map(({ table, a, b }): DesiredTable => {
    const parents = parentPaths({ a, b }, classification, config)
    return parents.length > 0 ? { kind: 'manyToMany', table, parents } : { kind: 'shared', table }
  })
  return {
    config,
    tables: [...tables, ...joins],
    surrogateKeys: after.models.flatMap((model) => surrogateKey(model, classification, config)),
    views: after.views.map(({ table }) => table),
    schemas: after.schemas.length > 0 ? after.schemas : ['public'],
  }
}

interface Context {
  /** The models as they were, by name. */
  readonly former: ReadonlyMap<string, Model>
  readonly classification: Classification
  readonly config: ResolvedConfig
  readonly plan: BackfillPlan
}

function tableOf(model: Model, former: Model, context: Context): DesiredTable {
  const { name, table } = model
  const kind = context.classification.models.get(name)?.kind
  if (kind === 'tenant') return tenantTable(model, former, context)
  if (kind !== 'reached') return { kind: 'shared', model: name, table }
  return { kind, model: name, table, parents: parentPaths(model, context.classification, context.config) }
}

function tenantTable(model: Model, former: Model, context: Context): TenantTable {
  const { config, plan } = context
  const field = fieldOf(model, tenantFieldOf(model, config.column)?.name ?? config.field)
  const formerField = tenantFieldOf(former, config.column)
  const formerDefault = formerField?.default === undefined ? undefined : defaultText(formerField.default)
  const made = model.uniques.filter((key) => !has(former, key))
  const gone = former.uniques.filter((key) => !has(model, key))
  const without = (key: Key) => key.fields.filter((name) => name !== field.name).join()
  const uniques = made.map((key): DesiredUnique => {
    const replaced = gone.find((each) => each.fields.join() === without(key) && each.where === key.where)
    if (replaced) gone.splice(gone.indexOf(replaced), 1)
    return { ...indexOf(model, key), replaces: replaced && formerUnique(former, replaced) }
  })
  const key = model.primaryKey
  const formerKey = former.primaryKey
  return {
    kind: 'tenant',
    model: model.name,
    table: model.table,
    column: field.column,
    type: config.tenantId,
    columnIsNew: formerField === undefined,
    columnWasNullable: formerField?.optional ?? false,
    hadDefault: formerDefault !== undefined && formerDefault !== tenantDefault(config),
    defaultIsThere: formerDefault === tenantDefault(config),
    primaryKey: formerKey ? columnsOf(former, formerKey.fields) : [],
    backfill: plan.sources.get(model.name) ?? [],
    indexes: model.indexes.filter((each) => !has(former, each)).map((each) => indexOf(model, each)),
    uniques,
    surplusUniques: gone.map((each) => formerUnique(former, each)),
    primaryKeyChange:
      key && formerKey && key.fields.join() !== formerKey.fields.join()
        ? {
            name: key.name,
            columns: columnsOf(model, key.fields),
            before: columnsOf(former, formerKey.fields),
            nameBefore: formerKey.name,
          }
        : undefined,
    foreignKeys: model.relations.flatMap((relation) => foreignKey(model, relation, former, context)),
    keepTenant: model.relations.some((relation) => relation.fields.includes(field.name) && isOptional(model, relation)),
  }
}

function has(model: Model, key: Key): boolean {
  return [...uniqueKeys(model), ...model.indexes].some((each) => {
    return each.kind === key.kind && each.name === key.name && each.fields.join() === key.fields.join()
  })
}

function indexOf(model: Model, key: Key): DesiredIndex & { where?: string | undefined } {
  const descending = columnsOf(model, key.descending)
  return {
    name: key.name,
    columns: columnsOf(model, key.fields),
    ...(descending.length > 0 && { descending }),
    ...(key.where !== undefined && { where: rawText(key.where) }),
  }
}

function formerUnique(model: Model, key: Key): FormerUnique {
  return { ...indexOf(model, key), constraint: false }
}

/** The SQL of `raw("…")`. */
function rawText(where: string): string {
  return unquote(/"(?:[^"\\]|\\.)*"/.exec(where)?.[0] ?? '""')
}

/** The SQL of `dbgenerated("…")`. */
function defaultText(value: string): string {
  return value.startsWith('dbgenerated') ? rawText(value) : value
}

const actions: Record<string, ReferentialAction> = {
  Cascade: 'CASCADE',
  Restrict: 'RESTRICT',
  NoAction: 'NO ACTION',
  SetNull: 'SET NULL',
  SetDefault: 'SET DEFAULT',
}

/** The foreign key, if it is not as it was. */
function foreignKey(
  model: Model,
  relation: Relation,
  former: Model,
  { former: formers, classification }: Context,
): DesiredForeignKey[] {
  const parent = classification.models.get(relation.parent)?.model
  if (!parent) return []
  const desired = keyAs(model, relation, parent)
  const previous = former.relations.find(({ name }) => name === relation.name)
  const formerParent = formers.get(relation.parent) ?? parent
  const replaced = previous && keyAs(former, previous, formerParent)
  if (JSON.stringify(replaced) === JSON.stringify(desired)) return []
  const { references, ...rest } = desired
  return [
    {
      ...rest,
      references: { table: parent.table, columns: references },
      optional: isOptional(model, relation),
      replaces: replaced,
    },
  ]
}

function keyAs(model: Model, relation: Relation, parent: Model) {
  return {
    name: relation.constraint,
    columns: columnsOf(model, relation.fields),
    references: columnsOf(parent, relation.references),
    onDelete: action(onDeleteOf(model, relation)),
    onUpdate: action(relation.onUpdate ?? 'Cascade'),
  }
}

function action(word: string): ReferentialAction {
  return actions[word] ?? 'NO ACTION'
}

function surrogateKey(model: Model, { models }: Classification, config: ResolvedConfig): SurrogateKey[] {
  const kind = models.get(model.name)?.kind
  const key = model.primaryKey
  if (!key || kind === 'shared') return []
  const own = tenantFieldOf(model, config.column)?.name
  const containsOwner = own !== undefined ? key.fields.includes(own) : needsTenant(model, key, '')
  return containsOwner ? [] : [{ model: model.name, table: model.table, columns: columnsOf(model, key.fields) }]
}
