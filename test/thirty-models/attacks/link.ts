// Linking: a row of A's tied to one of B's through Prisma's relation writes, or through a foreign key.
import pg from 'pg'

import type { ForeignKey, Table } from '../catalog.js'
import { equal, type Model, whereOf } from '../models.js'
import { checksums, differences, ownerOf, rowsOf } from '../owner.js'
import { A, B, insertOf, isShared, type Row, TENANT_COLUMN } from '../seed.js'
import { isOwned, tableOf, type World } from '../world.js'
import { type Attack, asText, call, type Outcome, outcomeOf, rowsToAimAt, showsB } from './attack.js'
import { dataLike, freshField, freshValue, harmlessChange, rowLike } from './copies.js'

/** On a model with rows of tenants. */
export const connectAttack: Attack<Model> = {
  claim: 'a relation write on another tenant’s row answers as for a row that is not there, and ties nothing',
  async run(world, model) {
    const leaks: string[] = []
    const before = await checksums(world.admin, world.tables, B)
    for (const relation of model.relations) {
      const related = world.models.find(({ name }) => name === relation.type)
      if (!related || !isOwned(world, related)) continue
      const [theirs] = await rowsToAimAt(world, related)
      const [mine] = await rowsToAimAt(world, related, A)
      const back = related.relations.find(
        (other) => other.relationName === relation.relationName && other.type === model.name && other !== relation,
      )
      const isTied = {
        [relation.name]: relation.isList ? { some: equal(theirs, related.key) } : { is: equal(theirs, related.key) },
      }

      for (const unique of related.uniques.filter(({ fields }) => fields.every((field) => theirs[field] !== null))) {
        const nobodys: Row = { ...theirs }
        for (const name of unique.fields) {
          const field = related.scalars.find((scalar) => scalar.name === name)
          if (field && (field.dbName ?? field.name) !== TENANT_COLUMN) nobodys[name] = freshField(field)
        }
        const create = (): Row => {
          const data = dataLike(related, mine, { fresh: true })
          for (const name of back?.relationFromFields ?? []) delete data[name]
          return data
        }
        for (const [what, of] of writesOf(relation, { create, change: harmlessChange(related, theirs) })) {
          const [row] = await rowsToAimAt(world, model, A)
          const attempt = (client: Client, where: object, target: Row) => () =>
            call(client, model, 'update', {
              where: whereOf(row, model.uniques[0]),
              data: { [relation.name]: of(where, equal(target, related.key)) },
            })
          const theirWhere = whereOf(theirs, unique)
          const nobody = { ...nobodys, ...unknown(nobodys, related) }
          // Undone, so that what it makes is not in the way of the attack itself.
          const missing = await outcomeOf(() =>
            world.rolledBack(A, (tx) => attempt(tx, whereOf(nobodys, unique), nobody)()),
          )
          const foreign = await world.as(A, () => outcomeOf(attempt(world.prisma, theirWhere, theirs)))
          const title = `${relation.name}.${what} ${asText(theirWhere)}`
          if (kind(foreign) !== kind(missing))
            leaks.push(`${title}: ${asText(foreign)}, and for nobody's: ${asText(missing)}`)
          if (showsB(foreign, theirWhere)) leaks.push(`${title} shows ${asText(foreign)}`)
        }
      }
      const own = (await world.rows(model, A)).map((one) => equal(one, model.key))
      const tied = await call(world.truth, model, 'findMany', { where: { AND: [{ OR: own }, isTied] } })
      if (asText(tied) !== '[]') leaks.push(`${relation.name} now ties ${asText(tied)} to ${asText(theirs)}`)
    }
    const changed = differences(before, await checksums(world.admin, world.tables, B))
    return changed.length > 0 ? [...leaks, `changed: ${changed.join(', ')}`] : leaks
  },
}

type Write = readonly [what: string, of: (where: object, filter: object) => object]

function writesOf(
  relation: Model['relations'][number],
  { create, change }: { readonly create: () => Row; readonly change: Row },
): readonly Write[] {
  if (!relation.isList) {
    return [
      ['connect', (where) => ({ connect: where })],
      ['connectOrCreate', (where) => ({ connectOrCreate: { where, create: create() } })],
    ]
  }
  return [
    ['connect', (where) => ({ connect: where })],
    ['connectOrCreate', (where) => ({ connectOrCreate: { where, create: create() } })],
    ['disconnect', (where) => ({ disconnect: where })],
    ['update', (where) => ({ update: { where, data: change } })],
    ['upsert', (where) => ({ upsert: { where, update: change, create: create() } })],
    ['updateMany', (_, filter) => ({ updateMany: { where: filter, data: change } })],
    ['delete', (where) => ({ delete: where })],
    ['deleteMany', (_, filter) => ({ deleteMany: filter })],
    ['set', (where) => ({ set: [where] })],
  ]
}

/** Values of the primary key that no row has. */
function unknown(row: Row, model: Model): Row {
  return Object.fromEntries(
    model.key.map((name) => {
      const field = model.scalars.find((scalar) => scalar.name === name)
      const isTenant = (field?.dbName ?? name) === TENANT_COLUMN
      return [name, isTenant || !field ? row[name] : freshField(field)]
    }),
  )
}

/** An error's code, or that there was none: what an attacker can tell apart. */
function kind(outcome: Outcome): string {
  return 'error' in outcome ? outcome.error : 'answered'
}

/** On a table: its foreign keys to rows of tenants, asked through SQL. */
export const foreignKeyOracle: Attack<Table> = {
  claim: 'a foreign key to another tenant’s row is refused in the words that refuse one to no row',
  async run(world, table) {
    const leaks: string[] = []
    const rows = await rowsOf(world, table, A)
    const row = rows.at(-1)
    if (!row) throw new Error(`${table.name} has no rows of A's.`)
    for (const key of table.foreignKeys) {
      const parent = tableOf(world.tables, key.parent)
      if (isShared(parent.name) || !ownerOf(world.tables, parent)) continue
      const theirs = onlyTheirs(await rowsOf(world, parent, B), await rowsOf(world, parent, A), key.parentColumns)
      const foreign = pointing(key, theirs)
      const missing = Object.fromEntries(
        Object.keys(foreign).map((name) => {
          const column = table.columns.find((one) => one.name === name)
          return [name, column ? freshValue(column) : null]
        }),
      )
      for (const statement of [insertInto, update]) {
        const ask = (values: Row) =>
          world.as(A, () => outcomeOf(() => world.rolledBack(A, (tx) => statement(tx, table, row, values))))
        const [ofTheirs, ofNobody] = [await ask(foreign), await ask(missing)]
        const title = `${key.name}, ${statement.name}`
        if (!('error' in ofTheirs)) leaks.push(`${title}: linked to another tenant's row`)
        if (masked(ofTheirs, foreign) !== masked(ofNobody, missing)) {
          leaks.push(`${title}: ${masked(ofTheirs, foreign)}, and for nobody's: ${masked(ofNobody, missing)}`)
        }
      }
    }
    return leaks
  },
}

function pointing(key: ForeignKey, parent: Row): Row {
  return Object.fromEntries(
    key.columns
      .map((name, n) => [name, parent[key.parentColumns[n] as string]])
      .filter(([name]) => name !== TENANT_COLUMN),
  )
}

/** On a table: every unique index, primary keys that are surrogates left out, which the plan lists. */
export const uniqueOracle: Attack<Table> = {
  claim: 'a unique value that another tenant has is taken as one that nobody has',
  async run(world, table) {
    const leaks: string[] = []
    for (const unique of table.uniques) {
      // With the tenant in front it is what foreign keys refer to, and refused for the primary key's sake.
      if (
        isSurrogate(
          table,
          unique.columns.filter((name) => name !== TENANT_COLUMN),
        )
      )
        continue
      leaks.push(...(await tells(world, table, unique.columns)).map((how) => `${unique.name}: ${how}`))
    }
    return leaks
  },
}

/** Single-column primary keys that the database or the client makes up: the brief's exception. */
export function isSurrogate(table: Table, columns: readonly string[]): boolean {
  const [only] = columns
  const column = table.columns.find(({ name }) => name === only)
  const isKey = columns.length === 1 && table.primaryKey.length === 1 && table.primaryKey[0] === only
  const isParents = table.foreignKeys.some((key) => key.columns.includes(only ?? ''))
  return isKey && !isParents && !NATURAL.has(`${table.name}.${only}`) && column !== undefined
}

/** Primary keys of one column that people choose. */
const NATURAL = new Set(['public.settings.key', 'public.ticket_categories.code'])

/** How a unique index would tell A that B has a value: by an INSERT, one with ON CONFLICT, an UPDATE. */
export async function tells(world: World, table: Table, columns: readonly string[]): Promise<string[]> {
  const theirs = (await rowsOf(world, table, B)).filter((row) => columns.every((name) => row[name] !== null))
  const mine = await rowsOf(world, table, A)
  const own = mine.at(-1)
  if (!own) throw new Error(`${table.name} has not the rows that this needs.`)
  const asked = columns.filter((name) => name !== TENANT_COLUMN)
  const parents = new Set(table.foreignKeys.flatMap((key) => key.columns))
  const ofItsOwn = asked.filter((name) => !parents.has(name))
  const leaks: string[] = []
  for (const names of [asked, ...(ofItsOwn.length > 0 && ofItsOwn.length < asked.length ? [ofItsOwn] : [])]) {
    const taken = equal(onlyTheirs(theirs, mine, names), names)
    const free = Object.fromEntries(
      names.map((name) => [name, freshValue(table.columns.find((one) => one.name === name) as never)]),
    )
    for (const statement of [insertInto, insertOrNothing, update]) {
      const ask = (values: Row) =>
        world.as(A, () => outcomeOf(() => world.rolledBack(A, (tx) => statement(tx, table, own, values))))
      const [ofTaken, ofFree] = [await ask(taken), await ask(free)]
      if (masked(ofTaken, taken) !== masked(ofFree, free)) {
        leaks.push(`${statement.name}: ${masked(ofTaken, taken)}, and for nobody's: ${masked(ofFree, free)}`)
      }
    }
  }
  return leaks
}

/** A row whose values in these columns A has nowhere: tenants use the same words, and their own row would answer. */
function onlyTheirs(theirs: readonly Row[], mine: readonly Row[], columns: readonly string[]): Row {
  const names = columns.filter((name) => name !== TENANT_COLUMN)
  const taken = new Set(mine.map((row) => asText(equal(row, names))))
  const found = theirs.find((row) => !taken.has(asText(equal(row, names))))
  if (!found) throw new Error(`Every value of ${names.join(', ')} that B has, A has too: nothing would be proved.`)
  return found
}

type Client = World['prisma']

function insertInto(client: Client, table: Table, row: Row, values: Row): Promise<unknown> {
  const { text, values: sent } = insertOf(table, { ...rowLike(table, row), ...values })
  return client.$executeRawUnsafe(text, ...sent)
}

function insertOrNothing(client: Client, table: Table, row: Row, values: Row): Promise<unknown> {
  const { text, values: sent } = insertOf(table, { ...rowLike(table, row), ...values })
  return client.$executeRawUnsafe(`${text} ON CONFLICT DO NOTHING`, ...sent)
}

function update(client: Client, table: Table, row: Row, values: Row): Promise<unknown> {
  const typed = (name: string, place: number): string =>
    `${pg.escapeIdentifier(name)} = $${place}::text::${table.columns.find((one) => one.name === name)?.type}`
  const set = Object.keys(values)
    .map((name, i) => typed(name, i + 1))
    .join(', ')
  const where = table.primaryKey.map((name, i) => typed(name, Object.keys(values).length + i + 1)).join(' AND ')
  const sent = [...Object.values(values), ...table.primaryKey.map((name) => row[name])].map((value) => String(value))
  return client.$executeRawUnsafe(`UPDATE ${table.sql} SET ${set} WHERE ${where}`, ...sent)
}

/** What is left of an outcome when the values that were typed are taken out of it. */
function masked(outcome: Outcome, values: Row): string {
  if ('answer' in outcome) return asText(outcome.answer)
  let text = `${outcome.error} ${outcome.message}`
  Object.values(values).forEach((value, i) => {
    const typed = String(value).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
    text = text.replaceAll(new RegExp(`(?<![\\w])${typed}(?![\\w])`, 'g'), `<${i}>`)
  })
  // Also what the row got that was made up for this one statement.
  return text
    .replaceAll(/new [0-9a-f]{12}/g, '<new>')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>')
    .replaceAll(/\b[12]\d{9}\b/g, '<n>')
}
