// Whose a row is, told without the library: by its own column, or else by its parents.
import pg from 'pg'

import type { ForeignKey, Table } from './catalog.js'
import { isRequired, isShared, type Row, TENANT_COLUMN, type Tenant } from './seed.js'

/** An SQL expression for the tenant of a row of `alias`; undefined for a shared table. */
export function ownerOf(tables: readonly Table[], table: Table, alias = 't', depth = 0): string | undefined {
  if (isShared(table.name)) return undefined
  if (table.columns.some(({ name }) => name === TENANT_COLUMN)) return `${alias}.${TENANT_COLUMN}`
  for (const key of table.foreignKeys) {
    const parent = tables.find(({ name }) => name === key.parent)
    if (!parent || parent === table || !isRequired(table, key)) continue
    const above = `t${depth + 1}`
    const owner = ownerOf(tables, parent, above, depth + 1)
    if (owner) return `(SELECT ${owner} FROM ${parent.sql} ${above} WHERE ${joined(key, alias, above)})`
  }
  throw new Error(`Nothing tells whose a row of ${table.name} is.`)
}

function joined(key: ForeignKey, child: string, parent: string): string {
  return key.columns
    .map((column, n) => {
      const parentColumn = pg.escapeIdentifier(key.parentColumns[n] as string)
      return `${child}.${pg.escapeIdentifier(column)} = ${parent}.${parentColumn}`
    })
    .join(' AND ')
}

export function ownedTables(tables: readonly Table[]): Table[] {
  return tables.filter((table) => ownerOf(tables, table) !== undefined)
}

export type Checksums = Readonly<Record<string, { readonly rows: number; readonly md5: string }>>

/**
 * Everything a tenant has, one checksum a table, and of every shared table too: no tenant may change one. Asked as a
 * superuser. A row without any owner is in nobody's checksum, and counted.
 */
export async function checksums(admin: pg.Pool, tables: readonly Table[], tenant: Tenant): Promise<Checksums> {
  const parts = tables.map((table) => {
    const owner = ownerOf(tables, table)
    const where = owner ? `WHERE ${owner} = '${tenant.id}' OR ${owner} IS NULL` : ''
    return `SELECT ${pg.escapeLiteral(table.name)} AS name, count(*)::int AS rows,
      md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C"), '')) AS md5 FROM ${table.sql} t ${where}`
  })
  const { rows } = await admin.query<{ name: string; rows: number; md5: string }>(parts.join('\nUNION ALL\n'))
  return Object.fromEntries(rows.map(({ name, ...rest }) => [name, rest]))
}

/** The tables whose checksums are not what they were. */
export function differences(before: Checksums, after: Checksums): string[] {
  return Object.keys({ ...before, ...after }).filter(
    (table) => JSON.stringify(before[table]) !== JSON.stringify(after[table]),
  )
}

/** A tenant's rows of a table, in the order of the primary key. */
export async function rowsOf(
  { admin, tables }: { readonly admin: pg.Pool; readonly tables: readonly Table[] },
  table: Table,
  tenant: Tenant,
): Promise<Row[]> {
  const order = table.primaryKey.map((name) => `t.${pg.escapeIdentifier(name)}`).join(', ')
  const owner = ownerOf(tables, table)
  const where = owner ? `WHERE ${owner} = '${tenant.id}'` : ''
  return (await admin.query<Row>(`SELECT t.* FROM ${table.sql} t ${where} ORDER BY ${order}`)).rows
}
