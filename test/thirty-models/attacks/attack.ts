// An attack tries one thing on one table and says what came of it: an empty list where tenants are apart.
import type { Delegate } from '../client.js'
import type { Model } from '../models.js'
import type { Row, Tenant } from '../seed.js'
import { B } from '../seed.js'
import type { World } from '../world.js'

export interface Attack<Target> {
  /** What holds where it fails. */
  readonly claim: string
  /** Throws where B's rows are not there for B, so that nothing is proved by an empty table. */
  run(world: World, target: Target): Promise<string[]>
}

/** What a call came to: its answer, or the error's code. */
export type Outcome = { readonly answer: unknown } | { readonly error: string; readonly message: string }

export async function outcomeOf(call: () => PromiseLike<unknown>): Promise<Outcome> {
  try {
    return { answer: await call() }
  } catch (error) {
    const { code, name, message, meta } = error as { code?: string; name: string; message: string; meta?: object }
    return { error: code ?? name, message: `${message} ${asText(meta ?? '')}` }
  }
}

/** Sorted, so that two answers of the same rows are the same text. */
export function asText(value: unknown): string {
  return JSON.stringify(sorted(value))
}

function sorted(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (value instanceof Date || value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map((item) => JSON.stringify(sorted(item))).sort()
  if ('toJSON' in value) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, sorted(inner)]))
}

/** The calls of one model. */
export function delegateOf(client: World['prisma'], model: Model): Record<string, (args?: object) => Promise<unknown>> {
  const delegate: Delegate | undefined = client[model.delegate]
  if (!delegate) throw new Error(`The client has no ${model.delegate}.`)
  return delegate as Record<string, (args?: object) => Promise<unknown>>
}

/** A call of a method that is known to be there. */
export function call(client: World['prisma'], model: Model, method: string, args: object = {}): Promise<unknown> {
  const found = delegateOf(client, model)[method]
  if (!found) throw new Error(`${model.delegate} has no ${method}.`)
  return found(args)
}

/** The rows to aim at; throws where there are none. */
export async function rowsToAimAt(world: World, model: Model, tenant: Tenant = B): Promise<[Row, ...Row[]]> {
  const [first, ...more] = await world.rows(model, tenant)
  if (!first) throw new Error(`${model.name} has no rows of ${tenant.tag}'s: nothing would be proved.`)
  return [first, ...more]
}

/** Whether an answer, error messages included, shows something that only B knows. */
export function showsB(outcome: Outcome, asked: unknown = ''): boolean {
  const text = JSON.stringify(outcome, (_, value) => (typeof value === 'bigint' ? `${value}` : value))
  // What the attacker typed himself is no news to him.
  return text.includes(B.tag) && !asText(asked).includes(B.tag)
}
