// The only file that touches undocumented Prisma fields. What it relies on is checked when the extension is applied.

import type { Scope } from './context.js'
import { TenancyError } from './errors.js'
import type { SqlDriverAdapter, SqlDriverAdapterFactory } from './portable/driver-adapter.js'

/** On a request: the scope it was made in. */
export const madeIn = Symbol('scope')

/** On a request: why it is not sent. */
export const refusal = Symbol('refusal')

/** One request on its way to Prisma's engine. */
export interface Request {
  [madeIn]?: Scope | undefined
  [refusal]?: { readonly error: unknown }
  readonly transaction?: { readonly kind: 'itx' | 'batch'; readonly id: unknown }
  /** What was called, in the form in which Prisma's engine gets it. */
  readonly protocolQuery?: { readonly modelName?: string; readonly query?: { readonly arguments?: unknown } }
}

/** Collects the requests of one tick and merges those whose `batchBy` is equal. */
export interface Loader {
  batchBy(request: Request): string | undefined
  singleLoader(request: Request): Promise<unknown>
  batchLoader(requests: Request[]): Promise<unknown>
}

/** What Prisma knows of a call that failed. Only `error` is sure to be there. */
export interface FailedCall {
  readonly error: unknown
  readonly clientMethod?: unknown
  readonly callsite?: unknown
  readonly transaction?: Request['transaction'] | undefined
}

type TransactionBody = (tx: object) => Promise<unknown>
type CreatePromise = (callback: (transaction?: unknown) => unknown, operation?: unknown) => unknown

/** The parts of a client that its extended clients share, as this library sees them. */
export interface SharedClient {
  _createPrismaPromise: CreatePromise
  $transaction(this: unknown, input: TransactionBody | unknown[], options?: unknown): Promise<unknown>
  $extends(this: object, extension: unknown): object
  $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number>
  _engine: Engine
  readonly _engineConfig: {
    readonly adapter?: SqlDriverAdapterFactory & { readonly externalPool?: unknown }
    readonly inlineSchema?: unknown
  }
  readonly _requestHandler: {
    handleRequestError(parameters: FailedCall): never
    readonly dataloader: { readonly options: Loader }
  }
}

interface Engine {
  start(): Promise<void>
  stop(): Promise<void>
}

/**
 * The shared parts of a client. Every client extended from the same `PrismaClient`, before or after, has them in
 * common, and so has that client itself.
 *
 * @throws TenancyError `CONFIG.UNSUPPORTED_VERSION` where they look different from what was tested
 */
export function sharedParts(client: object): SharedClient {
  const shared = (client as { _originalClient?: SharedClient })._originalClient
  const options = shared?._requestHandler?.dataloader?.options
  const missing = [
    ['_createPrismaPromise', shared?._createPrismaPromise],
    ['$transaction', shared?.$transaction],
    ['$extends', shared?.$extends],
    ['_engine.start', shared?._engine?.start],
    ['_engine.stop', shared?._engine?.stop],
    ['_requestHandler.handleRequestError', shared?._requestHandler?.handleRequestError],
    ['dataloader.options.batchBy', options?.batchBy],
    ['dataloader.options.singleLoader', options?.singleLoader],
    ['dataloader.options.batchLoader', options?.batchLoader],
  ].find(([, value]) => typeof value !== 'function')
  if (shared && !missing && typeof shared._engineConfig === 'object') return shared
  throw new TenancyError(
    'CONFIG.UNSUPPORTED_VERSION',
    `This version of Prisma Client is not supported: it has no ${missing?.[0] ?? '_engineConfig'}.`,
    {
      hint: 'Install a supported version: npm install prisma@7 @prisma/client@7 @prisma/adapter-pg@7.',
    },
  )
}

/** Prisma's methods of clients and of models that ask the database, or lead to what does. */
const prismaMethods: ReadonlySet<string> = new Set([
  ...['$connect', '$disconnect', '$on', '$transaction', '$runCommandRaw'],
  ...['$queryRaw', '$queryRawUnsafe', '$queryRawTyped', '$queryRawInternal'],
  ...['$executeRaw', '$executeRawUnsafe', '$executeRawInternal'],
  ...['findUnique', 'findUniqueOrThrow', 'findFirst', 'findFirstOrThrow', 'findMany', 'findRaw'],
  ...['create', 'createMany', 'createManyAndReturn', 'update', 'updateMany', 'updateManyAndReturn', 'upsert'],
  ...['delete', 'deleteMany', 'count', 'aggregate', 'groupBy', 'aggregateRaw'],
])

export function isPrismaMethod(name: string): boolean {
  return prismaMethods.has(name)
}

/** Whether this is what the client has under a model's name, and not what an extension put there. */
export function isModelOf(client: object, name: string, value: unknown): boolean {
  const { models = {} } = (client as { _runtimeDataModel?: { models?: object } })._runtimeDataModel ?? {}
  if (!Object.hasOwn(models, name) && !Object.hasOwn(models, name.charAt(0).toUpperCase() + name.slice(1))) return false
  return typeof (value as { $name?: unknown }).$name === 'string'
}

export function isClient(value: object): boolean {
  return typeof (value as { _originalClient?: unknown })._originalClient === 'object'
}

/** What a client shares with all clients extended from it; undefined where the value is no client. */
export function sharedIdentity(value: unknown): object | undefined {
  return (value as { _originalClient?: object } | null | undefined)?._originalClient
}

/** Prisma's lazy promise. */
export function isQuery(value: unknown): value is object {
  return (value as { [Symbol.toStringTag]?: unknown } | undefined | null)?.[Symbol.toStringTag] === 'PrismaPromise'
}

/** The call as its author wrote it: `project.findMany()`, `tx.task.update()`, `$queryRaw`. */
export function callOf({ clientMethod, transaction }: FailedCall): string | undefined {
  if (typeof clientMethod !== 'string') return undefined
  const call = callText(clientMethod)
  if (transaction?.kind === 'batch') return `${call} in $transaction([…])`
  return transaction?.kind === 'itx' ? `tx.${call}` : call
}

/** A client method as it is written: raw queries are tags. */
export function callText(method: string): string {
  return method.endsWith('Raw') ? method : `${method}()`
}

/**
 * Where the call was made, as lines of a stack. Prisma takes one with each call of a model, unless `errorFormat` is
 * `minimal`, to show the code around it. Raw queries are made when they are awaited: who awaits them is on the stack of now.
 *
 * @param above what called this, to be left out
 */
export function callerFrames({ callsite, clientMethod }: FailedCall, above: (...args: never[]) => unknown): string {
  const taken = (callsite as { _error?: { stack?: unknown } } | undefined)?._error?.stack
  const isRaw = typeof clientMethod === 'string' && clientMethod.startsWith('$')
  return framesOutsidePrisma(isRaw || typeof taken !== 'string' ? stackAbove(above) : taken)
}

/** The stack of now, from the caller of `above` on. */
export function stackAbove(above: (...args: never[]) => unknown): string {
  const here: { stack?: unknown } = {}
  Error.captureStackTrace(here, above)
  return String(here.stack)
}

export function framesOutsidePrisma(stack: string): string {
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line))
  const first = frames.findIndex((line) => !/[\\/]@prisma[\\/]client[\\/]|\(?node:internal/.test(line))
  return frames.slice(Math.max(first, 0)).join('\n')
}

/** The client's driver adapter, or undefined where it has none (Accelerate). */
export function adapterOf(
  shared: SharedClient,
): (SqlDriverAdapterFactory & { readonly externalPool?: unknown }) | undefined {
  return shared._engineConfig.adapter
}

/** What hears of a client's life. */
export interface ClientLife {
  /** Before each connection of the client: the first, and one after `$disconnect`. What it throws, the query gets. */
  connects(): void
  /** At each `$disconnect`, also of a client that never connected. */
  disconnects(): void
}

/**
 * Gives the client another driver adapter, by an engine of its own: the one it had may be connected already. That one
 * is stopped before the new one starts, so that nothing goes past the new adapter.
 */
export function replaceAdapter(shared: SharedClient, adapter: SqlDriverAdapterFactory, life: ClientLife): void {
  const former = shared._engine
  let stopped: Promise<void> | undefined
  renewEngine(shared, {
    provider: adapter.provider,
    adapterName: adapter.adapterName,
    connect: async () => {
      life.connects()
      stopped ??= former.stop()
      await stopped
      return adapter.connect()
    },
  })
  const engine = shared._engine
  const { stop } = engine
  // Called again from within, where a connection was under way.
  engine.stop = () => {
    life.disconnects()
    return stop.call(engine)
  }
}

/**
 * Gives this client's PrismaPg another pool than other clients of the same PrismaPg have. The engine before is not
 * stopped: with `disposeExternalPool` it would end the pool.
 */
export function replacePool(shared: SharedClient, pool: object): void {
  // PrismaPg forgets a pool that it ended, and would open one of its own, bound to nobody.
  const always = { get: () => pool, set: () => {} }
  renewEngine(shared, Object.create(shared._engineConfig.adapter as object, { externalPool: always }))
}

function renewEngine(shared: SharedClient, adapter: SqlDriverAdapterFactory): void {
  const NewEngine = shared._engine.constructor as new (config: object) => Engine
  shared._engine = new NewEngine({ ...shared._engineConfig, adapter })
}

/** A `pg.Pool`, as far as it is needed. */
interface ConnectionPool {
  on(event: 'acquire', listener: (client: { on(event: 'error', listener: () => void): void }) => void): void
}
const heard = new WeakSet<object>()

/**
 * Listens to the errors of the connections that `@prisma/adapter-pg` borrows for transactions. pg's pool stops listening
 * when it lends one and the adapter begins a little later: a connection that fails between the two ends the process.
 * What runs on it fails all the same.
 *
 * @throws TenancyError `CONFIG.UNSUPPORTED_VERSION` where the adapter has no pool
 */
export function hearLentConnections(adapter: SqlDriverAdapter): void {
  if (adapter.adapterName !== '@prisma/adapter-pg') return
  const pool = (adapter as { underlyingDriver?(): unknown }).underlyingDriver?.() as ConnectionPool | undefined
  if (typeof pool?.on !== 'function')
    throw new TenancyError('CONFIG.UNSUPPORTED_VERSION', 'This version of @prisma/adapter-pg has no pool.', {
      hint: 'Install a supported version: npm install @prisma/adapter-pg@7.',
    })
  if (heard.has(pool)) return
  heard.add(pool)
  pool.on('acquire', (client) => {
    if (heard.has(client)) return
    heard.add(client)
    client.on('error', () => {})
  })
}

/**
 * Is this query written by `@prisma/adapter-pg`? It asks for rows as arrays and brings type parsers that give a
 * timestamp in the form that only Prisma's engine wants.
 */
export function isPrismaQuery(config: unknown): boolean {
  const { rowMode, types } = (config ?? {}) as { rowMode?: unknown; types?: { getTypeParser?: unknown } }
  if (rowMode !== 'array' || typeof types?.getTypeParser !== 'function') return false
  const TIMESTAMP = 1114
  const parse: unknown = types.getTypeParser(TIMESTAMP, 'text')
  return typeof parse === 'function' && parse('2020-01-02 03:04:05') === '2020-01-02T03:04:05+00:00'
}

/** A model of a client as its generated code describes it to the runtime: names, and little more. */
export interface RuntimeModel {
  readonly name: string
  /** `prisma[delegate]`. */
  readonly delegate: string
  /** Undefined where the schema has no `@@schema`. */
  readonly schema: string | undefined
  readonly table: string
  readonly fields: readonly RuntimeField[]
}

export interface RuntimeField {
  readonly name: string
  readonly kind: 'scalar' | 'enum' | 'object' | 'unsupported'
  /** A scalar type of Prisma's, an enum or a model. */
  readonly type: string
  readonly column: string
}

/**
 * The models of a client, extended or not.
 *
 * @throws TenancyError `CONFIG.UNSUPPORTED_VERSION` where they look different from what was tested
 */
export function modelsOf(client: object): RuntimeModel[] {
  const models = (client as { _runtimeDataModel?: { models?: unknown } })._runtimeDataModel?.models
  if (typeof models !== 'object' || models === null) throw unsupportedModels('_runtimeDataModel.models')
  return Object.entries(models).map(([name, model]: [string, unknown]) => {
    const { fields, dbName, schema } = (model ?? {}) as { fields?: unknown; dbName?: unknown; schema?: unknown }
    if (!Array.isArray(fields)) throw unsupportedModels(`${name}.fields`)
    return {
      name,
      delegate: `${name.charAt(0).toLowerCase()}${name.slice(1)}`,
      schema: typeof schema === 'string' ? schema : undefined,
      table: typeof dbName === 'string' ? dbName : name,
      fields: fields.map((field: Record<string, unknown>) => {
        const { name: fieldName, kind, type, dbName: column } = field
        if (typeof fieldName !== 'string' || typeof kind !== 'string' || typeof type !== 'string')
          throw unsupportedModels(`the fields of ${name}`)
        return {
          name: fieldName,
          kind: kind as RuntimeField['kind'],
          type,
          column: typeof column === 'string' ? column : fieldName,
        }
      }),
    }
  })
}

/** A relation of a model that holds its foreign key: for each of these fields, the field that it refers to. */
export type ForeignKey = ReadonlyMap<string, string>

/**
 * The foreign keys of a model by the relation's name, out of the schema's text: the runtime model has the relations
 * without them. None where the client does not carry the text.
 */
export function foreignKeysOf({ _engineConfig }: SharedClient, model: string): ReadonlyMap<string, ForeignKey> {
  const schema = typeof _engineConfig.inlineSchema === 'string' ? _engineConfig.inlineSchema : ''
  const block = new RegExp(`^[ \\t]*model[ \\t]+${model}[ \\t]*\\{(.*?)^[ \\t]*\\}`, 'ms').exec(schema)?.[1] ?? ''
  const relations = block.replace(/\/\/.*$/gm, '').matchAll(/^[ \t]*(\w+)[ \t]+\w+\??[ \t][^\n]*?@relation\((.*)\)/gm)
  return new Map(
    [...relations].map(([, relation, options]) => {
      const [fields, references] = ['fields', 'references'].map(
        (name) => new RegExp(`${name}:\\s*\\[(.*?)\\]`, 's').exec(options as string)?.[1]?.split(',') ?? [],
      ) as [string[], string[]]
      return [relation as string, new Map(fields.map((field, i) => [field.trim(), references[i]?.trim() ?? '']))]
    }),
  )
}

function unsupportedModels(what: string): TenancyError {
  return new TenancyError(
    'CONFIG.UNSUPPORTED_VERSION',
    `This is not a client of a supported Prisma: it has no ${what}.`,
    {
      hint: 'Give the PrismaClient itself, of prisma@7: assertTenantIsolation(prisma, { … }).',
    },
  )
}
