import type { RuntimeField } from '../../prisma-internals.js'
import { whereOf } from '../client-row.js'
import { type Relation, relationsOf } from '../relations.js'
import type { Target } from '../targets.js'
import { type Attack, noModel } from './attack.js'
import { isSet, named } from './read.js'

/** Loading relations, both ways: from the row, from what refers to it, and from shared rows that both tenants see. */
export const relations: Attack = {
  name: 'relations',
  on: ['tenant', 'child', 'shared', 'view'],
  async run(trial) {
    const { target, world } = trial
    const { model } = target
    if (!model) return noModel
    const call = (method: string, args: object) => ({ model: model.delegate, method, args })
    const rows = world.made.filter(({ side }) => side === world.a)
    const own = target.kind === 'tenant' || target.kind === 'child' ? trial.a : undefined
    const related = await relationsOf(world, target)
    if (related.length === 0) return 'it has no relation to rows of tenants'
    for (const { field, target: other, isList } of related) {
      const row = other.kind === 'view' ? await world.viewRow(other) : world.row(other, world.a)
      const filter = row && whereOf(row)
      if (!row || !filter) continue
      const where = { [field.name]: isList ? { some: filter } : { is: filter } }
      const loaded = isList ? { [field.name]: { where: filter } } : { [field.name]: true }
      await trial.hidden(call('findMany', { where, include: loaded }), { rows, about: other })
      if (isList) {
        const counted = { select: { _count: { select: { [field.name]: { where: filter } } } } }
        await trial.hidden(call('findMany', { where, ...counted }), {
          rows,
          about: other,
          shows: (answer) => (answer as unknown[]).length > 0,
        })
      }
      if (other.kind === 'view' || target.kind === 'shared') await fromAnywhere(field, other, filter, isList)
    }
    const selector = own && (await world.selectors(target)).find((each) => isSet(own, each))
    if (own && selector) {
      const all = Object.fromEntries(related.map(({ field }) => [field.name, true]))
      await trial.hidden(call('findUnique', { where: named(own, selector), include: all }))
      const [chained] = related as readonly [Relation]
      const args = { where: named(own, selector) }
      await trial.hidden({ ...call('findUnique', args), chained: chained.field.name }, { rows })
    }
    return undefined

    /** The rows of the root are seen by both: what hangs on them is not. */
    async function fromAnywhere(field: RuntimeField, other: Target, filter: object, isList: boolean): Promise<void> {
      if (!isList || !model) return
      await trial.hidden(call('findMany', { include: { [field.name]: { where: filter } }, take: 1000 }), {
        rows,
        about: other,
      })
    }
  },
}
