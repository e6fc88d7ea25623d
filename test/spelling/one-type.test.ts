// Proves that what tenant ids are is said once in a process: two clients, or a client and an entry, that differ are refused
// where the second is made, nothing that failed or is over counts, and a scope is never bound by a client of another type.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { PrismaPg } from '@prisma/adapter-pg'
import { afterEach, describe, expect, test } from 'vitest'
import { PrismaClient } from '../../generated/test/client.js'
import { currentScope, runInScope } from '../../src/context.js'
import { currentTenant, type TenantIdType, TenantPool, tenancy, tenantKey, withTenant } from '../../src/index.js'
import { startPostgres } from '../support/postgres.js'

const id = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'
const parse = (text: string): string => text.toLowerCase()
const ended: (() => Promise<unknown>)[] = []
afterEach(() => Promise.all(ended.splice(0).map((end) => end())))

/** Nothing of these connects. */
const make: Record<string, (tenantId?: TenantIdType) => { end(): Promise<unknown> }> = {
  pool(tenantId) {
    const pool = new TenantPool({ tenantId })
    ended.push(() => (pool.ended ? Promise.resolve() : pool.end()))
    return pool
  },
  portable(tenantId) {
    const base = new PrismaClient({ adapter: new PrismaPg({ connectionString: 'postgresql://127.0.0.1:1/none' }) })
    base.$extends(tenancy({ tenantId }))
    ended.push(() => base.$disconnect())
    return { end: () => base.$disconnect() }
  },
}
const pairs = Object.entries(make).flatMap(([first, one]) =>
  Object.entries(make).map(([second, other]) => [first, second, one, other] as const),
)

describe.each(pairs)('%s first, %s second', (_first, _second, one, other) => {
  test.each<[what: string, TenantIdType | undefined, TenantIdType | undefined]>([
    ['uuid and int', 'uuid', 'int'],
    ['int and bigint', 'int', 'bigint'],
    ['text and nothing, which is uuid', 'text', undefined],
    ['nothing and { parse }', undefined, { parse }],
  ])('%s are CONFIG.INVALID where the second is made', async (_, a, b) => {
    const first = one(a)
    expect(() => other(b)).toThrow(
      expect.objectContaining({
        code: 'CONFIG.INVALID',
        hint: expect.stringContaining(
          'the same tenantId, and end clients that are done: pool.end(), prisma.$disconnect()',
        ),
      }),
    )
    await first.end()
    other(b)
  })

  test('two parse functions are two types, and one function in two objects is one', () => {
    one({ parse })
    expect(() => other({ parse: (text) => text.toLowerCase() })).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('const tenantId = { parse }') }),
    )
    other({ parse })
  })
})

test('a client that cannot be made leaves nothing behind: not its type, and not its half of a client', async () => {
  for (const wrong of [{ max: 1, pipeline: true }, { seal: {} }, { acrossTenants: { statementTimeout: -1 } }]) {
    expect(() => new TenantPool({ tenantId: 'int', ...(wrong as object) })).toThrow()
  }
  make.pool?.('text')
  const base = new PrismaClient({ adapter: new PrismaPg({ connectionString: 'postgresql://127.0.0.1:1/none' }) })
  expect(() => base.$extends(tenancy({ tenantId: 'int' }))).toThrow(expect.objectContaining({ code: 'CONFIG.INVALID' }))
  // Applied after all, and not 'applied twice'.
  base.$extends(tenancy({ tenantId: 'text' }))
  ended.push(() => base.$disconnect())
  expect(await withTenant('Acme', currentTenant)).toBe('Acme')
})

test('a client that was dropped without an end does not count for ever', async () => {
  const dropped = (() => {
    make.portable?.('int')
    ended.length = 0
    return new WeakRef(new TenantPool({ tenantId: 'int' }))
  })()
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  let refused = 0
  for (;;) {
    await new Promise(setImmediate)
    collect()
    try {
      make.pool?.('text')
      break
    } catch {
      if (++refused > 100) throw new Error('It is still known after 100 collections.')
    }
  }
  expect(dropped.deref()).toBeUndefined()
})

test('the type stays what it was when the last client is gone: one of Prisma’s connects again', async () => {
  await make.portable?.('int').end()
  expect(await withTenant(7, currentTenant)).toBe('7')
  await expect(withTenant(id, currentTenant)).rejects.toMatchObject({
    code: 'TENANT.INVALID_ID',
    message: expect.stringContaining('not an integer'),
  })
})

test('an id refused for want of a client says which one to make, and when', async () => {
  make.pool?.('uuid')
  await expect(withTenant(7, () => {})).rejects.toMatchObject({
    hint: expect.stringContaining("new TenantPool({ tenantId: 'int' }), made before the first scope"),
  })
})

test('a parse function that does not take its own answer for what it is makes no id: a job would be another tenant’s', async () => {
  make.pool?.({ parse: (text) => `org_${text}` })
  await expect(withTenant('acme', tenantKeyOf)).rejects.toMatchObject({
    code: 'TENANT.INVALID_ID',
    message: expect.stringContaining('does not return its own answer unchanged'),
  })
})

const tenantKeyOf = (): string => tenantKey('x')

test.each<[was: TenantIdType, is: TenantIdType, given: string]>([
  ['text', 'uuid', id.toUpperCase()],
  ['uuid', 'text', id.toUpperCase()],
  ['text', 'int', '7'],
  ['int', 'text', '7'],
  [{ parse }, { parse: (text) => text.toLowerCase() }, 'acme'],
])('a scope of %j is not bound by a client of %j, though it takes the id', async (was, is, given) => {
  const before = make.pool?.(was)
  const scope = await withTenant(given, currentScope)
  await before?.end()
  const { adminUrl } = await startPostgres()
  // The database is there, and would have answered.
  const pool = new TenantPool({ connectionString: adminUrl, tenantId: is, dangerouslyAllowRoleThatBypassesRls: true })
  ended.push(() => pool.end())
  expect((await withTenant(given, () => pool.query('SELECT 1 AS one'))).rows).toEqual([{ one: 1 }])
  await expect(runInScope(scope, () => pool.query('SELECT 1'))).rejects.toMatchObject({
    code: 'CONFIG.INVALID',
    hint: expect.stringContaining('Make the client before the scope'),
  })
})
