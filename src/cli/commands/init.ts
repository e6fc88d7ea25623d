import { access, rename, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { isTenancyError, TenancyError, withoutHint } from '../../errors.js'
import { classify } from '../../schema/classify.js'
import { checkConfig, configFile, type ResolvedConfig, type TenancyConfig } from '../../schema/config.js'
import type { PrismaSchema } from '../../schema/model.js'
import { loadSchema } from '../../schema/read.js'
import { showValue } from '../../show-value.js'
import type { TenantColumnType } from '../../sql/policies.js'
import { begin, end } from '../ask.js'
import { configText, withoutDefaults } from '../config-text.js'
import { count, type ExitCode, Output } from '../output.js'
import { findSchema } from '../project.js'
import { tenantColumn, tenantField, tenantIdTypeOf, tenantModels } from '../proposals.js'
import { askConfig } from './init-questions.js'

export interface InitOptions {
  readonly tenantModel?: string | undefined
  readonly tenantId?: string | undefined
  readonly column?: string | undefined
  readonly field?: string | undefined
  readonly setting?: string | undefined
  readonly shared?: readonly string[] | undefined
  readonly addColumn?: readonly string[] | undefined
  readonly backfill?: string | undefined
  readonly appRole?: string | undefined
  readonly migratorRole?: string | undefined
  readonly bypassRole?: string | undefined
  readonly ownerRole?: string | undefined
  readonly schema?: string | undefined
  readonly migrations?: string | undefined
  readonly seal?: boolean | undefined
  readonly yes?: boolean | undefined
  readonly force?: boolean | undefined
  readonly json?: boolean | undefined
}

/** `tenancy init`: writes tenancy.config.json. In a terminal it asks for what no flag says. */
export async function init(options: InitOptions): Promise<ExitCode> {
  const output = new Output(options)
  const folder = process.cwd()
  const asks = !options.yes && !options.json && process.stdin.isTTY === true && process.stdout.isTTY === true
  await refuseToOverwrite(folder, options)
  if (!asks && !options.yes && options.tenantModel === undefined) {
    throw new TenancyError('CONFIG.INVALID', 'There is no terminal to ask in, and no flag names the tenant model.', {
      hint: 'tenancy init --tenant-model Company, or tenancy init --yes to take what is proposed.',
    })
  }
  const path = await findSchema(folder, options.schema)
  const schema = await loadSchema(path)
  if (asks) begin(`Tenants of ${relative(folder, path)}, ${count(schema.models.length, 'model')}`)

  const given = fromFlags(options)
  const config = asks ? await askConfig(schema, given) : proposedConfig(schema, given)
  const problems = problemsOf(schema, checkConfig(config))
  // Whoever answered questions keeps the answers; a script gets an error and nothing else.
  if (problems && !asks) throw problems
  await writeConfig(folder, config)

  output.result(() => ({ config: withoutDefaults(config) }))
  const next = `Wrote ${configFile}. Next: tenancy plan`
  if (asks) end(next)
  else output.line(next)
  if (!problems) return 0
  output.note(`${withoutHint(problems)}\n\n${problems.hint}`)
  return 1
}

/** What the flags say, in the configuration's own words. */
function fromFlags(options: InitOptions): Partial<TenancyConfig> {
  const { tenantModel, tenantId, column, field, setting, shared, addColumn, backfill, schema, migrations, seal } =
    options
  return {
    tenantModel,
    tenantId: tenantId as TenantColumnType | undefined,
    column,
    field,
    setting,
    seal,
    shared,
    addColumn: addColumn?.join() === 'all' ? 'all' : addColumn,
    backfill: backfill === undefined ? undefined : { '*': backfill },
    roles: {
      owner: options.ownerRole,
      migrator: options.migratorRole,
      app: options.appRole,
      bypass: options.bypassRole,
    },
    schema,
    migrations,
  } as Partial<TenancyConfig>
}

/** Nobody is asked: what a flag leaves open is as in the schema. */
function proposedConfig(schema: PrismaSchema, given: Partial<TenancyConfig>): TenancyConfig {
  const [first] = tenantModels(schema)
  const tenantModel = given.tenantModel ?? first?.model.name
  const model = schema.models.find(({ name }) => name === tenantModel)
  if (tenantModel === undefined || !model) throw noTenantModel(schema, tenantModel)
  const column = given.column ?? tenantColumn(schema, tenantModel)
  const { tenantId = tenantIdTypeOf(model), field = tenantField(schema, column) } = given
  return { ...given, tenantModel, tenantId, column, field }
}

function noTenantModel(schema: PrismaSchema, name: string | undefined): TenancyError {
  const sentence =
    name === undefined
      ? 'No model of the schema has an id that can name a tenant'
      : `The schema has no model ${showValue(name)}`
  const known = tenantModels(schema)
    .slice(0, 8)
    .map(({ model }) => model.name)
  return new TenancyError('CONFIG.INVALID', `${sentence}.`, {
    hint: `Name the model of a tenant, that is of one customer: --tenant-model ${known.length > 0 ? known.join(', or ') : 'Company'}`,
  })
}

function problemsOf(schema: PrismaSchema, config: ResolvedConfig): TenancyError | undefined {
  try {
    classify(schema, config)
    return undefined
  } catch (error) {
    if (isTenancyError(error)) return error
    throw error
  }
}

async function refuseToOverwrite(folder: string, { force }: InitOptions): Promise<void> {
  const there = await access(join(folder, configFile)).then(
    () => true,
    () => false,
  )
  if (!there || force) return
  throw new TenancyError('CONFIG.INVALID', `${configFile} is there already.`, {
    hint: 'Edit it, or write a new one over it: tenancy init --force',
  })
}

async function writeConfig(folder: string, config: TenancyConfig): Promise<void> {
  const path = join(folder, configFile)
  const beside = `${path}.new`
  try {
    await writeFile(beside, configText(config))
    await rename(beside, path)
  } catch (cause) {
    await rm(beside, { force: true })
    throw new TenancyError('CONFIG.INVALID', `${configFile} cannot be written (${(cause as Error).message}).`, {
      hint: 'Give this user the right to write there.',
      cause,
    })
  }
}
