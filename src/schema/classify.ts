import { TenancyError } from '../errors.js'
import type { ResolvedConfig } from './config.js'
import { tenantFieldOf } from './keys.js'
import type { Classified } from './kind.js'
import { isOptional, type PrismaSchema } from './model.js'
import { type Problem, problemsOf } from './problems.js'

export interface Classification {
  /** By the name of the model, in the schema's order. */
  readonly models: ReadonlyMap<string, Classified>
}

/**
 * Says of every model whether it is a tenant table, reached through its parents, or shared. Nobody is forgotten: what is
 * none of them, and whatever else the migration could not make safe, is an error that lists all of it.
 *
 * @throws TenancyError `CONFIG.INVALID`; `meta.problems` has the {@link Problem}s
 */
export function classify(schema: PrismaSchema, config: ResolvedConfig): Classification {
  const models = kindsOf(schema, config)
  const problems = problemsOf(schema, config, models)
  if (problems.length > 0) throw refusal(problems)
  return { models }
}

/** What each model is; what is none of the three is not in it. */
export function kindsOf(schema: PrismaSchema, config: ResolvedConfig): Map<string, Classified> {
  const shared = new Set([config.tenantModel, ...config.shared])
  const added = new Set(config.addColumn === 'all' ? [] : config.addColumn)
  const found = new Map<string, Classified>()
  for (const model of schema.models) {
    const field = tenantFieldOf(model, config.column)
    if (shared.has(model.name)) found.set(model.name, { kind: 'shared', model })
    else if (field !== undefined || added.has(model.name)) found.set(model.name, { kind: 'tenant', model, field })
  }
  const all = config.addColumn === 'all'
  const isProtected = (name: string) => (found.get(name)?.kind ?? 'shared') !== 'shared'
  // Until nothing more is reached: a parent may come after its child.
  for (let before = -1; before < found.size; ) {
    before = found.size
    for (const model of schema.models) {
      if (found.has(model.name)) continue
      const paths = model.relations.filter(({ parent }) => parent !== model.name && isProtected(parent))
      if (all && paths.length > 0) found.set(model.name, { kind: 'tenant', model, field: undefined })
      else if (paths.some((path) => !isOptional(model, path))) found.set(model.name, { kind: 'reached', model })
    }
  }
  return new Map(schema.models.flatMap(({ name }) => found.get(name) ?? []).map((each) => [each.model.name, each]))
}

function refusal(problems: readonly Problem[]): TenancyError {
  const list = problems.map(({ at, problem }) => `\n- ${at} ${problem}.`).join('')
  const hints = new Map<string, string[]>()
  for (const { at, hint } of problems) hints.set(hint, [...(hints.get(hint) ?? []), at])
  const advice = [...hints].map(([hint, places]) => `${[...new Set(places)].join(', ')}: ${hint}`)
  return new TenancyError('CONFIG.INVALID', `The schema cannot be divided among tenants yet:${list}`, {
    hint: advice.join('\n'),
    meta: { problems },
  })
}
