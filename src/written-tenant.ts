import type { Binder } from './binding.js'
import { isPlainObject, type Scope } from './context.js'
import { databaseAnswers } from './database-answers.js'
import { TenantMismatchError } from './errors.js'
import { foreignKeysOf, modelsOf, type Request, type SharedClient } from './prisma-internals.js'

/** A model, and where in what is written to it a tenant is named, or another model's row. */
interface WrittenModel {
  readonly name: string
  readonly tenantField: string | undefined
  readonly relations: ReadonlyMap<string, Relation>
}

interface Relation {
  readonly model: string
  /** The other model's field that holds the tenant, where the tenant column is of this relation's foreign key. */
  readonly tenantField: string | undefined
}

/**
 * Refuses a model's write that names another tenant than the one in scope, and says in which field. The policy would
 * refuse it too, and says only in which table. Raw SQL is the policy's alone.
 */
export function refuseOtherTenants(client: SharedClient, binder: Binder): (request: Request, scope: Scope) => void {
  let models: ReadonlyMap<string, WrittenModel> | undefined
  return ({ protocolQuery }, scope) => {
    const given = protocolQuery?.query?.arguments
    if (protocolQuery?.modelName === undefined || scope.tenant === undefined || !isPlainObject(given)) return
    const { data, create, update } = given
    if (data === undefined && create === undefined && update === undefined) return
    models ??= writtenModels(client, binder.tenantColumn)
    const written = { models, names: (value: unknown) => binder.namesOther(scope, value) }
    for (const part of [data, create, update]) checkRows(written, protocolQuery.modelName, part)
  }
}

interface Written {
  readonly models: ReadonlyMap<string, WrittenModel>
  /** Whether this is the id of a tenant other than the one in scope. */
  names(value: unknown): boolean
}

function checkRows(written: Written, modelName: string, rows: unknown): void {
  const model = written.models.get(modelName)
  if (model === undefined) return
  for (const row of Array.isArray(rows) ? rows : [rows]) {
    if (!isPlainObject(row)) continue
    for (const [field, value] of Object.entries(row)) {
      const related = model.relations.get(field)
      if (related !== undefined) {
        checkRelation(written, related.model, value)
        if (namesByRelation(written, related, value)) refuse(model.name, field)
      } else if (field === model.tenantField && written.names(plainValue(value))) refuse(model.name, field)
    }
  }
}

/** Nested writes: https://www.prisma.io/docs/orm/prisma-client/queries/relation-queries#nested-writes */
function checkRelation(written: Written, modelName: string, operations: unknown): void {
  if (!isPlainObject(operations)) return
  for (const name of ['create', 'createMany', 'connectOrCreate', 'update', 'updateMany', 'upsert']) {
    const inputs = operations[name]
    for (const input of Array.isArray(inputs) ? inputs : [inputs]) {
      // The row itself, or the object that holds it: `where` and the like are no fields.
      checkRows(written, modelName, input)
      if (!isPlainObject(input)) continue
      for (const part of ['data', 'create', 'update']) checkRows(written, modelName, input[part])
    }
  }
}

/** A row of the other model that is connected, or made, by another tenant's id: `company: { connect: { id } }`. */
function namesByRelation(written: Written, { tenantField }: Relation, operations: unknown): boolean {
  if (tenantField === undefined || !isPlainObject(operations)) return false
  const { connect, create, connectOrCreate } = operations
  const both = isPlainObject(connectOrCreate) ? connectOrCreate : {}
  return [connect, create, both['where'], both['create']].some(
    (row) =>
      isPlainObject(row) &&
      // The field itself, or one of a compound key: { tenantId_id: { tenantId, id } }.
      [row, ...Object.values(row)].some((part) => isPlainObject(part) && written.names(plainValue(part[tenantField]))),
  )
}

/** Out of `{ set: … }`, and of the form in which the engine gets a BigInt. */
function plainValue(value: unknown): unknown {
  if (!isPlainObject(value)) return value
  return 'set' in value ? plainValue(value.set) : value.$type === 'BigInt' ? value.value : undefined
}

function refuse(model: string, field: string): void {
  if (databaseAnswers()) return
  throw new TenantMismatchError(`${model}.${field} was given another tenant's id than the one in scope.`, {
    hint: `Leave ${field} out: its default is the tenant in scope. Or open the scope of the tenant that the row belongs to.`,
    meta: { model, field },
  })
}

function writtenModels(client: SharedClient, column: string): ReadonlyMap<string, WrittenModel> {
  return new Map(
    modelsOf(client).map(({ name, fields }) => {
      const tenantField = fields.find((field) => field.column === column && field.kind !== 'object')?.name
      const foreignKeys = foreignKeysOf(client, name)
      const relations = fields.filter(({ kind }) => kind === 'object')
      return [
        name,
        {
          name,
          tenantField,
          relations: new Map(
            relations.map((field) => [
              field.name,
              { model: field.type, tenantField: foreignKeys.get(field.name)?.get(tenantField ?? '') },
            ]),
          ),
        },
      ]
    }),
  )
}
