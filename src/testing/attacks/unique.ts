import type { Unique } from '../catalog.js'
import type { Call } from '../client.js'
import { isRefusedBy, type Outcome, told } from '../outcome.js'
import { columnOf, insertOf, type Made } from '../rows.js'
import { fieldOf } from '../targets.js'
import type { Trial } from '../trial.js'
import { valueFor } from '../values.js'
import type { Attack } from './attack.js'
import { freshRow } from './fresh-row.js'
import { mayNot } from './write.js'

type Values = Readonly<Record<string, string | null>>

/** Unique indexes: does an insert tell b that somebody has a value? */
export const unique: Attack = {
  name: 'unique',
  async run(trial) {
    const { world, target, a } = trial
    const { table } = target
    if (!table.may.insert) return mayNot(world.catalog.role.name, 'INSERT')
    const surrogate = await surrogateKey(trial)
    if (surrogate !== undefined) world.note('surrogate', target.name)
    for (const index of table.uniques) {
      const columns = index.columns.filter((name) => name !== world.options.tenantColumn)
      if (columns.length === 0 || columns.includes(surrogate ?? '')) continue
      if (columns.some((name) => a.values[name] === null && index.plain)) continue
      const taken = Object.fromEntries(columns.map((name) => [name, a.values[name] ?? null]))
      // Shown first: this index does refuse it, to the one who may know.
      if (!isRefusedBy((await insert(trial, world.a, taken)).outcome, ['unique'])) continue
      const { call: asked, outcome } = await insert(trial, world.b, taken)
      const { outcome: nobodys } = await insert(trial, world.b, freshIn(trial, index))
      if ('failed' in outcome) throw trial.failure(world.b, asked, outcome)
      if (told(outcome) === 'unique' && told(nobodys) !== 'unique') {
        throw trial.leak(
          `Tenant b learns that tenant a has a value: the unique index "${index.name}" refuses it, and answers '${told(nobodys)}' to one that nobody has`,
          [a],
          [[world.b, asked]],
        )
      }
      trial.tried += 1
    }
    return trial.tried === 0 ? 'it has no unique key but those that are made up' : undefined
  },
}

/** An insert of a row of the tenant's own, but for these values. */
async function insert(trial: Trial, side: Made['side'], values: Values): Promise<{ call: Call; outcome: Outcome }> {
  const { world, target } = trial
  const fresh = await freshRow(world, target, side)
  const made = { ...fresh.made, values: { ...fresh.made.values, ...values } }
  const { sql, values: sent } = insertOf(target.table, { ...fresh.values, ...values })
  const call: Call = { execute: sql, values: sent }
  const outcome = await world.making(made, () => world.outcome(side, call))
  await world.dropStrays()
  return { call, outcome }
}

/** New values where nothing else decides them; with a parent that nobody has, where all of them are a parent's. */
function freshIn(trial: Trial, index: Unique): Values {
  const { target, world } = trial
  const inForeignKey = new Set(target.table.foreignKeys.flatMap(({ columns }) => columns))
  const all = index.columns.filter((name) => name !== world.options.tenantColumn)
  const own = all.filter((name) => !inForeignKey.has(name))
  const kept = own.length > 0 ? all.filter((name) => inForeignKey.has(name)) : []
  const values: Record<string, string | null> = {}
  for (const name of kept) values[name] = trial.a.values[name] ?? null
  for (const name of own.length > 0 ? own : all) {
    values[name] = valueFor(columnOf(target.table, name), { distinct: true, tag: world.b.tag, n: 0 }) ?? null
  }
  return values
}

/**
 * The primary key, if it is one column that the database or Prisma makes up: that somebody has a number, a uuid or a
 * cuid says nothing about whom.
 */
async function surrogateKey(trial: Trial): Promise<string | undefined> {
  const { world, target } = trial
  const { table, model } = target
  const [name, ...more] = table.primaryKey.filter((column) => column !== world.options.tenantColumn)
  if (name === undefined || more.length > 0) return undefined
  if (table.foreignKeys.some(({ columns }) => columns.includes(name))) return undefined
  const column = columnOf(table, name)
  if (column.identity || column.default !== null || column.base === 'uuid') return name
  const field = fieldOf(target, name)
  if (!model || !field) return undefined
  // Only Prisma knows whether it makes one up, and only says so when it gets none.
  const fresh = await freshRow(world, target, world.b)
  const { [field.name]: _, ...data } = fresh.data
  const outcome = await world.outcome(world.b, { model: model.delegate, method: 'create', args: { data } })
  if ('answer' in outcome) {
    const key = String((outcome.answer as Readonly<Record<string, unknown>>)[field.name])
    const made = { ...fresh.made, values: { ...fresh.made.values, [name]: key } }
    await world.making(made, async () => outcome)
    await world.dropStrays()
    return name
  }
  return 'failed' in outcome ? undefined : name
}
