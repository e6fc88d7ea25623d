import { whereOf } from '../client-row.js'
import { type Attack, noModel } from './attack.js'
import { freshRow, sameValue } from './fresh-row.js'
import { isSet, named } from './read.js'

export const update: Attack = {
  name: 'update',
  async run(trial) {
    const { world, target, a, b } = trial
    const { model } = target
    const where = whereOf(a)
    const data = sameValue(a)
    if (!model || !where || !data) return noModel
    if (!target.table.may.update) return mayNot(trial.world.catalog.role.name, 'UPDATE')
    const call = (method: string, args: object) => ({ model: model.delegate, method, args })
    const own = await world.outcome(world.b, call('updateMany', { where: whereOf(b), data: sameValue(b) }))
    if (!('answer' in own))
      throw trial.failure(world.b, call('updateMany', { where: whereOf(b), data: sameValue(b) }), own)
    const what = "updates tenant a's row"
    await trial.refused(world.b, call('updateMany', { where, data }), { what })
    await trial.refused(world.b, call('updateManyAndReturn', { where, data }), { what })
    for (const selector of (await world.selectors(target)).filter((each) => isSet(a, each)))
      await trial.refused(world.b, call('update', { where: named(a, selector), data }), { what })
    return undefined
  },
}

export const remove: Attack = {
  name: 'delete',
  async run(trial) {
    const { world, target, a } = trial
    const { model } = target
    const where = whereOf(a)
    if (!model || !where) return noModel
    if (!target.table.may.delete) return mayNot(world.catalog.role.name, 'DELETE')
    const call = (method: string, args: object) => ({ model: model.delegate, method, args })
    const options = {
      what: "deletes tenant a's row",
      // What refers to a row is looked at only when the policy let it go.
      passed: ['foreign key', 'relation', 'not null'] as const,
    }
    await trial.refused(world.b, call('deleteMany', { where }), options)
    const selector = (await world.selectors(target)).find((each) => isSet(a, each))
    if (selector) await trial.refused(world.b, call('delete', { where: named(a, selector) }), options)
    return undefined
  },
}

export const upsert: Attack = {
  name: 'upsert',
  async run(trial) {
    const { world, target, a } = trial
    const { model, table } = target
    const selectors = (await world.selectors(target)).filter((each) => isSet(a, each))
    const data = sameValue(a)
    if (!model || !data || selectors.length === 0) return noModel
    if (!table.may.update || !table.may.insert) return mayNot(world.catalog.role.name, 'INSERT and UPDATE')
    for (const selector of selectors) {
      const fresh = await freshRow(world, target, world.b)
      const call = {
        model: model.delegate,
        method: 'upsert',
        args: { where: named(a, selector), update: data, create: fresh.data },
      }
      await trial.refused(world.b, call, {
        what: "updates tenant a's row by an upsert",
        makes: fresh.made,
        accept: ['no row', 'policy', 'unique', 'foreign key'],
        harmless: (answer) => !trial.reveals(answer),
      })
    }
    // The key of a's row in both places: Prisma sends INSERT … ON CONFLICT.
    const key = Object.fromEntries(Object.entries(whereOf(a) ?? {}))
    const primary = selectors.find(({ fields }) => fields.every((field) => field in key))
    if (primary) {
      const fresh = await freshRow(world, target, world.b)
      const create = { ...fresh.data, ...key }
      await trial.refused(
        world.b,
        { model: model.delegate, method: 'upsert', args: { where: named(a, primary), update: data, create } },
        {
          what: "updates tenant a's row by an upsert that names its key twice",
          accept: ['no row', 'policy', 'unique', 'foreign key'],
          harmless: async () => false,
        },
      )
    }
    return undefined
  },
}

export const create: Attack = {
  name: 'create',
  async run(trial) {
    const { world, target } = trial
    const { model } = target
    if (!model || !whereOf(trial.a)) return noModel
    if (!target.table.may.insert) return mayNot(world.catalog.role.name, 'INSERT')
    const own = await freshRow(world, target, world.b)
    const ownCall = { model: model.delegate, method: 'create', args: { data: own.data } }
    const control = await world.making(own.made, () => world.outcome(world.b, ownCall))
    // A row that has one and only one parent is refused where that has one: the index is met after the policy.
    if (!('answer' in control) && !('refused' in control && control.refused === 'unique'))
      throw trial.failure(world.b, ownCall, control)
    for (const method of ['create', 'createMany', 'createManyAndReturn']) {
      const fresh = await freshRow(world, target, world.a)
      const data = method === 'create' ? fresh.data : [fresh.data]
      await trial.refused(
        world.b,
        { model: model.delegate, method, args: { data } },
        {
          what: "makes a row with tenant a's id",
          makes: fresh.made,
          accept: ['policy', 'foreign key', 'trigger'],
          passed: ['unique'],
          harmless: async () => !(await isSeenByA(fresh.made)),
          rows: fresh.made.parents,
        },
      )
    }
    return undefined

    async function isSeenByA(made: typeof own.made): Promise<boolean> {
      const seen = await world.must(
        world.a,
        { model: model?.delegate as string, method: 'findMany', args: { where: whereOf(made) } },
        `Tenant a cannot look for the row of ${target.name}`,
      )
      return (seen as unknown[]).length > 0
    }
  },
}

export const move: Attack = {
  name: 'move',
  async run(trial) {
    const { world, target, a, b } = trial
    const { model, table } = target
    const tenantField = model?.fields.find(({ column }) => column === world.options.tenantColumn)
    const where = whereOf(a)
    const ownWhere = whereOf(b)
    if (!model || !where || !ownWhere) return noModel
    if (!tenantField) return 'it has no column of the tenant: see connect and foreign key'
    if (!table.may.update) return mayNot(world.catalog.role.name, 'UPDATE')
    const theirs = { [tenantField.name]: a.row?.[tenantField.name] }
    const parents = Object.fromEntries(
      table.foreignKeys
        .flatMap(({ columns }) => columns)
        .flatMap((column) => {
          const field = model.fields.find((each) => each.column === column)
          return field && a.row?.[field.name] != null ? [[field.name, a.row[field.name]]] : []
        }),
    )
    const changes = Object.keys(parents).some((name) => name !== tenantField.name)
      ? [theirs, { ...parents, ...theirs }]
      : [theirs]
    for (const data of changes) {
      await trial.refused(
        world.b,
        { model: model.delegate, method: 'updateMany', args: { where: ownWhere, data } },
        {
          what: 'gives a row of its own to tenant a',
          accept: ['policy', 'foreign key', 'trigger'],
          passed: ['unique'],
          // A trigger can keep the tenant as it was: then the row is where it was.
          harmless: async () => isStill(),
          rows: [a, b],
        },
      )
    }
    const mine = { [tenantField.name]: b.row?.[tenantField.name] }
    await trial.refused(
      world.b,
      { model: model.delegate, method: 'updateMany', args: { where, data: mine } },
      {
        what: "takes tenant a's row",
        passed: ['foreign key', 'unique'],
        rows: [a, b],
      },
    )
    return undefined

    async function isStill(): Promise<boolean> {
      const look = { model: model?.delegate as string, method: 'findMany', args: { where: ownWhere } }
      const asB = (await world.must(world.b, look, `Tenant b cannot look for its row of ${target.name}`)) as unknown[]
      const asA = (await world.must(world.a, look, `Tenant a cannot look for a row of ${target.name}`)) as unknown[]
      return asB.length === 1 && asA.length === 0
    }
  },
}

export function mayNot(role: string, what: string): string {
  return `the role "${role}" may not ${what} here`
}
