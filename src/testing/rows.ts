import { quoteIdentifier, quoteTable } from '../sql/quote.js'
import type { TenantId } from '../tenant.js'
import type { Column, ForeignKey, Table } from './catalog.js'
import { satisfyChecks } from './checks.js'
import type { Call, TestedClient } from './client.js'
import { lastLine, outcomeOf, sqlStateOf, textOf, unproven } from './outcome.js'
import { fieldOf, isRequired, type Target } from './targets.js'
import { asText, type Value, valueFor } from './values.js'

/** One of the two tenants. */
export interface Side {
  readonly name: 'a' | 'b'
  readonly id: TenantId
  /** Stands in every text of the rows made for it. */
  readonly tag: string
}

/** A row that the kit made. */
export interface Made {
  readonly target: Target
  readonly side: Side
  /** Every column as PostgreSQL writes it. */
  readonly values: Readonly<Record<string, string | null>>
  /** What made it. */
  readonly insert: Call
  /** The rows that it refers to. */
  readonly parents: readonly Made[]
  /** What tells a row of a view. */
  readonly keys?: readonly string[]
  /** As the client has it; undefined where no model has the table. */
  row?: Readonly<Record<string, unknown>>
}

/** Overrides of derived values: by model, then by field. */
export type GivenValues = Readonly<
  Record<
    string,
    Readonly<Record<string, unknown | ((row: { readonly tenant: TenantId; readonly n: number }) => unknown)>>
  >
>

/** How a tenant's row can be made and what of it is the kit's to clean up. */
export interface RowOptions {
  readonly tenantColumn: string
  readonly values: GivenValues
}

/** Rows of each tenant in a table: the second differs from the first, and refers to another parent. */
export const ROWS = 2

/**
 * Values for one more row of a tenant's. Keys get values that nobody has, so that a row is told by them wherever it
 * turns up; other columns keep their defaults, or stay NULL where they may.
 */
export async function newValues(
  client: TestedClient,
  target: Target,
  side: Side,
  n: number,
  parentOf: (key: ForeignKey, times: number) => Promise<Readonly<Record<string, string | null>> | undefined>,
  { tenantColumn, values }: RowOptions,
): Promise<Record<string, string | null>> {
  const { table } = target
  const row: Record<string, Value> = {}
  const given = givenFor(target, side, n, values)
  const inKey = new Set(table.uniques.flatMap(({ columns }) => columns))
  const inForeignKey = new Set(table.foreignKeys.flatMap(({ columns }) => columns))
  for (const column of table.columns) {
    if (column.generated || column.name in given) continue
    const distinct = inKey.has(column.name)
    const primary = table.primaryKey.includes(column.name)
    const fill = primary || (column.required ? column.default === null && !column.identity : false)
    if (fill || (distinct && column.default === null && !inForeignKey.has(column.name))) {
      row[column.name] = valueFor(column, { distinct, tag: side.tag, n })
    }
  }
  const times = new Map<number, number>()
  for (const key of table.foreignKeys) {
    if (key.columns.length === 1 && key.columns[0] === tenantColumn) continue
    const time = times.get(key.parent) ?? 0
    times.set(key.parent, time + 1)
    const parent = await parentOf(key, time)
    if (!parent && !isRequired(table, key)) {
      for (const name of key.columns) if (name !== tenantColumn && !columnOf(table, name).required) row[name] ??= null
      continue
    }
    key.columns.forEach((name, i) => {
      const value = parent?.[key.parentColumns[i] as string]
      if (name !== tenantColumn && value !== undefined) row[name] = value
    })
  }
  if (table.columns.some(({ name }) => name === tenantColumn)) row[tenantColumn] = String(side.id)
  Object.assign(row, given)

  for (const column of table.columns) {
    if (
      row[column.name] !== undefined ||
      !column.required ||
      column.default !== null ||
      column.identity ||
      column.generated
    )
      continue
    throw needsValue(target, column, `its type ${column.type} is not one that the kit can make up`)
  }
  const free = table.columns
    .map(({ name, generated }) => (generated ? '' : name))
    .filter((name) => name !== '' && name !== tenantColumn && !inForeignKey.has(name) && !(name in given))
  const broken = await satisfyChecks(table, row, free, (sql, sent) => client.$queryRawUnsafe(sql, ...sent))
  if (broken) {
    const column = columnOf(table, broken.columns.find((name) => free.includes(name)) ?? (broken.columns[0] as string))
    throw needsValue(target, column, `the check constraint "${broken.name}" wants ${broken.expression}`)
  }
  return Object.fromEntries(
    Object.entries(row).filter((entry): entry is [string, string | null] => entry[1] !== undefined),
  )
}

function givenFor(target: Target, side: Side, n: number, values: GivenValues): Record<string, string | null> {
  const given: Record<string, string | null> = {}
  for (const [field, value] of Object.entries(values[target.name] ?? {})) {
    const column = target.model?.fields.find(({ name }) => name === field)?.column ?? field
    if (!target.table.columns.some(({ name }) => name === column)) {
      throw unproven(
        `values names ${target.name}.${field}, and there is no such column.`,
        `Name fields as the schema does: values: { ${target.name}: { … } }.`,
      )
    }
    given[column] = asText(typeof value === 'function' ? value({ tenant: side.id, n }) : value)
  }
  return given
}

function needsValue(target: Target, column: Column, why: string) {
  const field = fieldOf(target, column.name)?.name ?? column.name
  return unproven(
    `No row of ${target.name} can be made: ${field} needs a value, and ${why}.`,
    `Give values for it: assertTenantIsolation(prisma, { tenants, values: { ${show(target.name)}: { ${show(field)}: … } } }).`,
  )
}

function show(name: string): string {
  return /^[\w$]+$/.test(name) ? name : `'${name}'`
}

/** `INSERT` of these columns, each value cast to its column's own type. */
export function insertOf(
  table: Table,
  values: Readonly<Record<string, string | null>>,
): { sql: string; values: (string | null)[] } {
  const columns = table.columns.filter(({ name }) => values[name] !== undefined)
  const names = columns.map(({ name }) => quoteIdentifier(name)).join(', ')
  const places = columns.map(({ type }, i) => `$${i + 1}::text::${type}`).join(', ')
  const overriding = columns.some(({ identity }) => identity) ? ' OVERRIDING SYSTEM VALUE' : ''
  return {
    sql: `INSERT INTO ${sqlName(table)} (${names})${overriding} VALUES (${places})`,
    values: columns.map(({ name }) => values[name] ?? null),
  }
}

/** A condition that names one row, with places from `$first` on. */
export function rowIs(made: Made, first = 1): { condition: string; values: (string | null)[] } {
  const names = keyColumns(made)
  const condition = names
    .map((name, i) => `${quoteIdentifier(name)} = $${first + i}::text::${columnOf(made.target.table, name).type}`)
    .join(' AND ')
  return { condition, values: names.map((name) => made.values[name] ?? null) }
}

/** The columns that tell the row: its primary key, or a unique one that is set, or all that can be compared. */
export function keyColumns({ target: { table }, values, keys }: Made): readonly string[] {
  if (keys) return keys
  if (table.primaryKey.length > 0) return table.primaryKey
  const unique = table.uniques.find(({ plain, columns }) => plain && columns.every((name) => values[name] !== null))
  if (unique) return unique.columns
  const comparable = table.columns.filter(
    ({ name, base }) => values[name] != null && !/^(?:json|xml|point)$/.test(base),
  )
  return comparable.map(({ name }) => name)
}

/** Inserts a row and reads back all that it became. */
export async function insertRow(
  client: TestedClient,
  target: Target,
  side: Side,
  values: Readonly<Record<string, string | null>>,
  parents: readonly Made[],
): Promise<Made> {
  const { table } = target
  const { sql, values: sent } = insertOf(table, values)
  const all = table.columns.map(({ name }) => `${quoteIdentifier(name)}::text`).join(', ')
  const inserted = await outcomeOf(() =>
    client.$queryRawUnsafe<{ row: string }[]>(`${sql} RETURNING to_json(ARRAY[${all}])::text AS row`, ...sent),
  )
  if (!('answer' in inserted))
    throw cannotInsert(target, side, 'error' in inserted ? inserted.error : inserted.failed, {
      execute: sql,
      values: sent,
    })
  const [first] = inserted.answer as { row: string }[]
  const texts = JSON.parse(first?.row ?? '[]') as (string | null)[]
  return {
    target,
    side,
    values: Object.fromEntries(table.columns.map(({ name }, i) => [name, texts[i] ?? null])),
    insert: { execute: sql, values: sent },
    parents,
  }
}

export class CannotInsert extends Error {
  constructor(
    readonly target: Target,
    readonly side: Side,
    override readonly cause: Error,
    readonly call: Call,
  ) {
    super(`A row of ${target.name} was refused.`)
  }
}

function cannotInsert(target: Target, side: Side, error: Error, call: Call): Error {
  const state = sqlStateOf(error)
  if (state === '42501' && /row-level security/i.test(textOf(error))) return new CannotInsert(target, side, error, call)
  if ((error as { code?: unknown }).code === 'POLICY.VIOLATION') return new CannotInsert(target, side, error, call)
  const table = sqlName(target.table)
  const why = lastLine(error)
  const hint =
    state === '42501'
      ? `GRANT INSERT ON ${table} to the role of the service, or leave the model out: skip: { ${show(target.name)}: 'why' }.`
      : state === '23503'
        ? `Both tenants have to be there: make them before, in the table of tenants. Or give values for what it refers to: values: { ${show(target.name)}: { … } }.`
        : `Give values that the table takes: assertTenantIsolation(prisma, { tenants, values: { ${show(target.name)}: { … } } }).`
  return unproven(`No row of ${target.name} can be made for tenant ${side.name}: ${why}`, hint, error)
}

export function columnOf(table: Table, name: string): Column {
  return table.columns.find((column) => column.name === name) as Column
}

export function sqlName({ schema, name }: Pick<Table, 'schema' | 'name'>): string {
  return quoteTable({ schema, table: name })
}
