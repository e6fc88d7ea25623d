import { kindsOf } from '../schema/classify.js'
import type { ResolvedConfig } from '../schema/config.js'
import { tenantFieldOf } from '../schema/keys.js'
import type { Model, PrismaSchema } from '../schema/model.js'
import { typeOf } from '../schema/problems.js'
import type { TenantColumnType } from '../sql/policies.js'

// What customers are called, the likeliest first.
const usualNames = /^(tenant|organi[sz]ation|org|company|workspace|account|customer|client|team)s?$/i
const usualColumn = 'tenant_id'
const usualField = 'tenantId'

export interface TenantModelProposal {
  readonly model: Model
  /** How many models point at it. */
  readonly children: number
  readonly type: TenantColumnType | undefined
}

/** The models that can be the tenant, the likeliest first: by its name, then by how many models point at it. */
export function tenantModels(schema: PrismaSchema): TenantModelProposal[] {
  const proposals = schema.models
    .filter(({ primaryKey }) => primaryKey?.fields.length === 1)
    .map((model) => ({ model, children: childrenOf(schema, model.name).length, type: tenantIdTypeOf(model) }))
  const rank = ({ model, type }: TenantModelProposal): number =>
    (type === undefined ? 0 : 1) + (usualNames.test(model.name) ? 2 : 0)
  return proposals.sort((a, b) => rank(b) - rank(a) || b.children - a.children)
}

/** The type of the model's id, if tenants can be named by it. */
export function tenantIdTypeOf({ primaryKey, fields }: Model): TenantColumnType | undefined {
  const field = fields.find(({ name }) => name === primaryKey?.fields[0])
  return field && primaryKey?.fields.length === 1 ? typeOf(field) : undefined
}

/** The column by which most models point at the tenant; `tenant_id` where they do not agree on one. */
export function tenantColumn(schema: PrismaSchema, tenantModel: string): string {
  const columns = schema.models.flatMap((model) => {
    if (model.name === tenantModel) return []
    const named = model.fields.filter(({ column }) => column === usualColumn)
    const pointing = model.relations
      .filter(({ parent, fields }) => parent === tenantModel && fields.length === 1)
      .flatMap(({ fields }) => model.fields.find(({ name }) => name === fields[0]) ?? [])
    return [...new Set([...named, ...pointing].map(({ column }) => column))]
  })
  return commonest(columns, usualColumn)
}

/** What most models call that column, so that those which get it call it the same. */
export function tenantField(schema: PrismaSchema, column: string): string {
  const fields = schema.models.flatMap((model) => tenantFieldOf(model, column)?.name ?? [])
  return commonest(fields, usualField)
}

/** The text that stands there most often; of several, the usual one, or else the first. */
function commonest(texts: readonly string[], usual: string): string {
  const times = new Map<string, number>()
  for (const text of texts) times.set(text, (times.get(text) ?? 0) + 1)
  const most = Math.max(...times.values())
  if (times.size === 0 || times.get(usual) === most) return usual
  return texts.find((text) => times.get(text) === most) ?? usual
}

export interface Coverage {
  /** Neither tenant tables, nor connected with one, nor shared: somebody has to say. */
  readonly uncovered: readonly string[]
  /** Connected with a tenant table, and without the column. */
  readonly withoutColumn: readonly string[]
}

/** What the configuration says about each model so far. */
export function coverage(schema: PrismaSchema, config: ResolvedConfig): Coverage {
  const found = kindsOf(schema, { ...config, addColumn: 'all' })
  return {
    uncovered: schema.models.filter(({ name }) => !found.has(name)).map(({ name }) => name),
    withoutColumn: [...found.values()]
      .filter((each) => each.kind === 'tenant' && each.field === undefined)
      .map(({ model }) => model.name),
  }
}

function childrenOf(schema: PrismaSchema, name: string): Model[] {
  return schema.models.filter((model) => model.name !== name && model.relations.some(({ parent }) => parent === name))
}
