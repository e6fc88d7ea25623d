import type { Call } from './client.js'
import type { Outcome } from './outcome.js'
import type { Made, Side } from './rows.js'
import { fieldOf, type Target } from './targets.js'

/** What is asked of a world. */
interface Asked {
  readonly a: Side
  outcome(side: Side, call: Call): Promise<Outcome>
  rows(target: Target, side: Side): readonly Made[]
}

/** A way in which findUnique names a row. */
export interface Selector {
  readonly name: string
  readonly fields: readonly string[]
}

/**
 * Every way in which the client's findUnique can name a row of the target.
 *
 * The names of composite keys are in the schema and not in the runtime model. Prisma tells them when it is asked for
 * a row by nothing at all, and sends nothing.
 */
export async function selectorsOf(world: Asked, target: Target): Promise<Selector[]> {
  const { model } = target
  if (!model) return []
  const message = async (where: object) => {
    const outcome = await world.outcome(world.a, { model: model.delegate, method: 'findUnique', args: { where } })
    return 'failed' in outcome ? outcome.failed.message : ''
  }
  const named = /needs at least one of (.*?) arguments?/s.exec(await message({}))?.[1] ?? ''
  const names = [...named.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string)
  const isField = (name: string) => model.fields.some((field) => field.name === name)
  const selectors: Selector[] = []
  for (const name of names) {
    if (isField(name)) {
      selectors.push({ name, fields: [name] })
      continue
    }
    const unique = target.table.uniques
      .map(({ columns }) => columns.map((column) => fieldOf(target, column)?.name))
      .find((fields) => fields.join('_') === name)
    const fields = unique ?? (await fieldsOf(world, target, name, message))
    if (fields.length > 0) selectors.push({ name, fields: fields as string[] })
  }
  return selectors
}

/** A composite key with a name of its own: which of the database's has fields that Prisma takes under it. */
async function fieldsOf(
  world: Asked,
  target: Target,
  name: string,
  message: (where: object) => Promise<string>,
): Promise<readonly string[]> {
  for (const { columns } of target.table.uniques) {
    const fields = columns.map((column) => fieldOf(target, column)?.name)
    if (fields.length < 2 || fields.includes(undefined)) continue
    const row = world.rows(target, world.a).at(-1)?.row
    if (
      row &&
      (await message({ [name]: Object.fromEntries(fields.map((field) => [field, row[field as string]])) })) === ''
    )
      return fields as string[]
  }
  return []
}
