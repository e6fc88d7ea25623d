// Every relation write that Prisma has, on a tenant's own rows: what it answers, and what every table holds afterwards.
import { asText } from './attacks/attack.js'
import type { Table } from './catalog.js'
import type { AnyClient } from './client.js'
import { equal, type Model, whereOf } from './models.js'
import { isShared, type Row, TENANT_COLUMN } from './seed.js'
import { rolledBack } from './world.js'

export interface RelationWrite {
  readonly title: string
  readonly model: string
  run(client: AnyClient): Promise<unknown>
}

/** The same writes for the schema before and after: named alike, aimed at the rows of the same place. */
export async function relationWrites(world: {
  readonly models: readonly Model[]
  readonly tables: readonly Table[]
  readonly rows: (model: Model) => Promise<Row[]>
}): Promise<RelationWrite[]> {
  const writes: RelationWrite[] = []
  const models = world.models.filter(({ table }) => world.tables.some(({ name }) => name === table))
  const rowsOfModel = new Map<string, Row[]>()
  for (const model of models) rowsOfModel.set(model.name, await world.rows(model))

  for (const model of models.filter(({ table }) => !isShared(table))) {
    const push = (write: Omit<RelationWrite, 'model'>): void => void writes.push({ ...write, model: model.name })
    const rows = rowsOfModel.get(model.name) ?? []
    rows.forEach((row, i) => {
      const where = whereOf(row, model.uniques[0])
      push({ title: `delete ${model.name} ${i}`, run: (c) => call(c, model, 'delete', { where }) })
    })
    push({ title: `deleteMany ${model.name}`, run: (c) => call(c, model, 'deleteMany', {}) })
    for (const relation of model.relations) {
      const related = world.models.find(({ name }) => name === relation.type) as Model
      if (related.table === 'public.companies') continue
      const others = rowsOfModel.get(related.name) ?? []
      const [first, second] = others.map((other) => whereOf(other, related.uniques[0]))
      const some = equal(others[0] ?? {}, related.key)
      const values: [string, object][] = relation.isList
        ? [
            ['set: []', { set: [] }],
            ['set: [first]', { set: [first] }],
            ['set: [first, second]', { set: [first, second] }],
            ['connect first', { connect: first }],
            ['connect second', { connect: second }],
            ['connect both', { connect: [first, second] }],
            ['disconnect first', { disconnect: first }],
            ['disconnect second', { disconnect: second }],
            ['delete first', { delete: first }],
            ['deleteMany', { deleteMany: {} }],
            ['deleteMany first', { deleteMany: some }],
          ]
        : [
            ['connect first', { connect: first }],
            ['connect second', { connect: second }],
            ['disconnect: true', { disconnect: true }],
            ['delete: true', { delete: true }],
          ]
      rows.slice(0, 2).forEach((row, i) => {
        const where = whereOf(row, model.uniques[0])
        for (const [how, value] of values) {
          // What all tenants share is no longer a tenant's to delete.
          if (isShared(related.table) && how.startsWith('delete')) continue
          const args = { where, data: { [relation.name]: value }, include: { [relation.name]: true } }
          push({
            title: `${model.name} ${i}.${relation.name} ${how}`,
            run: (c) => call(c, model, 'update', args),
          })
        }
      })
      // The foreign key by hand, as an unchecked update has it.
      const own = (relation.relationFromFields ?? []).filter((name) => !isTenantField(model, name))
      if (own.length > 0 && !relation.isRequired && rows[1]) {
        const where = whereOf(rows[1], model.uniques[0])
        const data = Object.fromEntries(own.map((name) => [name, null]))
        push({
          title: `${model.name}.${relation.name} by NULL`,
          run: (c) => call(c, model, 'update', { where, data }),
        })
        push({
          title: `${model.name}.${relation.name} of all by NULL`,
          run: (c) => call(c, model, 'updateMany', { data }),
        })
      }
    }
  }
  return writes
}

/** What came of it: the answer or the error's code, and every table as it is then. Nothing of it stays. */
export async function effectOf(
  client: AnyClient,
  tables: readonly Table[],
  write: RelationWrite,
): Promise<{ outcome: unknown; tables: Record<string, unknown> }> {
  try {
    return await rolledBack(client, async (tx) => ({
      outcome: plain(await write.run(tx)),
      tables: await contentOf(tx, tables),
    }))
  } catch (error) {
    const { code, name, message } = error as { code?: string; name: string; message: string }
    // What Prisma says of a call that it does not know repeats the whole call, which names other keys now.
    const why = code || name === 'PrismaClientValidationError' ? undefined : message
    return { outcome: { error: code ?? name, why }, tables: {} }
  }
}

async function contentOf(tx: AnyClient, tables: readonly Table[]): Promise<Record<string, unknown>> {
  const content: Record<string, unknown> = {}
  const parts = tables
    .filter((table) => !isShared(table.name))
    .map((table) => {
      const name = `'${table.name.replaceAll("'", "''")}'`
      return `SELECT ${name} AS name, coalesce(jsonb_agg(to_jsonb(t) - '${TENANT_COLUMN}' ORDER BY (to_jsonb(t) - '${TENANT_COLUMN}')::text), '[]') AS rows FROM ${table.sql} t`
    })
  for (const { name, rows } of await tx.$queryRawUnsafe<{ name: string; rows: unknown }[]>(parts.join(' UNION ALL '))) {
    content[name] = rows
  }
  return content
}

/** Comparable with the other schema's: without the tenant, which only one of them has. */
function plain(value: unknown): unknown {
  const text = JSON.stringify(value, (key, inner) => {
    if (key === 'tenantId' || key === 'companyId') return undefined
    return typeof inner === 'bigint' ? `${inner}n` : inner
  })
  return text === undefined ? undefined : asText(JSON.parse(text))
}

function isTenantField(model: Model, name: string): boolean {
  const field = model.scalars.find((scalar) => scalar.name === name)
  return (field?.dbName ?? name) === TENANT_COLUMN
}

function call(client: AnyClient, model: Model, method: string, args: object): Promise<unknown> {
  const found = client[model.delegate]?.[method]
  if (!found) throw new Error(`The client has no ${model.delegate}.${method}.`)
  return found(args)
}
