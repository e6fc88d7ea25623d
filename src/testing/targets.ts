import { TenancyError } from '../errors.js'
import type { RuntimeField, RuntimeModel } from '../prisma-internals.js'
import type { Catalog, ForeignKey, Table } from './catalog.js'

/** What is attacked, or stands beside what is attacked: a model of the client, or a table that no model has. */
export interface Target {
  /** The model's name, or the table's where there is no model. */
  readonly name: string
  readonly model: RuntimeModel | undefined
  readonly table: Table
  /**
   * - `tenant`: has the tenant column
   * - `child`: has none, and a foreign key to one that is a tenant's
   * - `view`: a view, materialized or not
   * - `shared`: everything else, the table of the tenants too
   */
  readonly kind: 'tenant' | 'child' | 'view' | 'shared'
}

/** Joins the client's models and the database's tables. Parents come before their children. */
export function findTargets(
  models: readonly RuntimeModel[],
  catalog: Catalog,
  { tenantColumn, shared }: { readonly tenantColumn: string; readonly shared: readonly string[] },
): Target[] {
  const modelOf = new Map<Table, RuntimeModel>()
  for (const model of models) modelOf.set(tableOf(model, catalog), model)
  const schemas = new Set([...modelOf.keys()].map(({ schema }) => schema))
  const nameOf = (table: Table) => modelOf.get(table)?.name ?? `${table.schema}.${table.name}`
  const tables = catalog.tables.filter(({ kind, schema }) => kind === 'table' && schemas.has(schema))

  const unknown = shared.find((name) => !catalog.tables.some((table) => nameOf(table) === name))
  if (unknown !== undefined) {
    throw new TenancyError('CONFIG.INVALID', `shared names '${unknown}', and the client has no such model.`, {
      hint: "Name models as the schema does: shared: ['Country'].",
    })
  }

  const isTenant = (table: Table) => !shared.includes(nameOf(table)) && hasColumn(table, tenantColumn)
  const owned = new Set(tables.filter(isTenant))
  // What tenant columns refer to is the table of the tenants, whatever it refers to itself.
  const tenants = new Set(
    [...owned].flatMap(({ foreignKeys }) =>
      foreignKeys.filter(({ columns }) => columns.length === 1 && columns[0] === tenantColumn).map((key) => key.parent),
    ),
  )
  const children = new Set<Table>()
  for (let size = -1; size !== children.size; ) {
    size = children.size
    for (const table of tables) {
      if (owned.has(table) || tenants.has(table.oid) || shared.includes(nameOf(table))) continue
      const parents = table.foreignKeys.map(({ parent }) => tables.find(({ oid }) => oid === parent))
      if (parents.some((parent) => parent && parent !== table && (owned.has(parent) || children.has(parent))))
        children.add(table)
    }
  }

  const kindOf = (table: Table): Target['kind'] => {
    if (table.kind !== 'table') return shared.includes(nameOf(table)) ? 'shared' : 'view'
    return owned.has(table) ? 'tenant' : children.has(table) ? 'child' : 'shared'
  }
  return parentsFirst(
    catalog.tables.filter((table) => modelOf.has(table) || owned.has(table) || children.has(table)),
  ).map((table) => ({ name: nameOf(table), model: modelOf.get(table), table, kind: kindOf(table) }))
}

/** Must the key be set in every row? */
export function isRequired(table: Table, key: ForeignKey): boolean {
  return key.columns.every((name) => table.columns.find((column) => column.name === name)?.required)
}

export function hasColumn(table: Table, name: string): boolean {
  return table.columns.some((column) => column.name === name)
}

/** The field of a column, if the client has one. */
export function fieldOf(target: Target, column: string): RuntimeField | undefined {
  return target.model?.fields.find(
    (field) => field.column === column && (field.kind === 'scalar' || field.kind === 'enum'),
  )
}

function tableOf(model: RuntimeModel, catalog: Catalog): Table {
  const named = catalog.tables.filter(({ name }) => name === model.table)
  const wanted = model.schema ?? (named.some(({ schema }) => schema === catalog.schema) ? catalog.schema : 'public')
  const found =
    named.find(({ schema }) => schema === wanted) ?? (model.schema || named.length !== 1 ? undefined : named[0])
  if (found) return found
  throw new TenancyError(
    'ISOLATION.UNPROVEN',
    `The model ${model.name} has no table "${model.schema ?? catalog.schema}"."${model.table}" that the role "${catalog.role.name}" can see.`,
    { hint: 'Apply the migrations to this database, or GRANT USAGE ON SCHEMA … to the role.' },
  )
}

function parentsFirst(tables: readonly Table[]): Table[] {
  const sorted: Table[] = []
  const visiting = new Set<Table>()
  const visit = (table: Table): void => {
    if (visiting.has(table)) return
    visiting.add(table)
    const required = (key: ForeignKey) => Number(isRequired(table, key))
    for (const key of [...table.foreignKeys].sort((one, other) => required(other) - required(one))) {
      const parent = tables.find(({ oid }) => oid === key.parent)
      if (parent) visit(parent)
    }
    sorted.push(table)
  }
  tables.forEach(visit)
  return sorted
}
