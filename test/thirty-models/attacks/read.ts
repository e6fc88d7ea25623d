// Reading: every way in which the client, or SQL, could show a row of B's to A.
import pg from 'pg'

import type { Table } from '../catalog.js'
import { equal, type Model, whereOf } from '../models.js'
import { rowsOf } from '../owner.js'
import { A, B, type Row } from '../seed.js'
import { isOwned, modelOf, type World } from '../world.js'
import { type Attack, asText, call, rowsToAimAt } from './attack.js'

/** On a model with rows of tenants. */
export const readAttacks: readonly Attack<Model>[] = [
  {
    claim: "findMany, count, aggregate and groupBy know a tenant's own rows and no others",
    async run(world, model) {
      const leaks: string[] = []
      const groupBy = { by: [...model.key], _count: true }
      for (const tenant of [B, A]) {
        const own = await rowsToAimAt(world, model, tenant)
        const [all, count, aggregate, groups] = (await world.as(tenant, () =>
          Promise.all([
            call(world.prisma, model, 'findMany'),
            call(world.prisma, model, 'count'),
            call(world.prisma, model, 'aggregate', { _count: true }),
            call(world.prisma, model, 'groupBy', groupBy),
          ]),
        )) as [Row[], number, { _count: number }, Row[]]
        if (asText(all) !== asText(own)) leaks.push(`${tenant.tag}'s findMany: ${asText(all)}`)
        for (const n of [count, aggregate._count, groups.length]) {
          if (n !== own.length) leaks.push(`${tenant.tag} counts ${n} rows of ${own.length}`)
        }
      }
      return leaks
    },
  },
  {
    claim: 'a row of another tenant is not found by any of its keys, nor by what is in it',
    async run(world, model) {
      const leaks: string[] = []
      for (const row of await rowsToAimAt(world, model)) {
        const byKeys = model.uniques.filter(({ fields }) => fields.every((field) => row[field] !== null))
        const asked: [string, object][] = [
          ...byKeys.map((unique): [string, object] => ['findUnique', { where: whereOf(row, unique) }]),
          ['findFirst', { where: equal(row, model.key) }],
          [
            'findMany',
            { where: { OR: [equal(row, model.key), { NOT: equal(row, model.key) }], AND: equal(row, model.key) } },
          ],
          ...byKeys.map((unique): [string, object] => ['findMany', { cursor: whereOf(row, unique), take: 1 }]),
        ]
        for (const [method, args] of asked) {
          const ask = () => call(world.prisma, model, method, args)
          if (!shows(await world.as(B, ask), row, model))
            throw new Error(`${method} ${asText(args)} misses its own row.`)
          const found = await world.as(A, ask)
          if (shows(found, row, model)) leaks.push(`${method} ${asText(args)}: ${asText(found)}`)
        }
      }
      return leaks
    },
  },
  {
    claim: 'every relation, its count and a filter by it show own rows on both sides',
    async run(world, model) {
      const leaks: string[] = []
      for (const relation of model.relations) {
        const include = { include: { [relation.name]: true } }
        const counted = { select: { _count: { select: { [relation.name]: true } } } }
        const filter = {
          where: relation.isList ? { [relation.name]: { some: {} } } : { NOT: { [relation.name]: { is: null } } },
        }
        for (const tenant of [B, A]) {
          for (const args of [
            include,
            ...(relation.isList ? [counted] : []),
            ...(relation.isList || !relation.isRequired ? [filter] : []),
          ]) {
            const seen = await world.as(tenant, () => call(world.prisma, model, 'findMany', args))
            const own = await rowsToAimAt(world, model, tenant)
            const where = { AND: [{ OR: own.map((row) => equal(row, model.key)) }, 'where' in args ? args.where : {}] }
            const truth = await call(world.truth, model, 'findMany', { ...args, where })
            if (asText(seen) !== asText(truth))
              leaks.push(`${tenant.tag}, ${asText(args)}: ${asText(seen)} and not ${asText(truth)}`)
          }
        }
      }
      return leaks
    },
  },
]

/** On a shared model: what hangs on its rows belongs to somebody. */
export const readThroughShared: Attack<Model> = {
  claim: 'what other tenants have on a shared row is not shown with it',
  async run(world, model) {
    const leaks: string[] = []
    for (const relation of model.relations.filter(({ isList }) => isList)) {
      const related = world.models.find(({ name }) => name === relation.type)
      if (!related || !isOwned(world, related)) continue
      const include = { include: { [relation.name]: true, _count: { select: { [relation.name]: true } } } }
      for (const tenant of [B, A]) {
        const shared = (await world.as(tenant, () => call(world.prisma, model, 'findMany', include))) as Row[]
        const seen = shared.flatMap((row) => row[relation.name] as Row[])
        const counted = shared.reduce(
          (sum, row) => sum + ((row['_count'] as Record<string, number>)[relation.name] ?? 0),
          0,
        )
        const own = await rowsToAimAt(world, related, tenant)
        if (seen.length === 0) throw new Error(`${tenant.tag} sees none of its own ${related.name}.`)
        const foreign = seen.filter((row) => !own.some((mine) => asText(mine) === asText(row)))
        if (foreign.length > 0 || counted !== seen.length)
          leaks.push(`${tenant.tag} sees ${asText(foreign)} of ${counted}`)
      }
    }
    return leaks
  },
}

/** On a table, whether or not the client knows it. */
export const readTable: Attack<Table> = {
  claim: "raw SQL shows a tenant's own rows",
  async run(world, table) {
    const leaks: string[] = []
    const key = table.primaryKey.map((name) => `${pg.escapeIdentifier(name)}::text`).join(` || ' ' || `)
    for (const tenant of [B, A]) {
      const own = await rowsOf(world, table, tenant)
      if (own.length === 0) throw new Error(`${table.name} has no rows of ${tenant.tag}'s.`)
      const seen = await world.as(tenant, () =>
        world.prisma.$queryRawUnsafe<{ key: string }[]>(`SELECT ${key} AS key FROM ${table.sql} WHERE true OR false`),
      )
      const expected = own.map((row) => table.primaryKey.map((name) => String(row[name])).join(' '))
      if (asText(seen.map((row) => row.key)) !== asText(expected)) leaks.push(`${tenant.tag} reads ${asText(seen)}`)
    }
    return leaks
  },
}

/** The view of the schema, which Prisma reads like a model. */
export async function readView(world: World): Promise<string[]> {
  const leaks: string[] = []
  for (const tenant of [B, A]) {
    const projects = await rowsToAimAt(world, modelOf(world, 'Project'), tenant)
    const seen = (await world.as(tenant, () =>
      call(world.prisma, modelOf(world, 'ProjectSummary'), 'findMany'),
    )) as Row[]
    if (asText(seen.map(({ id }) => id)) !== asText(projects.map(({ id }) => id)))
      leaks.push(`${tenant.tag}: ${asText(seen)}`)
    if (seen.some(({ tasks }) => tasks !== 1n)) leaks.push(`${tenant.tag} counts ${asText(seen)}`)
  }
  return leaks
}

function shows(found: unknown, row: Row, model: Model): boolean {
  const rows = (Array.isArray(found) ? found : [found]) as (Row | null)[]
  return rows.some((seen) => seen && asText(equal(seen, model.key)) === asText(equal(row, model.key)))
}
