import { TenancyError } from '../../errors.js'
import { checkConfig, type TenancyConfig, type TenancyRoles } from '../../schema/config.js'
import type { PrismaSchema } from '../../schema/model.js'
import { checkSettingName } from '../../setting-name.js'
import type { TenantColumnType } from '../../sql/policies.js'
import { checkIdentifier, quoteRole } from '../../sql/quote.js'
import { askOne, askSome, askText, askWhether, cancelled } from '../ask.js'
import { configText } from '../config-text.js'
import { coverage, tenantColumn, tenantField, tenantIdTypeOf, tenantModels } from '../proposals.js'

/** Asks for what is not given. */
export async function askConfig(schema: PrismaSchema, given: Partial<TenancyConfig>): Promise<TenancyConfig> {
  const tenantModel = given.tenantModel ?? (await askTenantModel(schema))
  const tenantId = given.tenantId ?? (await tenantIdType(schema, tenantModel))
  const column =
    given.column ??
    (await askText('Which column names the tenant in your tables?', tenantColumn(schema, tenantModel), checkIdentifier))
  const setting =
    given.setting ??
    (await askText('Which PostgreSQL setting is to carry the tenant?', 'app.tenant_id', checkSettingName))
  const roles = await askRoles(given.roles ?? {})
  const field = given.field ?? tenantField(schema, column)
  const known: TenancyConfig = { ...given, tenantModel, tenantId, column, field, setting, roles }
  const config = { ...known, ...(await askCoverage(schema, known)) }
  if (!(await askWhether(`Write tenancy.config.json?\n${configText(config).trimEnd()}`))) throw cancelled()
  return config
}

async function askTenantModel(schema: PrismaSchema): Promise<string> {
  const proposals = tenantModels(schema)
  const [first] = proposals
  if (!first) {
    throw new TenancyError('CONFIG.INVALID', 'No model of the schema has an id that can name a tenant.', {
      hint: 'Add the model of a tenant, that is of one customer, with a single @id.',
    })
  }
  const choices = proposals.map(({ model, children }) => ({
    value: model.name,
    hint: `${children === 1 ? '1 model points' : `${children} models point`} at it`,
  }))
  return askOne('Which model is a tenant, that is one customer?', choices, first.model.name)
}

/** Its id tells, as a rule. */
async function tenantIdType(schema: PrismaSchema, tenantModel: string): Promise<TenantColumnType> {
  const model = schema.models.find(({ name }) => name === tenantModel)
  const type = model && tenantIdTypeOf(model)
  if (type) return type
  const types = (['uuid', 'int', 'bigint', 'text'] as const).map((value) => ({ value }))
  return askOne<TenantColumnType>('What type is the column that names the tenant?', types, 'uuid')
}

async function askRoles(given: TenancyRoles): Promise<TenancyRoles> {
  const { app, migrator, bypass } = given
  return {
    ...given,
    app: app ?? (await askText('Which role does the service log in with?', 'app_user', quoteRole)),
    migrator:
      migrator ?? (await askText('Which role sees all rows, for migrations and seeds?', 'app_migrator', quoteRole)),
    bypass: bypass ?? (await askText('Which role reads all rows and writes none?', 'app_bypass', quoteRole)),
  }
}

/** What becomes of the models that do not say whose their rows are. */
async function askCoverage(schema: PrismaSchema, known: TenancyConfig): Promise<Partial<TenancyConfig>> {
  const { uncovered } = coverage(schema, checkConfig(known))
  const chosen =
    known.shared === undefined && uncovered.length > 0
      ? await askSome('These have no tenant. Which of them does every tenant read, and none write?', uncovered)
      : []
  const shared = known.shared ?? chosen
  // What is not shared is somebody's, and has nothing to tell whose: it gets the column.
  const others = uncovered.filter((name) => !shared.includes(name))
  if (known.addColumn !== undefined) return { shared }
  const { withoutColumn } = coverage(schema, checkConfig({ ...known, shared, addColumn: others }))
  const reached = withoutColumn.filter((name) => !others.includes(name))
  if (reached.length === 0) return { shared, ...(others.length > 0 && { addColumn: others }) }
  const how = await askOne(
    `${shown(reached)} without ${known.column}: what shall they get?`,
    [
      { value: 'column', label: 'The column', hint: 'one index finds the rows, and keys contain the tenant' },
      { value: 'policy', label: 'A policy that asks their parents', hint: 'no change of the tables, slower' },
    ],
    'column',
  )
  if (how === 'policy') return { shared, ...(others.length > 0 && { addColumn: others }) }
  return { shared, addColumn: others.length > 0 ? [...others, ...reached] : 'all' }
}

function shown(names: readonly string[]): string {
  if (names.length === 1) return `${names[0]} is`
  return `${names.slice(0, 4).join(', ')}${names.length > 4 ? ` and ${names.length - 4} more` : ''} are`
}
