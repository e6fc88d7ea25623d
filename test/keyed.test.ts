// Proves that what is named for one tenant is never named so for another: caches, objects and advisory locks.
import { randomUUID } from 'node:crypto'
import { posix } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tenantKey, tenantLockKey, tenantPath, withTenant } from '../src/index.js'
import { canonicalTenantId, checkTenantId } from '../src/tenant.js'
import { createTestDatabase, type TenantDatabase } from './support/database.js'
import { idsAre } from './support/ids-are.js'
import { openMode } from './support/modes.js'

beforeAll(() => idsAre('text'))

// Texts of what separates, escapes and climbs, and little else: such pairs are the ones that meet.
const piece = fc.constantFrom(
  ':',
  '/',
  '%',
  '.',
  '..',
  '\\',
  'tenant',
  'tenants',
  '%3A',
  '%2F',
  '_',
  '_3a',
  '_2e',
  'nul',
  'con',
  'a',
  'A',
  '1',
  '0',
  ' ',
  'ä',
  '-',
  '',
)
const text = fc.oneof(
  fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'binary' }),
)
const tenant = text.filter((id) => {
  try {
    return canonicalTenantId(checkTenantId(id), 'text') === id
  } catch {
    return false
  }
})
const key = text.filter((name) => !/\p{Surrogate}/u.test(name))
// What tenantPath takes; test/store-names.test.ts is about what it refuses.
const segment = fc.string({
  unit: fc.constantFrom('a', 'A', '.a', '..a', ' a', 'ä', '_', '-', '~'),
  minLength: 1,
  maxLength: 4,
})
const pathName = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'))

const made = <T>(id: string, make: () => T): Promise<T> => withTenant(id, make)

describe.each([
  ['tenantKey', tenantKey, key],
  ['tenantPath', tenantPath, pathName],
  ['tenantLockKey', tenantLockKey, key],
] as const)('%s', (_, make: (name: string) => string | bigint, name) => {
  test('is the same for the same tenant and name, and another for every other pair', async () => {
    const one = fc.tuple(tenant, name)
    await fc.assert(
      fc.asyncProperty(one, one, async ([tenantA, nameA], [tenantB, nameB]) => {
        const [a, again, b] = [
          await made(tenantA, () => make(nameA)),
          await made(tenantA, () => make(nameA)),
          await made(tenantB, () => make(nameB)),
        ]
        expect(a).toBe(again)
        expect(a === b).toBe(tenantA === tenantB && nameA === nameB)
      }),
      {
        numRuns: 5000,
        examples: [
          [
            ['a', 'b-c'],
            ['a-b', 'c'],
          ],
          [
            ['A', 'x'],
            ['a', 'x'],
          ],
          [
            ['%', 'x'],
            ['%25', 'x'],
          ],
        ],
      },
    )
  })

  test('needs a tenant', () => {
    expect(() => make('x')).toThrow(expect.objectContaining({ code: 'TENANT.REQUIRED' }))
  })

  test.each([undefined, null, 1, ['x'], { toString: () => 'x' }, 'a\ud800', '\udc00'])(
    '%j is no name',
    async (value) => {
      await expect(made('a', () => make(value as never))).rejects.toMatchObject({ code: 'CONFIG.INVALID' })
    },
  )
})

describe('a path', () => {
  test('stays below the tenant’s own folder, whatever is in the id, and where case does not count', async () => {
    await fc.assert(
      fc.asyncProperty(tenant, tenant, pathName, async (id, other, name) => {
        const folder = async (id: string) => (await made(id, () => tenantPath('x'))).slice(0, -1)
        const path = await made(id, () => tenantPath(name))
        expect(posix.normalize(path)).toBe(path)
        expect(path.startsWith(await folder(id))).toBe(true)
        if (id !== other) expect((await folder(id)).toLowerCase()).not.toBe((await folder(other)).toLowerCase())
      }),
      {
        numRuns: 2000,
        examples: [
          ['..', '.', 'x'],
          ['A', 'a', 'x'],
          ['Ä', 'ä', 'x'],
        ],
      },
    )
  })
})

test('the readable form of a uuid and of a number', async () => {
  const id = randomUUID()
  expect(await made(id, () => tenantKey('user:1'))).toBe(`tenant:${id}:user:1`)
  expect(await made(id, () => tenantPath('avatars/1.png'))).toBe(`tenants/${id}/avatars/1.png`)
  idsAre('int')
  expect(await withTenant(7, () => tenantKey('x'))).toBe('tenant:7:x')
})

describe('a lock', () => {
  let db: TenantDatabase
  let opened: Awaited<ReturnType<typeof openMode>>
  beforeAll(async () => {
    idsAre('uuid')
    db = await createTestDatabase()
    opened = await openMode('pool', db.appUrl)
  })
  afterAll(async () => {
    await opened?.close()
    await db?.drop()
  })

  test('of one tenant is no other tenant’s, and is its own', async () => {
    const [a, b] = [randomUUID(), randomUUID()]
    const take = (id: string) =>
      withTenant(id, () =>
        opened.prisma.$transaction(async (tx) => {
          const [row] = await tx.$queryRaw<
            { taken: boolean }[]
          >`SELECT pg_try_advisory_xact_lock(${tenantLockKey('x')}) AS taken`
          if (row?.taken && id === a && nested) await nested()
          return row?.taken
        }),
      )
    let nested: (() => Promise<void>) | undefined = async () => {
      nested = undefined
      expect([await take(a), await take(b)]).toEqual([false, true])
    }
    expect(await take(a)).toBe(true)
    expect(nested).toBeUndefined()
  })
})
