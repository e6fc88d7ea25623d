// Proves that a client is either tenant-scoped or refused: every way to put pool, adapter and extension together wrongly
// ends in an error with a hint, when it is done or at the latest before the first statement is sent.
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { PrismaClient } from '../generated/test/client.js'
import { withoutTenant, withTenant } from '../src/context.js'
import { isTenancyError } from '../src/errors.js'
import { tenancy } from '../src/extension.js'
import { TenantPool } from '../src/pool/tenant-pool.js'
import { createTestDatabase, type TenantDatabase } from './support/database.js'
import { type FlightProxy, startFlightProxy } from './support/flight-proxy.js'
import { startPostgres } from './support/postgres.js'

const ID = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'

let db: TenantDatabase
let proxy: FlightProxy
let url: string
const opened: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  db = await createTestDatabase()
  const { host, port } = await startPostgres()
  proxy = await startFlightProxy({ host, port })
  url = proxy.url(db.appUrl)
})
afterEach(async () => {
  for (const close of opened.splice(0)) await close()
  proxy.reset()
})
afterAll(async () => {
  await proxy.stop()
  await db.drop()
})

function tenantPool(): TenantPool {
  const pool = new TenantPool({ connectionString: url, max: 2 })
  opened.push(() => pool.end())
  return pool
}

function plainPool(): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  opened.push(() => pool.end())
  return pool
}

type AdapterFactory = NonNullable<ConstructorParameters<typeof PrismaClient>[0]['adapter']>

function client(adapter: AdapterFactory) {
  const prisma = new PrismaClient({ adapter })
  opened.push(() => prisma.$disconnect())
  return prisma
}

/** What a call is refused with; throws where it is not refused. */
async function refusal(call: () => unknown): Promise<{ code: string; message: string; hint: string }> {
  const outcome = await (async () => ({ result: await call() }))().catch((error: unknown) => ({ error }))
  if (!('error' in outcome)) throw new Error('It was not refused.')
  if (!isTenancyError(outcome.error)) throw outcome.error
  const { code, message, hint } = outcome.error
  return { code, message, hint }
}

const cannotBeApplied = (what: string, hint: string) => ({
  code: 'CONFIG.INVALID',
  message: expect.stringContaining(`The tenancy extension cannot be applied: ${what}.`),
  hint,
})

describe('the options of tenancy()', () => {
  test.each([
    ['an unknown option', { settting: 'app.tenant_id' }, 'it has no option "settting"'],
    ['an option of the pool', { directConnections: true }, 'it has no option "directConnections"'],
    ['a text', 'pool', 'its options are not an object'],
    ['null', null, 'its options are not an object'],
    ['an array', [], 'its options are not an object'],
    ['a pool of pg as pool', { pool: new pg.Pool() }, 'pool is not a TenantPool'],
    ['a connection string as pool', { pool: 'postgresql://localhost' }, 'pool is not a TenantPool'],
    ['null as pool', { pool: null }, 'pool is not a TenantPool'],
    [
      'a text where true or false is meant',
      { dangerouslyAllowRoleThatBypassesRls: 'false' },
      'dangerouslyAllowRoleThatBypassesRls is neither true nor false',
    ],
  ])('%s is refused when it is given', async (_, options, what) => {
    expect(await refusal(() => tenancy(options as never))).toMatchObject(
      cannotBeApplied(what, expect.any(String) as never),
    )
  })

  test('a pool in the place of the options is refused', async () => {
    expect(await refusal(() => tenancy(tenantPool() as never))).toMatchObject({ code: 'CONFIG.INVALID' })
  })

  test.each([
    { setting: 'app.tenant' },
    { settings: [] },
    { tenantId: 'int' },
    { dangerouslyAllowRoleThatBypassesRls: false },
  ])('the pool and %j in one place are refused', async (option) => {
    expect(await refusal(() => tenancy({ pool: tenantPool(), ...option } as never))).toEqual(
      cannotBeApplied(
        'in pool mode the options belong to the pool',
        'Give them to new TenantPool({ … }), and only pool to tenancy().',
      ),
    )
  })
})

describe.each([
  ['tenancy()', (options: unknown) => tenancy(options as never)],
  ['TenantPool', (options: unknown) => new TenantPool(options as never)],
])('the binding options of %s', (_, configure) => {
  test.each([
    ['a setting without a dot', { setting: 'tenant_id' }],
    ['a setting of PostgreSQL', { setting: 'search_path' }],
    ['an empty setting', { setting: '' }],
    ['a quoted setting', { setting: '"app"."tenant_id"' }],
    ['SQL as setting', { setting: "app.tenant_id', 'x', false) --" }],
    ['a setting with NUL', { setting: 'app.tenant_id\0' }],
    ['a part of 64 bytes', { setting: `app.${'a'.repeat(64)}` }],
    ['a letter that only folds to ASCII', { setting: 'app.to\u212aen' }],
    ['null as setting', { setting: null }],
    ['a number as setting', { setting: 1 }],
    ['an array as setting', { setting: ['app.tenant_id'] }],
    ["the tenant's own name among settings", { settings: ['app.tenant_id'] }],
    ["the tenant's own name in capitals among settings", { settings: ['APP.TENANT_ID'] }],
    ['a name twice', { settings: ['app.user_id', 'App.User_Id'] }],
    ['a name without a dot among settings', { settings: ['user_id'] }],
    ['null among settings', { settings: [null] }],
    ['a text as settings', { settings: 'app.user_id' }],
    ['an object as settings', { settings: { 'app.user_id': '' } }],
    ['a Set as settings', { settings: new Set(['app.user_id']) }],
    ['an unknown type of id', { tenantId: 'UUID' }],
    ['a type that is inherited', { tenantId: 'constructor' }],
    ['null as type of id', { tenantId: null }],
    ['an empty object as type of id', { tenantId: {} }],
    ['parse that is no function', { tenantId: { parse: 'uuid' } }],
    ['a function as type of id', { tenantId: () => '1' }],
  ])('%s is refused when it is given', async (_, options) => {
    const { code, hint } = await refusal(() => configure(options))
    expect({ code, hint }).toEqual({ code: 'CONFIG.INVALID', hint: expect.stringMatching(/\w/) })
  })
})

describe('the options of TenantPool', () => {
  test.each([
    ['onConnect', { onConnect: 'SET TIME ZONE UTC' }, 'onConnect is not a function'],
    ['directConnections', { directConnections: 'false' }, 'directConnections is neither true nor false'],
    [
      'dangerouslyAllowRoleThatBypassesRls',
      { dangerouslyAllowRoleThatBypassesRls: 0 },
      'dangerouslyAllowRoleThatBypassesRls is neither true nor false',
    ],
    ['verify', { verify: () => {} }, 'verify would hand out an unbound connection'],
    ['pipeline', { pipeline: true }, 'pipeline is not supported'],
    ['a text', 'postgresql://localhost/app', 'its configuration is not an object'],
    ['null', null, 'its configuration is not an object'],
  ])('%s: what cannot be meant is refused when it is given', async (_, options, what) => {
    expect(await refusal(() => new TenantPool(options as never))).toMatchObject({
      code: 'CONFIG.INVALID',
      message: expect.stringContaining(`TenantPool cannot be made: ${what}.`),
    })
  })
})

describe('tenancy({ pool }) on a client that does not run on that pool is refused', () => {
  const anotherPool = cannotBeApplied(
    'the client does not run on this pool',
    'new PrismaClient({ adapter: new PrismaPg(pool) }), with one copy of pg installed (npm ls pg).',
  )
  test.each([
    ['another TenantPool', () => new PrismaPg(tenantPool())],
    ['a plain pool', () => new PrismaPg(plainPool())],
    ['a connection config', () => new PrismaPg({ connectionString: url })],
    ['an adapter of its own', () => otherAdapter({})],
  ])('%s', async (_, adapter) => {
    const base = client(adapter())
    expect(await refusal(() => base.$extends(tenancy({ pool: tenantPool() })))).toEqual(anotherPool)
    expect(proxy.flights()).toBe(0)
  })
})

test('tenancy() on a client that runs on a TenantPool is refused', async () => {
  const base = client(new PrismaPg(tenantPool()))
  expect(await refusal(() => base.$extends(tenancy()))).toEqual(
    cannotBeApplied('the client runs on a TenantPool', 'Call tenancy({ pool }).'),
  )
})

describe('the extension applied twice is refused', () => {
  const twice = cannotBeApplied(
    'it is applied to this client already, and holds for all clients extended from it',
    'Call $extends(tenancy(…)) once, where the client is made.',
  )
  const modes = [
    {
      mode: 'pool',
      make: () => {
        const pool = tenantPool()
        return { base: client(new PrismaPg(pool)), extension: () => tenancy({ pool }) }
      },
    },
    { mode: 'portable', make: () => ({ base: client(new PrismaPg(plainPool())), extension: () => tenancy() }) },
  ]
  describe.each(modes)('in $mode mode', ({ make }) => {
    test('to the base client again', async () => {
      const { base, extension } = make()
      base.$extends(extension())
      expect(await refusal(() => base.$extends(extension()))).toEqual(twice)
    })

    test('to the extended client', async () => {
      const { base, extension } = make()
      expect(await refusal(() => base.$extends(extension()).$extends(extension()))).toEqual(twice)
    })

    test('the same extension, with others between', async () => {
      const { base, extension } = make()
      const one = extension()
      const extended = base.$extends({ name: 'before' }).$extends(one).$extends({ name: 'after' })
      expect(await refusal(() => extended.$extends(one))).toEqual(twice)
    })

    test('in the other mode', async () => {
      const { base, extension } = make()
      base.$extends(extension())
      expect(await refusal(() => base.$extends(tenancy()))).toMatchObject({ code: 'CONFIG.INVALID' })
    })

    test('and the client goes on as it was', async () => {
      const { base, extension } = make()
      const prisma = base.$extends(extension())
      await refusal(() => prisma.$extends(extension()))
      const rows = await withTenant(ID, () => prisma.$queryRaw`SELECT current_setting('app.tenant_id') AS bound`)
      expect(rows).toEqual([{ bound: ID }])
    })
  })

  test('one extension on two clients is not twice', async () => {
    const extension = tenancy()
    for (const base of [client(new PrismaPg(plainPool())), client(new PrismaPg(plainPool()))]) {
      const prisma = base.$extends(extension)
      expect(await withoutTenant(() => prisma.plan.findMany())).toEqual([])
    }
  })
})

describe('a PrismaClient on a TenantPool without the extension is refused', () => {
  type Bare = ReturnType<typeof client>
  const calls: [string, (prisma: Bare) => Promise<unknown>][] = [
    ['models', (prisma) => prisma.plan.findMany()],
    ['merged lookups', (prisma) => Promise.all([1, 2].map((id) => prisma.plan.findUnique({ where: { id } })))],
    ['writes', (prisma) => prisma.project.create({ data: { name: 'bare' } })],
    [
      'nested writes',
      (prisma) => prisma.project.create({ data: { name: 'bare', tasks: { create: [{ title: 'bare' }] } } }),
    ],
    ['raw queries', (prisma) => prisma.$queryRaw`SELECT 1`],
    ['unsafe raw queries', (prisma) => prisma.$queryRawUnsafe('SELECT 1')],
    ['raw statements', (prisma) => prisma.$executeRaw`DELETE FROM projects`],
    ['array transactions', (prisma) => prisma.$transaction([prisma.plan.findMany(), prisma.plan.count()])],
    ['interactive transactions', (prisma) => prisma.$transaction(async (tx) => tx.plan.findMany())],
    ['other extensions', (prisma) => prisma.$extends({ name: 'other' }).plan.findMany()],
  ]
  const scopes: [string, <T>(fn: () => Promise<T>) => Promise<T>][] = [
    ['in a tenant', (fn) => withTenant(ID, fn)],
    ['in withoutTenant', (fn) => withoutTenant(fn)],
    ['outside any scope', (fn) => fn()],
  ]
  describe.each(scopes)('%s', (_, inScope) => {
    test.each(calls)('%s', async (_, call) => {
      const pool = tenantPool()
      // Connected and checked, so that every flight would be the client's.
      await withTenant(ID, () => pool.query('SELECT 1'))
      proxy.reset()
      const prisma = client(new PrismaPg(pool))
      const error = await inScope(() => call(prisma)).then(
        () => 'it was served',
        (error: unknown) => error,
      )
      expect(error).toMatchObject({ code: 'CONFIG.INVALID' })
      expect(String(error)).toContain('A PrismaClient runs on a TenantPool without the tenancy extension')
      expect({ flights: proxy.flights(), statements: proxy.statements() }).toEqual({ flights: 0, statements: [] })
    })
  })
})

describe('portable mode', () => {
  test('a client without a driver adapter is refused', async () => {
    const base = new PrismaClient({ accelerateUrl: 'prisma://accelerate.prisma-data.net/?api_key=none' })
    expect(await refusal(() => base.$extends(tenancy()))).toMatchObject(
      cannotBeApplied('the client has no driver adapter', expect.any(String) as never),
    )
  })

  test('an adapter for another database is refused', async () => {
    const base = client(otherAdapter({}))
    // The client of a PostgreSQL schema refuses such an adapter itself; one that is generated for SQLite would not.
    Object.assign(adapterOf(base), { provider: 'sqlite' })
    expect(await refusal(() => base.$extends(tenancy()))).toEqual(
      cannotBeApplied('the adapter is for sqlite', 'Use an adapter for PostgreSQL.'),
    )
  })

  const noTransactions = {
    code: 'CONFIG.INVALID',
    message: expect.stringContaining(
      'The adapter stub does not run statements in one transaction, so nothing can be bound to a tenant.',
    ),
    hint: 'Use an adapter with transactions, such as @prisma/adapter-pg.',
  }
  test.each([
    [
      'refuses transactions',
      { startTransaction: () => Promise.reject(new Error('Transactions are not supported in HTTP mode')) },
    ],
    [
      'takes transactions and runs each statement on its own',
      {
        async startTransaction(this: Connected) {
          return { ...statements(this), options: { usePhantomQuery: true }, commit: nothing, rollback: nothing }
        },
      },
    ],
  ])('an adapter that %s is refused, with nothing of the user sent', async (_, overrides) => {
    const prisma = client(otherAdapter(overrides)).$extends(tenancy())
    for (const call of [
      () => withTenant(ID, () => prisma.plan.findMany()),
      () => withTenant(ID, () => prisma.$queryRaw`SELECT 1 AS mine`),
      () => withTenant(ID, () => prisma.$transaction([prisma.plan.findMany()])),
      () => withTenant(ID, () => prisma.$transaction(async (tx) => tx.plan.findMany())),
    ]) {
      expect(await refusal(call)).toEqual(noTransactions)
    }
    expect(proxy.statements().filter((text) => /plans|mine/.test(text))).toEqual([])
  })

  test('an adapter that only fails now is not taken for one without transactions', async () => {
    let away = true
    const prisma = client(
      otherAdapter({
        startTransaction(this: Connected, isolationLevel) {
          if (away) return Promise.reject(new Error('the server is away'))
          return Object.getPrototypeOf(this).startTransaction.call(this, isolationLevel)
        },
      }),
    ).$extends(tenancy())
    await expect(withTenant(ID, () => prisma.plan.findMany())).rejects.toThrow('the server is away')
    away = false
    expect(await withTenant(ID, () => prisma.plan.findMany())).toEqual([])
  })
})

describe('a Prisma that looks different from what was tested is refused', () => {
  test.each([
    ['_originalClient', {}],
    ['_createPrismaPromise', { _createPrismaPromise: undefined }],
    ['$transaction', { $transaction: undefined }],
    ['_engine', { _engine: undefined }],
    ['_engine.start', { _engine: { stop() {} } }],
    ['_engine.stop', { _engine: { start() {} } }],
    ['_engineConfig', { _engineConfig: undefined }],
    ['_requestHandler', { _requestHandler: undefined }],
    ['_requestHandler.handleRequestError', { _requestHandler: { dataloader: loader() } }],
    ['dataloader', { _requestHandler: { handleRequestError() {} } }],
    ['dataloader.options', { _requestHandler: { handleRequestError() {}, dataloader: {} } }],
    ['dataloader.options.batchBy', { _requestHandler: { handleRequestError() {}, dataloader: loader('batchBy') } }],
    [
      'dataloader.options.singleLoader',
      { _requestHandler: { handleRequestError() {}, dataloader: loader('singleLoader') } },
    ],
    [
      'dataloader.options.batchLoader',
      { _requestHandler: { handleRequestError() {}, dataloader: loader('batchLoader') } },
    ],
  ])('without %s', async (field, changes) => {
    const pool = tenantPool()
    const shared = (client(new PrismaPg(pool)) as unknown as { _originalClient: object })._originalClient
    const changed = Object.assign(Object.create(shared), changes)
    const fake = { _originalClient: field === '_originalClient' ? undefined : changed, $extends: () => 'extended' }
    for (const extension of [tenancy({ pool }), tenancy()]) {
      const apply = extension as unknown as (client: object) => unknown
      expect(await refusal(() => apply(fake))).toMatchObject({
        code: 'CONFIG.UNSUPPORTED_VERSION',
        message: expect.stringMatching(/^This version of Prisma Client is not supported: it has no \S+\.\n/),
        hint: 'Install a supported version: npm install prisma@7 @prisma/client@7 @prisma/adapter-pg@7.',
      })
    }
  })

  function loader(missing?: string): object {
    const options = { batchBy() {}, singleLoader() {}, batchLoader() {} }
    return { options: { ...options, ...(missing && { [missing]: undefined }) } }
  }
})

type Connected = Awaited<ReturnType<AdapterFactory['connect']>>
type Statements = Pick<Connected, 'provider' | 'adapterName' | 'queryRaw' | 'executeRaw'>

/** An adapter as somebody else would write it: PrismaPg beneath, under another name, with other methods once connected. */
function otherAdapter(overrides: Partial<Connected> & ThisType<Connected>): AdapterFactory {
  const inner = new PrismaPg({ connectionString: url })
  return {
    provider: 'postgres',
    adapterName: 'stub',
    connect: async () => Object.assign(Object.create(await inner.connect()), { adapterName: 'stub' }, overrides),
  }
}

function statements(adapter: Connected): Statements {
  return {
    provider: adapter.provider,
    adapterName: adapter.adapterName,
    queryRaw: (query) => adapter.queryRaw(query),
    executeRaw: (query) => adapter.executeRaw(query),
  }
}

async function nothing(): Promise<void> {}

function adapterOf(prisma: object): object {
  return (prisma as { _engineConfig: { adapter: object } })._engineConfig.adapter
}
