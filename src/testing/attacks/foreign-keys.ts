import { quoteIdentifier } from '../../sql/quote.js'
import type { ForeignKey, Table } from '../catalog.js'
import type { Call } from '../client.js'
import { isRefusedBy, told } from '../outcome.js'
import { columnOf, insertRow, type Made, newValues, rowIs, sqlName } from '../rows.js'
import type { Trial } from '../trial.js'
import { valueFor } from '../values.js'
import type { Attack } from './attack.js'
import { mayNot } from './write.js'

type Values = Readonly<Record<string, string | null>>

/** Foreign keys: may b's row refer to a's, and does the answer tell whether such a row is there? */
export const foreignKey: Attack = {
  name: 'foreign key',
  async run(trial) {
    const { world, target } = trial
    const keys = keysToTenants(trial)
    if (keys.length === 0) return 'it has no foreign key to rows of tenants'
    if (!target.table.may.update) return mayNot(world.catalog.role.name, 'UPDATE')
    for (const key of keys) {
      const theirs = parentOf(trial, key)
      const b = trial.b
      const taken = pointing(trial, key, theirs)
      const call = link(b, taken)
      const outcome = await world.outcome(world.b, call)
      const what = `ties its own row to tenant a's row of ${theirs.target.name} by ${key.name}`
      if ('answer' in outcome && outcome.answer !== 0)
        throw trial.leak(`Tenant b ${what}`, [theirs, b], [[world.b, call]])
      if (!isRefusedBy(outcome, ['foreign key', 'policy', 'unique', 'trigger']))
        throw trial.failure(world.b, call, outcome)
      const nobodys = await world.outcome(world.b, link(b, free(target.table, key, taken)))
      if (told(outcome) !== told(nobodys)) {
        throw trial.leak(
          `Tenant b learns that tenant a has a row of ${theirs.target.name}: ${key.name} answers '${told(outcome)}' for it, and '${told(nobodys)}' where nobody has one`,
          [theirs, b],
          [
            [world.b, call],
            [world.b, link(b, free(target.table, key, taken))],
          ],
        )
      }
      trial.tried += 1
    }
    return undefined
  },
}

/** What a's deletes would do to b's rows, were these tied to a's. */
export const cascade: Attack = {
  name: 'cascade',
  async run(trial) {
    const { world, target } = trial
    const keys = keysToTenants(trial).filter(({ onDelete }) => /cascade|set/.test(onDelete))
    const shared = target.table.foreignKeys.filter((key) => reachesFromShared(trial, key))
    if (keys.length + shared.length === 0)
      return 'no foreign key of it cascades or sets anything that a tenant can delete'
    if (!target.table.may.update) return mayNot(world.catalog.role.name, 'UPDATE')
    for (const key of keys) {
      const theirs = parentOf(trial, key)
      const b = trial.b
      const tie = link(b, pointing(trial, key, theirs))
      const tied = await world.outcome(world.b, tie)
      if (!('answer' in tied) || tied.answer === 0) {
        if (!('answer' in tied) && !isRefusedBy(tied, ['foreign key', 'policy', 'unique', 'trigger']))
          throw trial.failure(world.b, tie, tied)
        trial.tried += 1
        continue
      }
      const before = await look(b)
      const { condition, values } = rowIs(theirs)
      const removal: Call = { execute: `DELETE FROM ${sqlName(theirs.target.table)} WHERE ${condition}`, values }
      const removed = await world.outcome(world.a, removal)
      if ('answer' in removed && (await look(b)) !== before) {
        throw trial.leak(
          `Tenant a deletes a row of its own, and ${key.name} (ON DELETE ${key.onDelete.toUpperCase()}) changes tenant b's row with it`,
          [theirs, b],
          [
            [world.b, tie],
            [world.a, removal],
          ],
        )
      }
      return 'the row can be tied to one of another tenant: see foreign key'
    }
    for (const key of shared) await throughShared(trial, key, look)
    return undefined

    async function look(made: Made): Promise<string> {
      const { condition, values } = rowIs(made)
      const sql = `SELECT to_json(t)::text AS row FROM ${sqlName(made.target.table)} AS t WHERE ${condition}`
      return JSON.stringify(
        await world.must(made.side, { query: sql, values }, `Tenant ${made.side.name} cannot look for its row`),
      )
    }
  },
}

/** May a tenant delete a shared row that others' rows refer to, and take or change them with it? */
function reachesFromShared({ world }: Trial, key: ForeignKey): boolean {
  const parent = world.targetOf(key.parent)
  const { tenantColumn } = world.options
  if (parent?.kind !== 'shared' || key.columns.every((name) => name === tenantColumn)) return false
  return /cascade|set/.test(key.onDelete) && parent.table.may.delete && parent.table.may.insert
}

/** On a shared row of its own making, since the one that is there is everybody's. */
async function throughShared(trial: Trial, key: ForeignKey, look: (made: Made) => Promise<string>): Promise<void> {
  const { world, a } = trial
  const parent = world.targetOf(key.parent)
  if (!parent) return
  const made = await world.as(world.b, async (client) =>
    insertRow(
      client,
      parent,
      world.b,
      await newValues(client, parent, world.b, 0, async () => undefined, world.options),
      [],
    ),
  )
  await world.making(made, async () => ({ answer: made }))
  const tie = link(a, pointing(trial, key, made))
  await world.must(world.a, tie, `Tenant a cannot refer to a row of ${parent.name}`)
  const before = await look(a)
  const { condition, values } = rowIs(made)
  const removal: Call = { execute: `DELETE FROM ${sqlName(parent.table)} WHERE ${condition}`, values }
  const removed = await world.outcome(world.b, removal)
  if ('answer' in removed && (await look(a)) !== before) {
    throw trial.leak(
      `Tenant b deletes a row of ${parent.name}, which is shared, and ${key.name} (ON DELETE ${key.onDelete.toUpperCase()}) changes tenant a's row with it`,
      [a],
      [
        [world.b, made.insert],
        [world.a, tie],
        [world.b, removal],
      ],
      parent,
    )
  }
  trial.tried += 1
  await world.renew()
}

function keysToTenants({ world, target }: Trial): ForeignKey[] {
  const { tenantColumn } = world.options
  return target.table.foreignKeys.filter((key) => {
    const parent = world.targetOf(key.parent)
    return parent && parent.kind !== 'shared' && key.columns.some((name) => name !== tenantColumn)
  })
}

function parentOf({ world }: Trial, key: ForeignKey): Made {
  const parent = world.targetOf(key.parent)
  if (!parent) throw new Error(`The table that ${key.name} refers to is not known.`)
  return world.row(parent, world.a)
}

function pointing({ world }: Trial, key: ForeignKey, parent: Made): Values {
  const pairs = key.columns.map((name, i) => [name, parent.values[key.parentColumns[i] as string] ?? null] as const)
  return Object.fromEntries(pairs.filter(([name]) => name !== world.options.tenantColumn))
}

function free(table: Table, key: ForeignKey, taken: Values): Values {
  return Object.fromEntries(
    Object.keys(taken)
      .filter((name) => key.columns.includes(name))
      .map((name) => [name, valueFor(columnOf(table, name), { distinct: true, tag: 'nobody', n: 0 }) ?? null]),
  )
}

function link(made: Made, values: Values): Call {
  const { table } = made.target
  const names = Object.keys(values)
  const set = names
    .map((name, i) => `${quoteIdentifier(name)} = $${i + 1}::text::${columnOf(table, name).type}`)
    .join(', ')
  const where = rowIs(made, names.length + 1)
  return {
    execute: `UPDATE ${sqlName(table)} SET ${set} WHERE ${where.condition}`,
    values: [...names.map((name) => values[name] ?? null), ...where.values],
  }
}
