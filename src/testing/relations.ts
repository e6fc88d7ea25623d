import type { RuntimeField } from '../prisma-internals.js'
import type { Row } from './client-row.js'
import { isRequired, type Target } from './targets.js'
import type { World } from './world.js'

/** A relation of a model's to rows that belong to tenants. */
export interface Relation {
  readonly field: RuntimeField
  readonly target: Target
  readonly isList: boolean
}

const known = new WeakMap<World, Map<Target, Promise<readonly Relation[]>>>()

/**
 * The relations of a model to what belongs to tenants, and to views. Prisma's runtime model does not say which are
 * lists: an answer does.
 */
export function relationsOf(world: World, target: Target): Promise<readonly Relation[]> {
  const ofWorld = known.get(world) ?? new Map<Target, Promise<readonly Relation[]>>()
  known.set(world, ofWorld)
  let found = ofWorld.get(target)
  if (!found) {
    found = findRelations(world, target)
    ofWorld.set(target, found)
  }
  return found
}

async function findRelations(world: World, target: Target): Promise<Relation[]> {
  const { model } = target
  const fields = (model?.fields ?? []).filter(({ kind }) => kind === 'object')
  const related = fields.flatMap((field) => {
    const other = world.modelTarget(field.type)
    return other && other.kind !== 'shared' ? [{ field, target: other }] : []
  })
  if (!model || related.length === 0) return []
  const include = Object.fromEntries(related.map(({ field }) => [field.name, true]))
  const answer = await world.must(
    world.a,
    { model: model.delegate, method: 'findMany', args: { include, take: 1 } },
    `The relations of ${target.name} cannot be read`,
  )
  const [row] = answer as Row[]
  return row ? related.map((relation) => ({ ...relation, isList: Array.isArray(row[relation.field.name]) })) : []
}

/** The one foreign key of `child` that refers to `parent`; undefined where there are several or none. */
export function onlyKey(child: Target, parent: Target) {
  const keys = child.table.foreignKeys.filter((key) => key.parent === parent.table.oid)
  return keys.length === 1 && keys[0] ? { ...keys[0], required: isRequired(child.table, keys[0]) } : undefined
}
