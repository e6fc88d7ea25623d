import { whereOf } from '../client-row.js'
import type { Made } from '../rows.js'
import type { Selector } from '../selectors.js'
import { type Attack, noModel } from './attack.js'

export const read: Attack = {
  name: 'read',
  on: ['tenant', 'child', 'view'],
  async run(trial) {
    const { target, world } = trial
    const { model } = target
    if (!model) return noModel
    const a = target.kind === 'view' ? await world.viewRow(target) : trial.a
    const where = a && whereOf(a)
    if (!a || !where) return 'tenant a sees no row of its own here that could be told'
    const call = (method: string, args: object) => ({ model: model.delegate, method, args })
    const selectors = (await world.selectors(target)).filter((selector) => isSet(a, selector))
    const rows = target.kind === 'view' ? world.made.filter(({ side }) => side === world.a) : [a]
    const calls = [
      call('findFirst', { where }),
      call('findMany', { where }),
      call('findMany', { where: { OR: [where, { NOT: where }], AND: where } }),
      call('findFirstOrThrow', { where }),
      ...selectors.map((selector) => call('findUnique', { where: named(a, selector) })),
      ...selectors
        .slice(0, 1)
        .flatMap((selector) => [
          call('findUniqueOrThrow', { where: named(a, selector) }),
          call('findMany', { cursor: named(a, selector), take: 1 }),
        ]),
    ]
    let proved = 0
    for (const each of calls) if (await trial.hidden(each, { rows })) proved += 1
    if (proved < calls.length)
      throw trial.failure(world.a, calls[0] as never, { failed: new Error('an answer without the row that was made') })
    return undefined
  },
}

export const count: Attack = {
  name: 'count',
  async run(trial) {
    const { model } = trial.target
    const where = whereOf(trial.a)
    if (!model || !where) return noModel
    const by = Object.keys(where)
    const call = (method: string, args: object) => ({ model: model.delegate, method, args })
    const counts = (answer: unknown) =>
      (typeof answer === 'number' ? answer : (answer as { _count: number })._count) > 0
    const some = (answer: unknown) => (answer as unknown[]).length > 0
    const calls = [
      [call('count', { where }), counts],
      [call('aggregate', { where, _count: true }), counts],
      [call('groupBy', { by, where, _count: true }), some],
    ] as const
    for (const [each, shows] of calls) {
      if (await trial.hidden(each, { shows })) continue
      throw trial.failure(trial.world.a, each, { failed: new Error('it does not count the row that was made') })
    }
    return undefined
  },
}

/** `where` of findUnique. */
export function named({ row }: Made, { name, fields }: Selector): Record<string, unknown> {
  const values = Object.fromEntries(fields.map((field) => [field, row?.[field]]))
  return fields.length === 1 ? values : { [name]: values }
}

export function isSet({ row }: Made, { fields }: Selector): boolean {
  return fields.every((field) => row?.[field] !== null && row?.[field] !== undefined)
}
