// Rows that look like another one, and values that nobody has.
import { randomBytes, randomInt, randomUUID } from 'node:crypto'

import type { Column, Table } from '../catalog.js'
import type { Field, Model } from '../models.js'
import type { Row } from '../seed.js'
import { TENANT_COLUMN } from '../seed.js'

/** `data` for a create: the row's own values, where `fresh` with new ones in every key that is not a parent's. */
export function dataLike(model: Model, row: Row, { fresh }: { readonly fresh: boolean }): Row {
  const unique = new Set(model.uniques.flatMap(({ fields }) => fields))
  const data: Row = {}
  for (const field of model.scalars) {
    if (row[field.name] === null) continue
    const isOwnKey = fresh && unique.has(field.name) && !field.isReadOnly && columnOf(field) !== TENANT_COLUMN
    if (!isOwnKey) data[field.name] = row[field.name]
    else if (!isNumbered(field)) data[field.name] = freshField(field)
  }
  return data
}

/** A field whose change harms nothing: `[name, another value]`. */
export function harmlessChange(model: Model, row: Row): Row {
  const unique = new Set(model.uniques.flatMap(({ fields }) => fields))
  const field = model.scalars.find(
    (scalar) =>
      !unique.has(scalar.name) &&
      !scalar.isReadOnly &&
      !scalar.isList &&
      columnOf(scalar) !== TENANT_COLUMN &&
      !['Json', 'Bytes'].includes(scalar.type),
  )
  if (!field) return { [model.key[0] as string]: row[model.key[0] as string] }
  if (field.type === 'String') return { [field.name]: `x${row[field.name]}`.slice(0, 10) }
  return { [field.name]: row[field.name] }
}

export function columnOf({ name, dbName }: Field): string {
  return dbName ?? name
}

function isNumbered({ default: value }: Field): boolean {
  return typeof value === 'object' && value !== null && 'name' in value && value.name === 'autoincrement'
}

export function freshField({ type, nativeType }: Field): unknown {
  if (nativeType?.[0] === 'Uuid') return randomUUID()
  if (type === 'BigInt') return BigInt(randomInt(1e9, 2e9))
  if (type === 'Int') return randomInt(1e9, 2e9)
  return `new ${randomBytes(6).toString('hex')}`
}

/** A value of the column's type that no row has. */
export function freshValue({ type }: Column): string {
  if (type === 'uuid') return randomUUID()
  if (/^(smallint|integer|bigint)$/.test(type))
    return String(type === 'smallint' ? randomInt(2e4, 3e4) : randomInt(1e9, 2e9))
  return `new ${randomBytes(6).toString('hex')}`
}

/** A row for raw SQL: every column of every key that is not a parent's is fresh. */
export function rowLike(table: Table, row: Row): Row {
  const inKeys = new Set(table.uniques.flatMap(({ columns }) => columns))
  const parents = new Set(table.foreignKeys.flatMap(({ columns }) => columns))
  return Object.fromEntries(
    table.columns.map((column) => {
      const isOwnKey = inKeys.has(column.name) && !parents.has(column.name) && column.name !== TENANT_COLUMN
      return [column.name, isOwnKey ? freshValue(column) : row[column.name]]
    }),
  )
}
