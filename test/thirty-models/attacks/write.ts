// Writing: changing, deleting, making and moving rows so that something of B's is touched, or something becomes B's.
import pg from 'pg'

import type { Table } from '../catalog.js'
import { equal, keyOf, type Model, whereOf } from '../models.js'
import { rowsOf } from '../owner.js'
import { A, B, insertOf, isShared, type Row, TENANT_COLUMN } from '../seed.js'
import { changedBy, type World } from '../world.js'
import { type Attack, asText, call, type Outcome, outcomeOf, rowsToAimAt, showsB } from './attack.js'
import { columnOf, dataLike, harmlessChange, rowLike } from './copies.js'

const NOTHING = [undefined, null, '[]', '{"count":0}']

/** On a model with rows of tenants. */
export const writeAttacks: readonly Attack<Model>[] = [
  {
    claim: 'a row of another tenant is neither changed nor deleted, whichever key names it',
    async run(world, model) {
      const [row] = await rowsToAimAt(world, model)
      const [own] = await rowsToAimAt(world, model, A)
      const data = harmlessChange(model, row)
      const where = equal(row, model.key)
      const mine = (await world.rolledBack(B, (tx) => call(tx, model, 'updateMany', { where, data }))) as {
        count: number
      }
      if (mine.count !== 1) throw new Error(`The owner changes ${mine.count} rows.`)

      const attempts: [string, object][] = [
        ['updateMany', { where, data }],
        ['updateManyAndReturn', { where, data }],
        ['deleteMany', { where }],
      ]
      for (const unique of model.uniques.filter(({ fields }) => fields.every((field) => row[field] !== null))) {
        const one = whereOf(row, unique)
        const create = dataLike(model, own, { fresh: true })
        attempts.push(
          ['update', { where: one, data }],
          ['delete', { where: one }],
          ['upsert', { where: one, update: data, create }],
          // The same values in both places: Prisma sends INSERT … ON CONFLICT.
          ['upsert', { where: one, update: data, create: { ...create, ...equal(row, unique.fields) } }],
        )
      }
      return tried(
        world,
        attempts.map(([method, args]) => [`${method} ${asText(args)}`, () => call(world.prisma, model, method, args)]),
        (outcome, what) =>
          what.startsWith('upsert') ||
          'error' in outcome ||
          NOTHING.includes(outcome.answer === null ? null : asText(outcome.answer)),
      )
    },
  },
  {
    claim: 'no row is made that would be another tenant’s',
    async run(world, model) {
      const [row] = await rowsToAimAt(world, model)
      const mine = await world.rolledBack(B, async (tx) => {
        if (hasKeyOfItsOwn(model))
          return outcomeOf(() => call(tx, model, 'create', { data: dataLike(model, row, { fresh: true }) }))
        await call(tx, model, 'deleteMany', { where: equal(row, model.key) })
        return outcomeOf(() => call(tx, model, 'create', { data: dataLike(model, row, { fresh: false }) }))
      })
      if ('error' in mine) throw new Error(`The owner cannot make such a row: ${mine.message}`)
      const data = dataLike(model, row, { fresh: true })
      const attempts: [string, object][] = [
        ['create', { data }],
        ['createMany', { data: [data] }],
        ['createManyAndReturn', { data: [data] }],
        ['upsert', { where: whereOf({ ...row, ...data }, model.uniques[0]), create: data, update: {} }],
      ]
      return tried(
        world,
        attempts.map(([method, args]) => [`${method} ${asText(args)}`, () => call(world.prisma, model, method, args)]),
        (outcome, what) => 'error' in outcome || (what.startsWith('upsert') && !asText(outcome.answer).includes(B.tag)),
      )
    },
  },
  {
    claim: 'no row moves to another tenant, by its tenant column or by a parent',
    async run(world, model) {
      const [row] = await rowsToAimAt(world, model, A)
      // The last: what its parents are called is B's alone.
      const other = (await rowsToAimAt(world, model)).at(-1) as Row
      const changes: Row[] = []
      const tenantField = model.scalars.find((field) => columnOf(field) === TENANT_COLUMN)
      if (tenantField) changes.push({ [tenantField.name]: B.id })
      for (const { relationFromFields = [], type } of model.relations) {
        const parent = world.models.find(({ name }) => name === type)
        if (relationFromFields.length === 0 || !parent || isShared(parent.table)) continue
        const to = equal(other, relationFromFields)
        if (Object.values(to).includes(null)) continue
        changes.push(to)
        if (tenantField)
          changes.push(Object.fromEntries(Object.entries(to).filter(([name]) => name !== tenantField.name)))
      }
      const where = whereOf(row, model.uniques[0])
      const attempts = changes
        .filter((data) => Object.keys(data).length > 0)
        .flatMap((data): [string, () => Promise<unknown>][] => [
          [`update ${asText(data)}`, () => call(world.prisma, model, 'update', { where, data })],
          [
            `updateMany ${asText(data)}`,
            () => call(world.prisma, model, 'updateMany', { where: equal(row, model.key), data }),
          ],
        ])
      const stays = await rowsToAimAt(world, model, A)
      const leaks = await tried(world, attempts, (outcome) => 'error' in outcome)
      const now = await world.rows(model, A)
      if (!now.some((mine) => keyOf(mine, model.key) === keyOf(stays[0], model.key))) leaks.push('the row is gone')
      return leaks
    },
  },
]

/** On a table, whether or not the client knows it. */
export const writeTable: Attack<Table> = {
  claim: 'raw SQL changes, deletes, makes and moves nothing of another tenant’s',
  async run(world, table) {
    const [row] = await rowsOf(world, table, B)
    const [own] = await rowsOf(world, table, A)
    if (!row || !own) throw new Error(`${table.name} has not the rows that this needs.`)
    const where = table.primaryKey.map((name) => `${pg.escapeIdentifier(name)} = ${literal(row[name])}`).join(' AND ')
    const some = pg.escapeIdentifier(table.primaryKey[0] as string)
    const mine = await world.rolledBack(B, (tx) =>
      tx.$executeRawUnsafe(`UPDATE ${table.sql} SET ${some} = ${some} WHERE ${where}`),
    )
    if (mine !== 1) throw new Error(`The owner changes ${mine} rows of ${table.name}.`)

    const raw = (sql: string, values: unknown[] = []): [string, () => Promise<unknown>] => [
      sql,
      () => world.prisma.$executeRawUnsafe(sql, ...values),
    ]
    const insert = insertOf(table, rowLike(table, row))
    const attempts = [
      raw(`UPDATE ${table.sql} SET ${some} = ${some} WHERE ${where}`),
      raw(`DELETE FROM ${table.sql} WHERE ${where}`),
      raw(`${insert.text} ON CONFLICT DO NOTHING`, insert.values),
      raw(`TRUNCATE ${table.sql} CASCADE`),
    ]
    if (table.columns.some(({ name }) => name === TENANT_COLUMN)) {
      attempts.push(
        raw(`UPDATE ${table.sql} SET tenant_id = '${B.id}'`),
        raw(`UPDATE ${table.sql} SET tenant_id = NULL`),
      )
    }
    const leaks = await tried(
      world,
      attempts,
      (outcome, what) => 'error' in outcome || outcome.answer === 0 || what.includes('tenant_id = NULL'),
    )
    const before = await rowsOf(world, table, A)
    const all = await world.rolledBack(A, (tx) => tx.$executeRawUnsafe(`UPDATE ${table.sql} SET ${some} = ${some}`))
    if (all !== before.length)
      leaks.push(`an UPDATE without WHERE touches ${all} rows, and ${before.length} are his own`)
    return leaks
  },
}

/** On a shared table: no tenant may change what all of them read. */
export const writeShared: Attack<Table> = {
  claim: 'a shared table is read by everybody and written by nobody',
  async run(world, table) {
    const read = await world.as(A, () => world.prisma.$queryRawUnsafe(`SELECT * FROM ${table.sql}`))
    if (read.length === 0) throw new Error(`${table.name} shows nothing to A.`)
    const some = pg.escapeIdentifier(table.columns[0]?.name ?? '')
    const raw = (sql: string): [string, () => Promise<unknown>] => [sql, () => world.prisma.$executeRawUnsafe(sql)]
    return tried(
      world,
      [
        raw(`UPDATE ${table.sql} SET ${some} = ${some}`),
        raw(`DELETE FROM ${table.sql}`),
        raw(`INSERT INTO ${table.sql} SELECT * FROM ${table.sql} ON CONFLICT DO NOTHING`),
        raw(`TRUNCATE ${table.sql} CASCADE`),
      ],
      (outcome) => 'error' in outcome,
    )
  },
}

/** Runs each attempt as A, alone, and keeps those that were answered wrongly or changed something. */
async function tried(
  world: World,
  attempts: readonly (readonly [what: string, attempt: () => Promise<unknown>])[],
  isRefusal: (outcome: Outcome, what: string) => boolean,
): Promise<string[]> {
  const leaks: string[] = []
  const run = async (): Promise<void> => {
    for (const [what, attempt] of attempts) {
      const outcome = await world.as(A, () => outcomeOf(attempt))
      if (!isRefusal(outcome, what) || showsB(outcome, what)) leaks.push(`${what}: ${asText(outcome)}`)
    }
  }
  const changed = await changedBy(world, run)
  return changed.length > 0 ? [...leaks, `changed: ${changed.join(', ')}`] : leaks
}

/** Whether some part of its key is its own: else there is one row a parent, and a second would be refused for that. */
function hasKeyOfItsOwn(model: Model): boolean {
  return model.uniques.every(({ fields }) =>
    fields.some((name) => {
      const field = model.scalars.find((scalar) => scalar.name === name)
      return field && !field.isReadOnly && columnOf(field) !== TENANT_COLUMN
    }),
  )
}

function literal(value: unknown): string {
  return pg.escapeLiteral(value instanceof Date ? value.toISOString() : String(value))
}
