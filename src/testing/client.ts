import type { TenantId } from '../tenant.js'

/** What the kit calls of a Prisma client; any Prisma 7 client has it, extended or not. */
export interface TestedClient {
  $queryRawUnsafe<T = unknown>(sql: string, ...values: unknown[]): PromiseLike<T>
  $executeRawUnsafe(sql: string, ...values: unknown[]): PromiseLike<number>
  $transaction(input: unknown): PromiseLike<unknown>
}

/**
 * Runs `fn` as a tenant. `withTenant` is one. A client that is made for each tenant is handed to `fn`; where `fn` gets
 * nothing, it uses the client that is tested.
 */
export type RunAs = (tenant: TenantId, fn: (client?: object) => Promise<unknown>) => PromiseLike<unknown>

export type Delegate = Record<string, ((args?: object) => PromiseLike<unknown>) | undefined>

/** One call of the client's, which can be made and can be shown; `chained` is a relation called on a findUnique. */
export type Call =
  | { readonly model: string; readonly method: string; readonly args?: object; readonly chained?: string }
  | { readonly query: string; readonly values?: readonly unknown[] }
  | { readonly execute: string; readonly values?: readonly unknown[] }

/** Makes the call. A model is named by its delegate. */
export function perform(client: TestedClient, call: Call): PromiseLike<unknown> {
  if ('query' in call) return client.$queryRawUnsafe(call.query, ...(call.values ?? []))
  if ('execute' in call) return client.$executeRawUnsafe(call.execute, ...(call.values ?? []))
  const method = (client as unknown as Record<string, Delegate>)[call.model]?.[call.method]
  if (!method) throw new TypeError(`The client has no ${call.model}.${call.method}.`)
  const answer = method.call((client as unknown as Record<string, Delegate>)[call.model], call.args)
  if (call.chained === undefined) return answer
  const relation = (answer as unknown as Delegate)[call.chained]
  if (!relation) throw new TypeError(`The query has no ${call.chained}().`)
  return relation.call(answer)
}

/** The call as TypeScript. */
export function show(call: Call): string {
  if ('model' in call) {
    const chained = call.chained === undefined ? '' : `.${call.chained}()`
    return `prisma.${call.model}.${call.method}(${call.args ? code(call.args) : ''})${chained}`
  }
  const [method, sql] = 'query' in call ? ['$queryRawUnsafe', call.query] : ['$executeRawUnsafe', call.execute]
  return `prisma.${method}(${[sql, ...(call.values ?? [])].map(code).join(', ')})`
}

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u

/** A value as TypeScript that makes it again. */
export function code(value: unknown): string {
  if (typeof value === 'string')
    return `'${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof Date) return `new Date('${value.toISOString()}')`
  if (value instanceof Uint8Array) return `Buffer.from('${Buffer.from(value).toString('hex')}', 'hex')`
  if (Array.isArray(value)) return `[${value.map(code).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  if (!isPlain(value)) return code(String(value))
  const entries = Object.entries(value).filter(([, each]) => each !== undefined)
  if (entries.length === 0) return '{}'
  return `{ ${entries.map(([name, each]) => `${identifier.test(name) ? name : code(name)}: ${code(each)}`).join(', ')} }`
}

/** Prisma's decimals are objects of a class; rows and arguments are plain. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** A call, or what cannot be one call, with the TypeScript for it. */
export type Step = Call | { readonly run: (client: TestedClient) => PromiseLike<unknown>; readonly text: string }

/** The step as TypeScript. */
export function textOfStep(step: Step): string {
  return 'run' in step ? step.text : show(step)
}
