import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isTenancyError, TenancyError } from '../errors.js'
import { checkSettingName } from '../setting-name.js'
import { showValue } from '../show-value.js'
import type { TenantColumnType } from '../sql/policies.js'
import { checkIdentifier } from '../sql/quote.js'
import { canonicalTenantId } from '../tenant.js'

/** Name of the file in the project's folder. */
export const configFile = 'tenancy.config.json'

/** What stands in `tenancy.config.json`, in the folder the command is started in. Everything but `tenantModel` has a default. */
export interface TenancyConfig {
  /** The Prisma model of a tenant, such as `'Company'`. Every tenant reads it, none writes it. */
  tenantModel: string
  /** Type of the tenant column. Default `'uuid'`. */
  tenantId?: TenantColumnType | undefined
  /** Column that names the tenant. Default `'tenant_id'`. */
  column?: string | undefined
  /** The Prisma field of that column, in models that get it. Default `'tenantId'`. */
  field?: string | undefined
  /** The run-time parameter that carries the tenant. Default `'app.tenant_id'`. */
  setting?: string | undefined
  /** Policies ask the sealed function, so that SQL injection cannot change the tenant. Default `false`. */
  seal?: boolean | undefined
  /** Models that every tenant reads and none writes. Default none. */
  shared?: readonly string[] | undefined
  /** Models without the column that get it, or `'all'` that are reached through their parents. Default none. */
  addColumn?: readonly string[] | 'all' | undefined
  /** The tenant that a model's existing rows get where no parent tells; `'*'` for every model. Default none. */
  backfill?: Readonly<Record<string, string>> | undefined
  /** Database roles. */
  roles?: TenancyRoles | undefined
  /** Path of `schema.prisma`, or of a folder of `.prisma` files. Default `prisma/schema.prisma`, else `prisma/schema`. */
  schema?: string | undefined
  /** Folder of the migrations. Default `migrations` beside the schema. */
  migrations?: string | undefined
}

export interface TenancyRoles {
  /** Owns the tables. Default: the role that runs the SQL. */
  owner?: string | undefined
  /** Sees and writes all rows: migrations, seeds, dumps. Default `'app_migrator'`. */
  migrator?: string | undefined
  /** What the service logs in with. Default `'app_user'`. */
  app?: string | undefined
  /** Reads all rows and writes none. Default `'app_bypass'`. */
  bypass?: string | undefined
}

/** The configuration with its defaults filled in; `schema` and `migrations` stay as given, they depend on the disk. */
export interface ResolvedConfig {
  readonly tenantModel: string
  readonly tenantId: TenantColumnType
  readonly column: string
  readonly field: string
  readonly setting: string
  readonly seal: boolean
  readonly shared: readonly string[]
  readonly addColumn: readonly string[] | 'all'
  readonly backfill: Readonly<Record<string, string>>
  readonly roles: ResolvedRoles
  readonly schema?: string | undefined
  readonly migrations?: string | undefined
}

export interface ResolvedRoles {
  /** undefined: the role that runs the SQL. */
  readonly owner?: string | undefined
  readonly migrator: string
  readonly app: string
  readonly bypass: string
}

const keys = [
  'tenantModel',
  'tenantId',
  'column',
  'field',
  'setting',
  'seal',
  'shared',
  'addColumn',
  'backfill',
  'roles',
  'schema',
  'migrations',
]
const types: readonly unknown[] = ['uuid', 'int', 'bigint', 'text']

/**
 * The configuration of a project, from `tenancy.config.json` in its folder.
 *
 * @throws TenancyError `CONFIG.INVALID`: no such file, no JSON, or what {@link checkConfig} refuses
 */
export async function readConfig(folder: string): Promise<ResolvedConfig> {
  const path = join(folder, configFile)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new TenancyError('CONFIG.INVALID', `${configFile} cannot be read in ${showValue(folder)}.`, {
      hint: 'Run `tenancy init` in the folder of the project to make it.',
      cause,
    })
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new TenancyError('CONFIG.INVALID', `${configFile} is not JSON: ${(cause as Error).message}.`, {
      hint: `Correct it: it holds one object, such as { "tenantModel": "Company" }.`,
      cause,
    })
  }
  return checkConfig(value)
}

/**
 * Checks a configuration and fills in its defaults.
 *
 * @throws TenancyError `CONFIG.INVALID` for an unknown key or a value that is none; `SQL.INVALID_IDENTIFIER` for a name
 * that PostgreSQL cannot keep
 * @example checkConfig({ tenantModel: 'Company' })
 */
export function checkConfig(value: unknown): ResolvedConfig {
  const config = object('The configuration', value, keys)
  const { tenantModel, tenantId = 'uuid', seal = false, addColumn = [], roles = {} } = config
  if (!types.includes(tenantId)) {
    throw invalid(`"tenantId" is ${showValue(tenantId)}`, `Use one of: ${types.join(', ')}.`)
  }
  if (typeof seal !== 'boolean') throw invalid(`"seal" is ${showValue(seal)}`, 'Write true or false.')
  const type = tenantId as TenantColumnType
  const { owner, migrator, app, bypass } = object('"roles"', roles, ['owner', 'migrator', 'app', 'bypass'])
  return {
    tenantModel: word('tenantModel', tenantModel, 'Name the Prisma model of a tenant: "tenantModel": "Company".'),
    tenantId: type,
    column: identifier('column', config['column'], 'tenant_id'),
    field: fieldName(config['field']),
    setting: checkSettingName(config['setting'] ?? 'app.tenant_id'),
    seal,
    shared: words('shared', config['shared'] ?? []),
    addColumn: addColumn === 'all' ? 'all' : words('addColumn', addColumn),
    backfill: backfillOf(config['backfill'] ?? {}, type),
    roles: {
      owner: owner === undefined ? undefined : identifier('roles.owner', owner),
      migrator: identifier('roles.migrator', migrator, 'app_migrator'),
      app: identifier('roles.app', app, 'app_user'),
      bypass: identifier('roles.bypass', bypass, 'app_bypass'),
    },
    schema: path('schema', config['schema']),
    migrations: path('migrations', config['migrations']),
  }
}

function object(what: string, value: unknown, known?: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(`${what} is ${showValue(value)}`, 'Write an object: { "tenantModel": "Company" }.')
  }
  for (const key of Object.keys(value)) {
    if (known && !known.includes(key)) {
      throw invalid(`${what} has the unknown key ${showValue(key)}`, `Use one of: ${known.join(', ')}.`)
    }
  }
  return value as Record<string, unknown>
}

function word(key: string, value: unknown, hint: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw invalid(`"${key}" is ${showValue(value)}`, hint)
}

function words(key: string, value: unknown): readonly string[] {
  const hint = `Write a list of Prisma models: "${key}": ["Country"].`
  if (!Array.isArray(value)) throw invalid(`"${key}" is ${showValue(value)}`, hint)
  return value.map((each: unknown) => word(key, each, hint))
}

function identifier(key: string, value: unknown, fallback?: string): string {
  return checkIdentifier(word(key, value ?? fallback, `Write a name: "${key}": "${fallback ?? 'app_owner'}".`))
}

function fieldName(value: unknown = 'tenantId'): string {
  if (typeof value === 'string' && /^[a-z][a-z0-9_]*$/i.test(value)) return value
  throw invalid(`"field" is ${showValue(value)}`, 'Write the name of a Prisma field: letters, digits and _.')
}

function path(key: string, value: unknown): string | undefined {
  return value === undefined ? undefined : word(key, value, `Write a path: "${key}": "prisma/${key}".`)
}

function backfillOf(value: unknown, type: TenantColumnType): Record<string, string> {
  const entries = Object.entries(object('"backfill"', value)).map(([model, id]): [string, string] => {
    try {
      return [model, canonicalTenantId(id as string, type)]
    } catch (error) {
      if (!isTenancyError(error)) throw error
      const sentence = `"backfill" of ${showValue(model)} is ${showValue(id)}, which is not a tenant id of type ${type}`
      throw invalid(sentence, 'Write the id of the tenant that the existing rows belong to.')
    }
  })
  return Object.fromEntries(entries)
}

function invalid(sentence: string, hint: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', `${sentence}.`, { hint: `${hint} It stands in ${configFile}.` })
}
