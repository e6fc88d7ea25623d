import type { Column, Constraint, Index, Oid, Relation } from './catalog.js'
import type { Facts } from './facts.js'

/** The columns by their numbers, those of expressions left out. */
export function columnsOf({ columns }: Relation, numbers: readonly number[]): readonly Column[] {
  return numbers.flatMap((number) => columns.find((column) => column.number === number) ?? [])
}

export function columnNames(relation: Relation, numbers: readonly number[]): readonly string[] {
  return columnsOf(relation, numbers).map(({ name }) => name)
}

export function indexesOf(relation: Oid, facts: Facts): readonly Index[] {
  return facts.indexes(relation)
}

export function constraintsOf(relation: Oid, facts: Facts): readonly Constraint[] {
  return facts.constraints(relation)
}

/** What PostgreSQL 18 writes last of a constraint that it does not check at all; no name stands there. */
export const notEnforced = / NOT ENFORCED$/

/** Can it stand for a key, whatever the order of its columns? */
export function isKeyOn(index: Index, columns: readonly number[]): boolean {
  return (
    index.unique &&
    index.valid &&
    index.predicate === null &&
    index.columns.length === columns.length &&
    columns.every((column) => index.columns.includes(column))
  )
}

/** The first of the names that no index of the schema has: IF NOT EXISTS is content with any index of that name. */
export function freeIndexName(names: readonly string[], schema: string, { catalog, relation }: Facts): string {
  const taken = catalog.indexes.filter((index) => relation(index.relation)?.schema === schema)
  return names.find((name) => !taken.some((index) => index.name === name)) ?? ''
}
