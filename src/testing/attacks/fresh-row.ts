import { fromText, type Row } from '../client-row.js'
import type { Made, Side } from '../rows.js'
import { fieldOf, type Target } from '../targets.js'
import type { World } from '../world.js'

/** One more row of a tenant's, not made yet: as SQL would insert it, and as `data` of a create. */
export interface FreshRow {
  readonly values: Readonly<Record<string, string | null>>
  readonly data: Row
  /** The same as a row that was made, to find and remove it by. */
  readonly made: Made
}

/** A row like the tenant's own, with the same parents, and values that nobody has in its keys. */
export async function freshRow(world: World, target: Target, side: Side): Promise<FreshRow> {
  const like = world.row(target, side)
  const n = world.rows(target, side).indexOf(like)
  const { values, parents } = await world.as(side, (client) => world.propose(client, target, side, n))
  const data: Record<string, unknown> = {}
  for (const { name, generated } of target.table.columns) {
    const field = fieldOf(target, name)
    if (!field || generated) continue
    const same = values[name] === undefined || values[name] === like.values[name]
    const value = same ? like.row?.[field.name] : fromText(field.type, values[name] ?? null)
    if (value !== null && value !== undefined) data[field.name] = value
  }
  const row = Object.fromEntries(
    target.table.columns.flatMap(({ name }) => {
      const field = fieldOf(target, name)
      return field ? [[field.name, data[field.name] ?? null]] : []
    }),
  )
  const made = { target, side, values: { ...like.values, ...values }, insert: like.insert, parents, row }
  return { values, data, made }
}

/** A field that can be written without harm: `{ name: its own value }`. */
export function sameValue(made: Made): Row | undefined {
  const { target, row } = made
  if (!row) return undefined
  const inKey = new Set(target.table.uniques.flatMap(({ columns }) => columns))
  const inForeignKey = new Set(target.table.foreignKeys.flatMap(({ columns }) => columns))
  const writable = target.table.columns.filter(({ name, generated, identity }) => {
    const value = row[fieldOf(target, name)?.name ?? '']
    return !generated && !identity && value != null && !Array.isArray(value) && fieldOf(target, name)?.type !== 'Json'
  })
  const best = writable.find(({ name }) => !inKey.has(name) && !inForeignKey.has(name)) ?? writable[0]
  const field = best && fieldOf(target, best.name)?.name
  return field === undefined ? undefined : { [field]: row[field] }
}
