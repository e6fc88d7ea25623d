// Proves that a tenant has one name wherever it is named, whichever spelling of its id a scope was opened with: in caches,
// paths, locks, jobs, `authorize`, events and queries, in both modes.
import { randomBytes, randomUUID } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tenantResolver } from '../../src/frameworks/resolve.js'
import {
  currentTenant,
  type TenantId,
  tenantKey,
  tenantLockKey,
  tenantPath,
  tryCurrentTenant,
  withTenant,
} from '../../src/index.js'
import {
  forEachTenant,
  tenantJobKey,
  tenantOfPayload,
  tenantPayload,
  withTenantFromPayload,
} from '../../src/jobs/index.js'
import { channels, hashTenant } from '../../src/telemetry/index.js'
import { createTestDatabase, type SeededTenant, seedTenants, type TenantDatabase } from '../support/database.js'
import { idsAre } from '../support/ids-are.js'
import { modes, openMode, type TenantPrisma } from '../support/modes.js'

const stored = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'
const spellings = [
  stored,
  stored.toUpperCase(),
  stored.replace('a0ee', 'A0EE'),
  stored.replace('bc99', 'BC99'),
  stored.replace('b', 'B'),
  stored.replace('380a', '380A'),
]

/** Every name that this library makes for the tenant in scope. */
const names: Record<string, () => unknown> = {
  currentTenant,
  tryCurrentTenant,
  tenantKey: () => tenantKey('requests'),
  tenantPath: () => tenantPath('avatars/1.png'),
  tenantLockKey: () => tenantLockKey('invoices'),
  tenantJobKey: () => tenantJobKey('nightly'),
  tenantPayload: () => tenantPayload({}).tenancy.tenant,
}

const ways: [type: string, open: () => void, spellings: TenantId[], stored: string][] = [
  ['uuid, before there is any client', () => {}, spellings, stored],
  ['uuid', () => idsAre('uuid'), spellings, stored],
  ['int', () => idsAre('int'), ['7', 7, 7n], '7'],
  ['bigint', () => idsAre('bigint'), [2n ** 53n, String(2n ** 53n)], '9007199254740992'],
  ['{ parse }', () => idsAre({ parse: (id) => id.toLowerCase() }), ['acme', 'Acme', 'ACME'], 'acme'],
]

describe.each(ways)('ids of the type %s', (_, open, given, canonical) => {
  test.each(Object.entries(names))('%s is one for all spellings', async (_, name) => {
    open()
    const made = await Promise.all(given.map((id) => withTenant(id, name)))
    expect(new Set(made).size).toBe(1)
    expect(made[0]).toEqual(await withTenant(canonical, name))
  })

  test('currentTenant() is the id as it is stored', async () => {
    open()
    for (const id of given) expect(await withTenant(id, currentTenant)).toBe(canonical)
  })
})

test.each(['01', '+7', '7.0', ' 7', '7 '])('%j is no second spelling of an int: no scope is opened', async (id) => {
  idsAre('int')
  const ran: string[] = []
  await expect(withTenant(id, () => ran.push(currentTenant()))).rejects.toMatchObject({ code: 'TENANT.INVALID_ID' })
  expect(ran).toEqual([])
})

test('ids of the type text stay byte for byte: two cases are two tenants, and no other form is taken for one', async () => {
  idsAre('text')
  expect(await withTenant('Acme', currentTenant)).toBe('Acme')
  expect(await withTenant('Acme', names.tenantKey as () => string)).not.toBe(
    await withTenant('acme', () => tenantKey('requests')),
  )
  await expect(withTenant('Cafe\u0301', currentTenant)).rejects.toMatchObject({ code: 'TENANT.INVALID_ID' })
  await expect(withTenant(7, currentTenant)).rejects.toMatchObject({ code: 'TENANT.INVALID_ID' })
})

test('a limit of one request for each tenant lets one spelling through and no second one', async () => {
  idsAre('uuid')
  const counted = new Map<string, number>()
  const request = (id: string) =>
    withTenant(id, () => {
      const count = (counted.get(tenantKey('requests')) ?? 0) + 1
      counted.set(tenantKey('requests'), count)
      return count <= 1
    })
  expect(await Promise.all(spellings.map(request))).toEqual([true, false, false, false, false, false])
})

test('a suspended tenant stays out in every spelling', async () => {
  idsAre('uuid')
  const suspended = new Set([stored])
  const seen: string[] = []
  for (const id of spellings) {
    const resolve = tenantResolver({
      tenant: () => id,
      authorize: (_user, tenant) => {
        seen.push(tenant)
        return !suspended.has(tenant)
      },
    })
    expect(await resolve({} as never, {})).toMatchObject({ refusal: { status: 403 } })
  }
  expect(new Set(seen)).toEqual(suspended)
})

test('a job’s payload is read as the stored id, whoever wrote it', async () => {
  idsAre('uuid')
  for (const tenant of spellings) {
    const data = { tenancy: { tenant } }
    expect(tenantOfPayload(data)).toBe(stored)
    expect(await withTenantFromPayload({ data }, currentTenant)).toBe(stored)
  }
})

test('forEachTenant opens the scope of the stored id', async () => {
  idsAre('uuid')
  const seen: string[] = []
  await forEachTenant(spellings, () => void seen.push(currentTenant()))
  expect(seen).toEqual(spellings.map(() => stored))
})

test('events and hashes know one tenant', async () => {
  idsAre('uuid')
  const told: unknown[] = []
  const hear = (event: unknown): void => void told.push((event as { tenant?: string }).tenant)
  subscribe(channels.scope, hear)
  try {
    for (const id of spellings) await withTenant(id, () => {})
  } finally {
    unsubscribe(channels.scope, hear)
  }
  expect(told).toEqual(spellings.map(() => stored))
  const hash = hashTenant({ key: randomBytes(32) })
  expect(new Set(spellings.map(hash)).size).toBe(1)
})

describe.each(modes)('in %s mode', (mode) => {
  let db: TenantDatabase
  let prisma: TenantPrisma
  let close: () => Promise<void>
  let tenant: SeededTenant
  beforeAll(async () => {
    idsAre('uuid')
    db = await createTestDatabase()
    ;[tenant] = await seedTenants(db, [randomUUID()])
    ;({ prisma, close } = await openMode(mode, db.appUrl))
  })
  afterAll(async () => {
    await close?.()
    await db?.drop()
  })

  test('an advisory lock is held once, however its holders spell the tenant', async () => {
    const take = (id: string, inside?: () => Promise<unknown>) =>
      withTenant(id, () =>
        prisma.$transaction(async (tx) => {
          const [row] = await tx.$queryRaw<
            { taken: boolean }[]
          >`SELECT pg_try_advisory_xact_lock(${tenantLockKey('invoices')}) AS taken`
          return [row?.taken, await inside?.()]
        }),
      )
    expect(await take(tenant.tenantId, () => take(tenant.tenantId.toUpperCase()))).toEqual([true, [false, undefined]])
  })

  test('$forTenant, a scope and a transaction name and find one tenant', async () => {
    const upper = tenant.tenantId.toUpperCase()
    const found = await withTenant(tenant.tenantId, () => prisma.project.findMany({ orderBy: { id: 'asc' } }))
    expect(found).toHaveLength(tenant.projectIds.length)
    expect(await prisma.$forTenant(upper).project.findMany({ orderBy: { id: 'asc' } })).toEqual(found)
    const [bound] = await withTenant(
      upper,
      () => prisma.$queryRaw<{ id: string }[]>`SELECT current_setting('app.tenant_id') AS id`,
    )
    expect(bound?.id).toBe(await withTenant(upper, currentTenant))
    await withTenant(upper, () =>
      prisma.$transaction((tx) =>
        withTenant(tenant.tenantId, () => tx.project.create({ data: { name: currentTenant() } })),
      ),
    )
    expect(await prisma.$forTenant(upper).project.count({ where: { name: tenant.tenantId } })).toBe(1)
  })
})
