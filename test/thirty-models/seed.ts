// Rows for every table, derived from the catalog alone: a table that somebody adds to the schema has rows too.
import { createHash } from 'node:crypto'

import pg from 'pg'

import type { Column, ForeignKey, Table } from './catalog.js'

export interface Tenant {
  readonly id: string
  /** Begins every text of this tenant, so that nobody else's answer may contain it. */
  readonly tag: string
}

export const A: Tenant = { id: 'aaaaaaaa-0000-4000-8000-000000000001', tag: 'alpha' }
export const B: Tenant = { id: 'bbbbbbbb-0000-4000-8000-000000000002', tag: 'bravo' }

export const TENANT_COLUMN = 'tenant_id'
export const COMPANIES = 'public.companies'
const SHARED = ['billing.plans', 'billing.features', 'billing._FeatureToPlan', 'public.countries', 'public.Permission']

/** Rows of each tenant in a table. */
export const ROWS = 3

export type Row = Record<string, unknown>

/** All that was inserted, by table. */
export type Seeded = Map<string, Row[]>

export function isShared(table: string): boolean {
  return table === COMPANIES || SHARED.includes(table)
}

/** Texts that a tenant would choose, and that both choose alike; each has a last one of its own. */
const COMMON: Readonly<Record<string, readonly string[]>> = {
  'public.ticket_categories.code': ['general', 'bug'],
  'public.settings.key': ['theme', 'locale'],
  'public.labels.name': ['urgent', 'later'],
}

/** What nobody can know of a row before the migration: which company has it. They are given to A by configuration. */
export const OWNERLESS = ['public.labels', 'public.settings', 'public.ticket_categories']

/** Gives the rows that all tenants share. */
export async function seedShared(url: string, tables: readonly Table[]): Promise<Seeded> {
  const seeded: Seeded = new Map()
  const nobody = { id: '', tag: 's' }
  await insertAll(
    url,
    tables.filter(({ name }) => SHARED.includes(name)),
    nobody,
    seeded,
  )
  return seeded
}

/**
 * Gives a tenant `ROWS` rows in every table that `seeded` does not name yet and `skip` does not, connected among
 * themselves, and adds them to `seeded`. `alike`: tenants choose the same texts where people would. Runs as a superuser:
 * neither a policy nor a setting is asked.
 */
export async function seedTenant(
  url: string,
  tables: readonly Table[],
  tenant: Tenant,
  seeded: Seeded,
  { skip = [], alike = true }: { readonly skip?: readonly string[]; readonly alike?: boolean } = {},
): Promise<void> {
  const missing = tables.filter(({ name }) => !seeded.has(name) && !skip.includes(name))
  await insertAll(url, missing, tenant, seeded, alike)
}

/** Tables whose rows need a row of one of `names`. */
export function descendants(tables: readonly Table[], names: readonly string[]): string[] {
  const found = [...names]
  for (const table of tables) {
    const needs = table.foreignKeys.some((key) => found.includes(key.parent) && isRequired(table, key))
    if (needs && !found.includes(table.name)) found.push(table.name)
  }
  return found
}

export function isRequired(table: Table, key: ForeignKey): boolean {
  return key.columns.every((name) => table.columns.find((column) => column.name === name)?.required)
}

async function insertAll(
  url: string,
  tables: readonly Table[],
  tenant: Tenant,
  seeded: Seeded,
  alike = true,
): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    for (const table of tables) {
      const rows: Row[] = []
      seeded.set(table.name, rows)
      for (let i = 0; i < (table.name === COMPANIES ? 1 : ROWS); i++) {
        const row = newRow(table, tenant, i, seeded, alike)
        const { text, values } = insertOf(table, row)
        rows.push((await client.query<Row>(`${text} RETURNING *`, values)).rows[0] as Row)
      }
    }
  } finally {
    await client.end()
  }
}

/** `INSERT INTO …` of these columns, each value cast to the column's own type. */
export function insertOf(table: Table, row: Row): { text: string; values: unknown[] } {
  const columns = table.columns.filter(({ name }) => row[name] !== undefined)
  const names = columns.map(({ name }) => pg.escapeIdentifier(name)).join(', ')
  const places = columns.map(({ type }, i) => `$${i + 1}::text::${type}`).join(', ')
  return {
    text: `INSERT INTO ${table.sql} (${names}) VALUES (${places})`,
    values: columns.map(({ name }) => asText(row[name])),
  }
}

/** The i-th row of a tenant. Numbers are left out: the database counts them itself. */
export function newRow(table: Table, tenant: Tenant, i: number, seeded: Seeded, alike = true): Row {
  const row: Row = {}
  for (const column of table.columns) {
    if (!column.default?.startsWith('nextval')) row[column.name] = columnValue(table, column, tenant, i, alike)
  }
  const timesReferred = new Map<string, number>()
  for (const key of table.foreignKeys) {
    if (key.parent === COMPANIES) continue
    const times = timesReferred.get(key.parent) ?? 0
    timesReferred.set(key.parent, times + 1)
    const parents = seeded.get(key.parent) ?? []
    // A tree begins with a row that has no parent; two relations to one table refer to different rows of it.
    const parent = key.parent === table.name ? parents[i - 1] : parents[(i + times) % Math.max(parents.length, 1)]
    key.columns.forEach((column, n) => {
      if (column !== TENANT_COLUMN) row[column] = parent?.[key.parentColumns[n] as string] ?? null
    })
  }
  if (table.columns.some(({ name }) => name === TENANT_COLUMN)) row[TENANT_COLUMN] = tenant.id
  if (table.name === COMPANIES) row.id = tenant.id
  return row
}

function columnValue(
  table: Table,
  { name, type, labels }: Column,
  { tag }: Tenant,
  i: number,
  alike: boolean,
): unknown {
  if (labels) return labels[i % labels.length]
  const text = (alike && COMMON[`${table.name}.${name}`]?.[i]) || `${tag}${i} ${name}`
  if (type.endsWith('[]')) return type.startsWith('numeric') ? `{${i}.5,7}` : `{"${text}"}`
  if (type.startsWith('numeric') || type === 'money') return `${10 + i}.50`
  if (/^(smallint|integer|bigint)$/.test(type)) return String(i + 1 + (tag === B.tag ? 10 : 0))
  if (type.startsWith('timestamp') || type === 'date') return `2026-01-0${i + 1}`
  if (type === 'uuid') return uuidFrom(`${table.name}.${name}.${text}`)
  if (type === 'jsonb') return JSON.stringify({ [name]: text })
  if (type === 'bytea') return `\\x${Buffer.from(text).toString('hex')}`
  if (type === 'boolean') return String(i % 2 === 0)
  const length = Number(/\((\d+)\)/.exec(type)?.[1] ?? text.length)
  return text.slice(0, length)
}

function asText(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (value instanceof Date) return value.toISOString()
  if (Buffer.isBuffer(value)) return `\\x${value.toString('hex')}`
  if (Array.isArray(value)) return `{${value.map((item) => JSON.stringify(String(item))).join(',')}}`
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** The same text always gives the same id, whichever database it is for. */
export function uuidFrom(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
