import { TenancyError } from '../errors.js'
import { checkSettingName } from '../setting-name.js'
import { showValue } from '../show-value.js'
import { quoteIdentifier, quoteTable, type TableName } from '../sql/quote.js'

export interface DoctorOptions {
  /** The role that the service logs in with. Everything is judged by what it can see and do. */
  appRole: string
  /** The column that makes a table a tenant table. Default `'tenant_id'`. */
  tenantColumn?: string | undefined
  /** The run-time parameter that carries the tenant. Default `'app.tenant_id'`. */
  setting?: string | undefined
  /** The schemas to look at. Default: all but PostgreSQL's own. */
  schemas?: readonly string[] | undefined
  /** Tables that are everybody's although they have the tenant column. Default `[]`. */
  shared?: readonly TableName[] | undefined
  /**
   * Roles that are meant to see every tenant's rows: the migrator, the bypass role. What is granted to them is no finding.
   * Default `[]`.
   */
  trustedRoles?: readonly string[] | undefined
  /**
   * Functions of your own that answer the tenant in scope, and NULL where there is none. The doctor never calls them: it
   * takes your word. Default `[]`; `tenancy.tenant_id()` of sealed tenants is known.
   */
  tenantFunctions?: readonly FunctionName[] | undefined
  /** What a pooler does with session settings, where somebody has tried: the answer of `probePooler`. */
  poolerProbe?: PoolerProbe | undefined
  /** What the schema and its migrations say the database should have. */
  expected?: Expected | undefined
}

export type FunctionName = string | { schema: string; name: string }

/** What a session-wide setting of one connection did to others. */
export interface PoolerProbe {
  /** Did another client read what the first one had set? */
  readonly leaked: boolean
  /** How often it was looked for. */
  readonly attempts: number
}

/** What a project's migrations should have left in the database. */
export interface Expected {
  readonly tables: readonly ExpectedTable[]
}

export interface ExpectedTable {
  readonly schema: string
  readonly table: string
  /** Does it hold tenants' rows? */
  readonly kind: 'tenant' | 'shared'
  /** Names of the policies that it should have, and no others. Default: they are not compared. */
  readonly policies?: readonly string[] | undefined
}

/** Checked, with every default filled in. */
export interface ResolvedDoctorOptions {
  readonly appRole: string
  readonly tenantColumn: string
  /** In lower case. */
  readonly setting: string
  readonly schemas: readonly string[] | undefined
  readonly shared: readonly TableName[]
  readonly trustedRoles: readonly string[]
  readonly tenantFunctions: readonly FunctionName[]
  readonly poolerProbe: PoolerProbe | undefined
  readonly expected: Expected | undefined
}

const known = [
  'appRole',
  'tenantColumn',
  'setting',
  'schemas',
  'shared',
  'trustedRoles',
  'tenantFunctions',
  'poolerProbe',
  'expected',
]

/** @throws TenancyError `CONFIG.INVALID`, `SQL.INVALID_IDENTIFIER` */
export function resolveOptions(options: DoctorOptions): ResolvedDoctorOptions {
  if (typeof options !== 'object' || options === null) {
    throw invalid(`The options of doctor are ${showValue(options)}`, "Write doctor(db, { appRole: 'app_user' }).")
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw invalid(`doctor has no option ${showValue(key)}`, `Use one of: ${known.join(', ')}.`)
    }
  }
  const { appRole, tenantColumn = 'tenant_id', setting = 'app.tenant_id', schemas, shared = [] } = options
  const { trustedRoles = [], tenantFunctions = [], poolerProbe, expected } = options
  if (appRole === undefined) {
    throw invalid('The option appRole is missing', "Name the role that the service logs in with: appRole: 'app_user'.")
  }
  for (const name of [appRole, tenantColumn]) quoteIdentifier(name)
  if (schemas !== undefined) {
    list('schemas', schemas, "['public']").forEach(quoteIdentifier)
    if (schemas.length === 0) throw invalid('The option schemas is an empty list', 'Leave it out to look at all.')
  }
  list('shared', shared, "['plans']").forEach(quoteTable)
  list('trustedRoles', trustedRoles, "['app_migrator']").forEach(quoteIdentifier)
  list('tenantFunctions', tenantFunctions, "['current_tenant']").forEach(checkFunctionName)
  return {
    appRole,
    tenantColumn,
    setting: checkSettingName(setting),
    schemas,
    shared,
    trustedRoles,
    tenantFunctions,
    poolerProbe,
    expected,
  }
}

function checkFunctionName(given: FunctionName): void {
  if (typeof given === 'string') return void quoteIdentifier(given)
  if (typeof given !== 'object' || given === null || Object.keys(given).sort().join() !== 'name,schema') {
    throw invalid(
      `${showValue(given)} is not a function`,
      "Pass 'current_tenant' or { schema: 'app', name: 'current_tenant' }.",
    )
  }
  quoteIdentifier(given.schema)
  quoteIdentifier(given.name)
}

function list<Element>(option: string, value: readonly Element[], example: string): readonly Element[] {
  if (Array.isArray(value)) return value
  throw invalid(`The option ${option} is ${showValue(value)}`, `Pass a list, such as ${option}: ${example}.`)
}

function invalid(sentence: string, hint: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', `${sentence}.`, { hint })
}
