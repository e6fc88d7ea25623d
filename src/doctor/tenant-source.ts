import type { Oid, Referenced } from './catalog.js'
import { type Expression, partsOf, textOf } from './expression.js'
import type { FunctionName } from './options.js'

/** How an expression asks for the tenant in scope. */
export interface TenantSource {
  readonly by: 'setting' | 'seal' | 'function'
  /** `current_setting(…, true)`: NULL rather than an error where it was never set. */
  readonly missingOk: boolean
  /** Does it answer somebody's id where no tenant is set? `coalesce(current_setting(…), 'public')` */
  readonly fallback: boolean
  /** Does it answer `''` where the setting is that, as after a transaction that set it? */
  readonly passesEmpty: boolean
  /** Does it fail there, because `''` is no uuid and no number? */
  readonly failsOnEmpty: boolean
}

/** The tenant column compared with the tenant in scope. */
export interface Comparison {
  readonly source: TenantSource
  /** Stands the column in a cast: one that PostgreSQL put there, or one that somebody wrote? */
  readonly wrapped: 'by hand' | 'by PostgreSQL' | undefined
  /** Do statistics and index stay out of reach, because the tenant comes from a subquery? */
  readonly inSubquery: boolean
}

/** What is needed to know a tenant source. */
export interface SourceWords {
  readonly setting: string
  readonly tenantFunctions: readonly FunctionName[]
  readonly referenced: Referenced
}

/** What PostgreSQL itself brings has a lower number. */
const FIRST_OF_USERS = 16384

export function isSystemFunction(oid: Oid, { functions }: Referenced): boolean {
  return oid < FIRST_OF_USERS && functions.get(oid)?.schema === 'pg_catalog'
}

/** The function as a way to ask for the tenant, or undefined. */
export function tenantFunction(
  oid: Oid,
  { referenced, tenantFunctions }: SourceWords,
): 'seal' | 'function' | undefined {
  const found = referenced.functions.get(oid)
  if (!found || oid < FIRST_OF_USERS) return undefined
  if (found.schema === 'tenancy' && found.name === 'tenant_id') return 'seal'
  const named = tenantFunctions.some((given) =>
    typeof given === 'string' ? given === found.name : given.schema === found.schema && given.name === found.name,
  )
  return named ? 'function' : undefined
}

/** Is it what carries the tenant? Where some policies are sealed, those that are not may still read the plain setting. */
export function isTenantSetting(name: string, words: SourceWords): boolean {
  const plain = name.toLowerCase()
  if (plain === words.setting) return true
  const sealed = [...words.referenced.functions.keys()].some((oid) => tenantFunction(oid, words) === 'seal')
  return sealed && plain === 'app.tenant_id'
}

/** Functions whose answer depends on who is logged in. */
export const asksForRole = /^(pg_has_role|has_.*_privilege|row_security_active)$/

/** The tenant in scope, if that is what the expression answers: no column of any table decides about it. */
export function sourceOf(expression: Expression, words: SourceWords): TenantSource | undefined {
  switch (expression.kind) {
    case 'call':
      return ofCall(expression.function, expression.arguments, words)
    case 'operator': {
      const ours = words.referenced.operators.get(expression.operator)?.schema === 'pg_catalog'
      return ours ? ofArguments(expression.arguments, words) : undefined
    }
    case 'cast': {
      const source = sourceOf(expression.argument, words)
      if (!source?.passesEmpty || texts.has(expression.type)) return source
      return { ...source, passesEmpty: false, failsOnEmpty: true }
    }
    case 'nullif': {
      const source = ofArguments(expression.arguments, words)
      const [, empty] = expression.arguments
      return source && { ...source, passesEmpty: source.passesEmpty && !(empty && textOf(empty) === '') }
    }
    case 'coalesce': {
      const found = expression.arguments.map((argument) => sourceOf(argument, words))
      const source = found.find((each) => each !== undefined)
      const others = expression.arguments.filter((argument, n) => found[n] === undefined && !isNull(argument))
      return source && { ...source, fallback: source.fallback || others.length > 0 }
    }
    case 'case': {
      const results = [...expression.branches.map(({ result }) => result), expression.otherwise]
      const found = results.map((result) => sourceOf(result, words))
      const source = found.find((each) => each !== undefined)
      const others = results.filter((result, n) => found[n] === undefined && !isNull(result))
      return source && { ...source, fallback: source.fallback || others.length > 0 }
    }
    case 'subquery': {
      const { form, query } = expression
      const [outcome] = query.outcome
      const bare = form === 'value' && query.from.length === 0 && query.where.length === 0 && query.plain
      return bare && outcome ? sourceOf(outcome, words) : undefined
    }
    default:
      return undefined
  }
}

function ofCall(oid: Oid, given: readonly Expression[], words: SourceWords): TenantSource | undefined {
  const by = tenantFunction(oid, words)
  if (by)
    return given.length === 0
      ? { by, missingOk: true, fallback: false, passesEmpty: false, failsOnEmpty: false }
      : undefined
  if (!isSystemFunction(oid, words.referenced)) return undefined
  if (words.referenced.functions.get(oid)?.name !== 'current_setting') return ofArguments(given, words)
  const [name] = given
  const isOurs = name && isTenantSetting(textOf(name) ?? '', words)
  if (!isOurs) return undefined
  return { by: 'setting', missingOk: given.length > 1, fallback: false, passesEmpty: true, failsOnEmpty: false }
}

/** The whole expressions that answer the tenant in scope, in it or in its subqueries. */
export function sourcesIn(expression: Expression, words: SourceWords): TenantSource[] {
  const source = sourceOf(expression, words)
  if (source) return [source]
  const inside = expression.kind === 'subquery' ? [...expression.query.where, ...expression.query.outcome] : []
  return [...partsOf(expression), ...inside].flatMap((part) => sourcesIn(part, words))
}

// text, varchar, char and name.
const texts: ReadonlySet<Oid> = new Set([25, 1043, 1042, 19])

/** Of `trim(source)` or `source::json ->> 'tenant'`: one of them is the tenant, and the rest is fixed. */
function ofArguments(given: readonly Expression[], words: SourceWords): TenantSource | undefined {
  const found = given.map((argument) => sourceOf(argument, words))
  const fixed = given.every((argument, n) => found[n] !== undefined || isFixed(argument))
  return fixed ? found.find((each) => each !== undefined) : undefined
}

function isFixed(expression: Expression): boolean {
  return expression.kind === 'constant' || (expression.kind === 'cast' && isFixed(expression.argument))
}

function isNull(expression: Expression): boolean {
  if (expression.kind === 'cast') return isNull(expression.argument)
  return expression.kind === 'constant' && expression.value === null
}
