import type { Classification } from './classify.js'
import type { ResolvedConfig } from './config.js'
import type { ParentPath } from './desired.js'
import { columnsOf, isOptional, type Model, type Relation } from './model.js'

/**
 * The foreign keys by which a table without the tenant column belongs to a tenant: of a model, or of the join table
 * between two models.
 */
export function parentPaths(
  child: Model | { readonly a: string; readonly b: string },
  classification: Classification,
  config: ResolvedConfig,
): ParentPath[] {
  if ('a' in child) {
    return [...joinPath('A', child.a, classification, config), ...joinPath('B', child.b, classification, config)]
  }
  return child.relations.flatMap((relation) => relationPath(child, relation, classification, config))
}

function relationPath(
  child: Model,
  relation: Relation,
  classification: Classification,
  config: ResolvedConfig,
): ParentPath[] {
  const parent = classification.models.get(relation.parent)
  if (parent === undefined || parent.kind === 'shared') return []
  const references = columnsOf(parent.model, relation.references)
  const keys = columnsOf(child, relation.fields).map((column, n) => [column, references[n] ?? ''] as const)
  return [{ keys, required: !isOptional(child, relation), ...ownerOf(parent.model, classification, config) }]
}

function joinPath(
  column: 'A' | 'B',
  name: string,
  classification: Classification,
  config: ResolvedConfig,
): ParentPath[] {
  const parent = classification.models.get(name)
  if (parent === undefined || parent.kind === 'shared') return []
  const [id = ''] = columnsOf(parent.model, parent.model.primaryKey?.fields ?? [])
  return [{ keys: [[column, id]], required: true, ...ownerOf(parent.model, classification, config) }]
}

/** How a parent's own row is known: by its column, or by the parents that each of its rows must have. */
function ownerOf(
  parent: Model,
  classification: Classification,
  config: ResolvedConfig,
): Pick<ParentPath, 'table' | 'column' | 'parents'> {
  const { table } = parent
  if (classification.models.get(parent.name)?.kind === 'tenant') return { table, column: config.column }
  const paths = parentPaths(parent, classification, config)
  return { table, parents: paths.filter(({ required }) => required) }
}
