import type { DesiredForeignKey, DesiredIndex, DesiredTable, FormerUnique, TenantTable } from '../schema/desired.js'
import { hashedName } from '../sql/derived-name.js'
import { dropForeignKey, restoreForeignKey, tenantForeignKey, tenantForeignKeyOnline } from '../sql/foreign-key.js'
import { dropIndex } from '../sql/indexes.js'
import { dropKeepTenant, keepTenant } from '../sql/keep-tenant.js'
import { restorePrimaryKey, tenantPrimaryKeyOnline } from '../sql/primary-key.js'
import { nameOf, quoteIdentifier, quoteTable } from '../sql/quote.js'
import { dropUnique } from '../sql/unique.js'
import { constraintIs, constraintIsGone, indexIsGone, indexIsUsable, triggerIs } from './done.js'
import { createIndex, type IndexKind } from './index-sql.js'
import { makeStep, statement, transaction } from './make-step.js'
import type { OnlineAction, Step } from './step.js'

/** Indexes and unique indexes that begin with the tenant. */
export function indexSteps({ table, indexes, uniques }: TenantTable): Step[] {
  const step = (kind: IndexKind, index: DesiredIndex): Step =>
    makeStep({
      what: kind.toLowerCase(),
      table,
      name: quoteIdentifier(index.name),
      title: `${kind === 'INDEX' ? 'Index' : 'Unique index'} ${index.name}`,
      sql: createIndex(kind, table, index),
      down: dropIndex(table, { name: index.name }),
      done: indexIsUsable(table, index.name),
      online: [{ kind: 'index', name: index.name, table, sql: createIndex(kind, table, index, true) }],
    })
  return [...uniques.map((each) => step('UNIQUE INDEX', each)), ...indexes.map((each) => step('INDEX', each))]
}

/** The trigger for keys that Prisma and ON DELETE SET NULL empty together with the tenant. */
export function keepTenantSteps({ table, column, keepTenant: wanted, model }: TenantTable): Step[] {
  if (!wanted) return []
  return [
    makeStep({
      what: 'keep tenant',
      table,
      title: `Rows of ${model} keep their tenant when a relation is taken away`,
      sql: keepTenant(table, { column }),
      down: dropKeepTenant(table, { column }),
      done: triggerIs(table, 'keep_tenant'),
    }),
  ]
}

/** Unique indexes without the tenant, by which one tenant could learn what another one has. */
export function dropUniqueSteps({ table, uniques, surplusUniques }: TenantTable): Step[] {
  const former = [...uniques.flatMap(({ replaces }) => replaces ?? []), ...surplusUniques]
  return former.map((unique: FormerUnique) =>
    makeStep({
      what: 'drop unique',
      table,
      name: quoteIdentifier(unique.name),
      title: `${unique.name} goes: it tells one tenant what another one has`,
      sql: dropUnique(table, { name: unique.name }),
      down: createIndex('UNIQUE INDEX', table, unique),
      done: indexIsGone(table, unique.name),
      online: [statement(dropUnique(table, { name: unique.name, concurrently: true }))],
    }),
  )
}

/** Foreign keys that contain the tenant, each in the place of one that does not. */
export function foreignKeySteps(table: TenantTable, tables: readonly DesiredTable[]): Step[] {
  return table.foreignKeys
    .filter((key) => primaryKeyBehind(key, tables) === undefined)
    .map((key) => {
      const parts = foreignKeyParts(table, key)
      return makeStep({
        what: 'foreign key',
        table: table.table,
        name: quoteIdentifier(key.name),
        title: `Foreign key ${key.name}`,
        sql: parts.add + parts.dropFormer,
        down: parts.drop + parts.restoreFormer,
        done: parts.done,
        online: [parts.check, ...parts.addOnline, ...(parts.dropFormer === '' ? [] : [transaction(parts.dropFormer)])],
      })
    })
}

/**
 * A natural primary key gets the tenant, and the foreign keys that refer to it follow: one step, since each direction
 * needs the other key to be there first.
 */
export function primaryKeySteps(table: TenantTable, tables: readonly DesiredTable[]): Step[] {
  const change = table.primaryKeyChange
  if (!change) return []
  const children = tables.flatMap((child) =>
    child.kind === 'tenant'
      ? child.foreignKeys
          .filter((key) => primaryKeyBehind(key, tables) === table)
          .map((key) => foreignKeyParts(child, key))
      : [],
  )
  const target = table.table
  const index = hashedName([nameOf(target), ...change.columns], 'pkey')
  const columns = change.columns.filter((column) => column !== table.column)
  const { name, nameBefore, before } = change
  const [, use = ''] = tenantPrimaryKeyOnline(target, { columns, column: table.column, name, index })
  const dropOther = nameBefore === name ? '' : dropUnique(target, { name: nameBefore, constraint: true })
  const shape = { name: index, columns: change.columns }
  const dropFormer = children.map((each) => each.dropFormer).join('')
  return [
    makeStep({
      what: 'primary key',
      table: target,
      title: `Primary key of ${table.model}`,
      sql: [
        createIndex('UNIQUE INDEX', target, shape),
        ...children.map(({ add }) => add),
        dropFormer,
        dropOther,
        use,
      ].join(''),
      down: [
        ...children.map(({ drop }) => drop),
        nameBefore === name ? '' : dropUnique(target, { name, constraint: true }),
        restorePrimaryKey(target, { columns: before, name: nameBefore }),
        ...children.map(({ restoreFormer }) => restoreFormer),
      ].join(''),
      done: [constraintIs(target, name, change.columns, "contype = 'p'"), ...children.map(({ done }) => done)].join(
        '\n  AND ',
      ),
      online: [
        ...children.map(({ check }) => check),
        { kind: 'index', name: index, table: target, sql: createIndex('UNIQUE INDEX', target, shape, true) },
        ...children.flatMap(({ addOnline }) => addOnline),
        ...(dropFormer === '' ? [] : [transaction(dropFormer)]),
        transaction(dropOther + use),
      ],
    }),
  ]
}

/** The table whose changed primary key this foreign key refers to, or undefined. */
function primaryKeyBehind(key: DesiredForeignKey, tables: readonly DesiredTable[]): TenantTable | undefined {
  return tables.find((table): table is TenantTable => {
    // Asked first: few tables have one, and every foreign key looks through all tables.
    if (table.kind !== 'tenant' || table.primaryKeyChange === undefined) return false
    const { columns } = table.primaryKeyChange
    if ([...columns].sort().join('\0') !== [...key.references.columns].sort().join('\0')) return false
    return quoteTable(table.table) === quoteTable(key.references.table)
  })
}

interface ForeignKeyParts {
  readonly add: string
  readonly drop: string
  readonly dropFormer: string
  readonly restoreFormer: string
  readonly done: string
  readonly check: OnlineAction
  readonly addOnline: readonly OnlineAction[]
}

function foreignKeyParts({ table, column, model, primaryKey }: TenantTable, key: DesiredForeignKey): ForeignKeyParts {
  const { name, onDelete, onUpdate, references, replaces } = key
  const at = key.columns.indexOf(column)
  const others = <T>(list: readonly T[]): T[] => list.filter((_, place) => place !== at)
  const options = {
    name,
    onDelete,
    onUpdate,
    columns: others(key.columns),
    references: { table: references.table, columns: others(references.columns) },
    column,
    parentColumn: references.columns[at],
  }
  const [addNotValid = '', validate = ''] = tenantForeignKeyOnline(table, options)
  // Under the same name, adding the new one has dropped the old one.
  const former = replaces && replaces.name !== name ? replaces : undefined
  const restored = replaces && {
    ...replaces,
    references: { table: references.table, columns: replaces.references },
  }
  return {
    add: tenantForeignKey(table, options),
    drop: dropForeignKey(table, { name }),
    dropFormer: former ? dropForeignKey(table, { name: former.name }) : '',
    restoreFormer: restored ? restoreForeignKey(table, restored) : '',
    done: [
      constraintIs(table, name, key.columns, `contype = 'f' AND confdeltype = '${actionCode[onDelete]}'`),
      ...(former ? [constraintIsGone(table, former.name)] : []),
    ].join('\n  AND '),
    check: brokenRows(table, key, model, column, primaryKey),
    addOnline: [transaction(addNotValid), statement(validate)],
  }
}

/** https://www.postgresql.org/docs/current/catalog-pg-constraint.html */
const actionCode = { 'NO ACTION': 'a', RESTRICT: 'r', CASCADE: 'c', 'SET NULL': 'n', 'SET DEFAULT': 'd' } as const

/** Rows that point at another tenant's row, which the key with the tenant would refuse. */
function brokenRows(
  table: TenantTable['table'],
  key: DesiredForeignKey,
  model: string,
  tenant: string,
  primaryKey: readonly string[],
): OnlineAction {
  const columns = (primaryKey.length > 0 ? primaryKey : ['ctid']).map((each) => `child.${quoteIdentifier(each)}`)
  const pairs = key.columns.map((each, n) => [
    `child.${quoteIdentifier(each)}`,
    quoteIdentifier(key.references.columns[n] ?? ''),
  ])
  // A row without a tenant yet is no answer: it gets one, or is reported as such.
  const set = [...new Set([...pairs.map(([own]) => own), `child.${quoteIdentifier(tenant)}`])]
  return {
    kind: 'check',
    sql: `SELECT ${columns.join(', ')} FROM ${quoteTable(table)} AS child
WHERE ${set.map((own) => `${own} IS NOT NULL`).join(' AND ')}
  AND NOT EXISTS (SELECT FROM ${quoteTable(key.references.table)} AS parent WHERE ${pairs.map(([own, other]) => `parent.${other} = ${own}`).join(' AND ')})`,
    problem: `rows of ${model} point at a row of ${nameOf(key.references.table)} that belongs to another tenant`,
    hint: 'Give each a parent of its own tenant, or correct its tenant.',
  }
}
