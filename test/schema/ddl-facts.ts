import type { Desired, DesiredForeignKey, DesiredIndex, TenantTable } from '../../src/schema/desired.js'
import { tenantDefault } from '../../src/schema/edit.js'
import { quoteIdentifier, quoteTable } from '../../src/sql/quote.js'

/** What Prisma's DDL does, one line a change, sorted: so that it can be compared with what the desired state says. */
export function factsOfDdl(ddl: string): string[] {
  return ddl
    .split(/;\s*(?:\n|$)/)
    .map((statement) => statement.replaceAll(/^--.*$/gm, '').trim())
    .filter((statement) => statement !== '')
    .flatMap((statement) => {
      const [, table, clauses] = /^(ALTER TABLE (?:"[^"]*"\.)?"[^"]*") (.*)$/s.exec(statement) ?? []
      return table === undefined || clauses === undefined
        ? [statement]
        : clauses.split(/,\n/).map((clause) => `${table} ${clause.trim().replaceAll(/ +/g, ' ')}`)
    })
    .map((fact) => unqualified(fact.replaceAll(/,(?=")/g, ', ')))
    .sort()
}

/** The same lines from the desired state, as far as Prisma knows of it: policies, roles and triggers it does not. */
export function factsOfDesired({ tables, config }: Desired): string[] {
  return tables
    .filter((table) => table.kind === 'tenant')
    .flatMap((table) => [
      ...columnFacts(table, tenantDefault(config)),
      ...table.indexes.map((index) => `CREATE INDEX ${indexText(table, index)}`),
      ...table.uniques.map(
        (index) => `CREATE UNIQUE INDEX ${indexText(table, index)}${index.where ? ` WHERE (${index.where})` : ''}`,
      ),
      ...[...table.uniques.flatMap(({ replaces }) => replaces ?? []), ...table.surplusUniques].map((index) =>
        dropIndex(table, index),
      ),
      ...primaryKeyFacts(table),
      ...table.foreignKeys.flatMap((key) => foreignKeyFacts(table, key)),
    ])
    .map(unqualified)
    .sort()
}

/** Prisma leaves the default schema out of its DDL. */
function unqualified(fact: string): string {
  return fact.replaceAll('"public".', '')
}

const types = { uuid: 'UUID', int: 'INTEGER', bigint: 'BIGINT', text: 'TEXT' }

function columnFacts(table: TenantTable, byDefault: string): string[] {
  const alter = `ALTER TABLE ${quoteTable(table.table)}`
  const column = quoteIdentifier(table.column)
  if (table.columnIsNew) return [`${alter} ADD COLUMN ${column} ${types[table.type]} NOT NULL DEFAULT ${byDefault}`]
  return [
    ...(table.columnWasNullable ? [`${alter} ALTER COLUMN ${column} SET NOT NULL`] : []),
    ...(table.hadDefault || table.defaultIsThere ? [] : [`${alter} ALTER COLUMN ${column} SET DEFAULT ${byDefault}`]),
  ]
}

function indexText({ table }: TenantTable, { name, columns, descending = [] }: DesiredIndex): string {
  const list = columns.map((column) => quoteIdentifier(column) + (descending.includes(column) ? ' DESC' : ''))
  return `${quoteIdentifier(name)} ON ${quoteTable(table)}(${list.join(', ')})`
}

function dropIndex({ table }: TenantTable, { name }: DesiredIndex): string {
  return `DROP INDEX ${typeof table === 'string' ? '' : `${quoteIdentifier(table.schema)}.`}${quoteIdentifier(name)}`
}

function primaryKeyFacts({ table, primaryKeyChange: change }: TenantTable): string[] {
  if (!change) return []
  const alter = `ALTER TABLE ${quoteTable(table)}`
  return [
    `${alter} DROP CONSTRAINT ${quoteIdentifier(change.nameBefore)}`,
    `${alter} ADD CONSTRAINT ${quoteIdentifier(change.name)} PRIMARY KEY ${listOf(change.columns)}`,
  ]
}

function foreignKeyFacts({ table }: TenantTable, key: DesiredForeignKey): string[] {
  const alter = `ALTER TABLE ${quoteTable(table)}`
  const { references, onDelete, onUpdate } = key
  return [
    ...(key.replaces ? [`${alter} DROP CONSTRAINT ${quoteIdentifier(key.replaces.name)}`] : []),
    `${alter} ADD CONSTRAINT ${quoteIdentifier(key.name)} FOREIGN KEY ${listOf(key.columns)} REFERENCES ${quoteTable(references.table)}${listOf(references.columns)} ON DELETE ${onDelete} ON UPDATE ${onUpdate}`,
  ]
}

function listOf(columns: readonly string[]): string {
  return `(${columns.map(quoteIdentifier).join(', ')})`
}
