import type { Classification } from './classify.js'
import type { ResolvedConfig } from './config.js'
import type { Backfill } from './desired.js'
import { columnsOf, isOptional, type Model, type PrismaSchema, type Relation } from './model.js'

interface Context {
  readonly before: PrismaSchema
  readonly classification: Classification
  readonly config: ResolvedConfig
}

/**
 * Where the tenant of existing rows comes from, in the order in which it is asked: a parent that every row has, or else
 * every parent that a row may have, then the tenant that the configuration names.
 */
export function backfillOf(model: Model, context: Context): Backfill[] {
  const { config } = context
  const parents = model.relations.flatMap((relation): { relation: Relation; backfill: Backfill }[] => {
    const backfill = relation.parent === model.name ? undefined : fromParent(model, relation, context)
    return backfill ? [{ relation, backfill }] : []
  })
  const sure = parents.find(({ relation }) => !isOptional(model, relation))
  if (sure) return [sure.backfill]
  const tenant = config.backfill[model.name] ?? config.backfill['*']
  return [...parents.map(({ backfill }) => backfill), ...(tenant === undefined ? [] : [{ tenant }])]
}

function fromParent(
  model: Model,
  relation: Relation,
  { before, classification, config }: Context,
): Backfill | undefined {
  const parent = before.models.find(({ name }) => name === relation.parent)
  if (!parent) return undefined
  const references = columnsOf(parent, relation.references)
  const keys = columnsOf(model, relation.fields).map((column, n) => [column, references[n] ?? ''] as const)
  // The tenant column itself cannot tell: it is what is empty.
  if (keys.some(([column]) => column === config.column)) return undefined
  if (relation.parent === config.tenantModel) {
    const id = columnsOf(parent, parent.primaryKey?.fields ?? [])
    return id.length === 1 && id[0] !== undefined ? { parent: { table: parent.table, column: id[0], keys } } : undefined
  }
  if (classification.models.get(relation.parent)?.kind !== 'tenant') return undefined
  return { parent: { table: parent.table, column: config.column, keys } }
}
