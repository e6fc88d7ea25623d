import type { Classification } from './classify.js'
import type { ResolvedConfig } from './config.js'
import type { Backfill } from './desired.js'
import { tenantFieldOf } from './keys.js'
import { columnsOf, isOptional, type Model, type PrismaSchema, type Relation } from './model.js'

export interface BackfillPlan {
  /** All models: parents before children, and whoever tells a tenant before whoever asks. */
  readonly order: readonly Model[]
  /** For the models whose rows may have no tenant yet, by name. */
  readonly sources: ReadonlyMap<string, readonly Backfill[]>
}

/**
 * Where the tenant of existing rows comes from. A model asks one parent that every row of it has and whose own rows are
 * all filled by then; where there is none, every parent that a row may have, then the tenant that the configuration
 * names. Tables may point at each other in circles, so the order is found step by step.
 */
export function backfillPlan(before: PrismaSchema, { models }: Classification, config: ResolvedConfig): BackfillPlan {
  const former = new Map(before.models.map((model) => [model.name, model]))
  const sources = new Map<string, Backfill[]>()
  const order: Model[] = []
  const placed = new Set<string>()
  /** Models whose every row has its tenant. */
  const filled = new Set<string>([config.tenantModel])
  const waiting = parentsFirst(before, { models })

  const ownColumn = (model: Model) => tenantFieldOf(model, config.column)
  for (const model of waiting) if (ownColumn(model)?.optional === false) filled.add(model.name)

  const place = (model: Model) => {
    waiting.splice(waiting.indexOf(model), 1)
    order.push(model)
    placed.add(model.name)
    if (models.get(model.name)?.kind !== 'tenant' || ownColumn(model)?.optional === false) return
    const sure = sureParent(model)
    const tenant = config.backfill[model.name] ?? config.backfill['*']
    const asked = sure ? [sure] : model.relations.filter(({ parent }) => placed.has(parent) || filled.has(parent))
    const parents = asked.flatMap((relation) => fromParent(model, relation, former.get(relation.parent), config) ?? [])
    sources.set(model.name, [...parents, ...(sure || tenant === undefined ? [] : [{ tenant }])])
    if (sure || tenant !== undefined) filled.add(model.name)
  }
  const sureParent = (model: Model) =>
    model.relations.find((relation) => {
      const known = filled.has(relation.parent) && relation.parent !== model.name && !isOptional(model, relation)
      return known && fromParent(model, relation, former.get(relation.parent), config) !== undefined
    })
  const isNext = (model: Model) => {
    const kind = models.get(model.name)?.kind
    if (kind === 'tenant' && (ownColumn(model)?.optional === false || sureParent(model))) return true
    return kind === 'shared' || model.relations.every(({ parent }) => placed.has(parent) || parent === model.name)
  }
  // In a circle that nobody outside of it tells, the first is as good as any.
  for (let next = waiting[0]; next !== undefined; next = waiting[0]) place(waiting.find(isNext) ?? next)
  return { order, sources }
}

function fromParent(
  model: Model,
  relation: Relation,
  parent: Model | undefined,
  config: ResolvedConfig,
): Backfill | undefined {
  if (!parent || parent.name === model.name) return undefined
  const references = columnsOf(parent, relation.references)
  const keys = columnsOf(model, relation.fields).map((column, n) => [column, references[n] ?? ''] as const)
  // The tenant column itself cannot tell: it is what is empty.
  if (keys.some(([column]) => column === config.column)) return undefined
  const id = columnsOf(parent, parent.primaryKey?.fields ?? [])
  const column = parent.name === config.tenantModel ? (id.length === 1 ? id[0] : undefined) : config.column
  if (column === undefined || config.shared.includes(parent.name)) return undefined
  return { parent: { table: parent.table, column, keys } }
}

/** As far as tables do not point at each other in a circle; shared tables have no place in it. */
function parentsFirst(schema: PrismaSchema, { models }: Classification): Model[] {
  const byName = new Map(schema.models.map((model) => [model.name, model]))
  const sorted = new Set<Model>()
  const open = new Set<Model>()
  const visit = (model: Model) => {
    if (sorted.has(model) || open.has(model)) return
    open.add(model)
    const isShared = models.get(model.name)?.kind === 'shared'
    for (const { parent } of isShared ? [] : model.relations) {
      const above = byName.get(parent)
      if (above) visit(above)
    }
    sorted.add(model)
  }
  schema.models.forEach(visit)
  return [...sorted]
}
