// Proves that a payload carries the tenant it was written for and no other, and that what carries none is refused: it is
// the scope of the job or no job at all.
import fc from 'fast-check'
import { currentTenant, isTenancyError, tryCurrentTenant, withoutTenant, withTenant } from 'prisma-extension-tenancy'
import {
  jobs,
  tenantJobKey,
  tenantOfPayload,
  tenantPayload,
  withTenantFromPayload,
} from 'prisma-extension-tenancy/jobs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { currentScope } from '../../src/context.js'
import { canonicalTenantId } from '../../src/tenant.js'
import { idsAre } from '../support/ids-are.js'

const UUID = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'

beforeEach(() => idsAre('text'))

/** What a call is refused with; throws where it is not. */
async function refusal(call: () => unknown) {
  const outcome = await (async () => ({ result: await call() }))().catch((error: unknown) => ({ error }))
  if (!('error' in outcome)) throw new Error(`It was not refused: ${JSON.stringify(outcome.result)}`)
  if (!isTenancyError(outcome.error)) throw outcome.error
  return outcome.error
}

/** As every queue keeps it. */
const queued = <T>(payload: T): T => JSON.parse(JSON.stringify(payload))

describe('what is written', () => {
  test('is the data and the tenant in scope beside it', async () => {
    const data = { to: 'a@example.com', nested: { deep: [1] } }
    const payload = await withTenant(UUID, () => tenantPayload(data))
    expect(payload).toEqual({ ...data, tenancy: { tenant: UUID } })
    expect(data).toEqual({ to: 'a@example.com', nested: { deep: [1] } })
    expect(await withTenant(UUID, () => tenantPayload())).toEqual({ tenancy: { tenant: UUID } })
  })

  test('carries the settings of the scope, which are open for the job again', async () => {
    const settings = { 'app.user_id': '7' }
    const payload = queued(await withTenant({ id: UUID, settings }, () => tenantPayload({})))
    expect(payload.tenancy).toEqual({ tenant: UUID, settings })
    expect(await withTenantFromPayload({ data: payload }, () => currentScope()?.settings)).toEqual(settings)
  })

  test('needs a tenant: outside every scope and inside withoutTenant nothing is written', async () => {
    for (const call of [() => tenantPayload({}), () => withoutTenant(() => tenantPayload({}))]) {
      const error = await refusal(call)
      expect([error.code, error.name]).toEqual(['TENANT.REQUIRED', 'NoTenantError'])
      expect(error.hint).toContain('withTenant(tenantId')
    }
  })

  test.each([
    ['an array', []],
    ['null', null],
    ['a text', 'text'],
    ['a number', 1],
    ['a Date', new Date()],
    ['a Map', new Map()],
    ['an instance of a class', new (class Mail {})()],
    ['bytes', Buffer.from('x')],
  ])('%s is refused as data', async (_, data) => {
    const error = await refusal(() => withTenant(UUID, () => tenantPayload(data as object)))
    expect(error.code).toBe('CONFIG.INVALID')
    expect(error.hint).toContain('tenantPayload({ userId })')
  })

  test('data that decides itself what JSON keeps of it is refused: the tenant would be lost', async () => {
    const error = await refusal(() => withTenant(UUID, () => tenantPayload({ toJSON: () => ({}) })))
    expect([error.code, error.hint]).toEqual(['CONFIG.INVALID', 'Give what it returns: tenantPayload(data.toJSON()).'])
  })

  test('data that has the field already is refused, whatever stands in it', async () => {
    for (const tenancy of [undefined, null, {}, { tenant: UUID }]) {
      const error = await refusal(() => withTenant(UUID, () => tenantPayload({ tenancy })))
      expect(error.code).toBe('CONFIG.INVALID')
      expect(error.message).toContain('"tenancy"')
    }
  })

  test('an id of every type comes back as the tenant that a pool makes of it', async () => {
    const ids = fc.oneof(
      fc.maxSafeInteger().map((id) => ({ type: 'bigint' as const, id })),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((id) => ({ type: 'bigint' as const, id })),
      fc.integer().map((id) => ({ type: 'int' as const, id })),
      fc.uuid().map((id) => ({ type: 'uuid' as const, id: id.toUpperCase() })),
      fc
        .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
        .map((id) => id.normalize('NFC').trim())
        // biome-ignore lint/suspicious/noControlCharactersInRegex: what no id may contain
        .filter((id) => id !== '' && !/[\u0000-\u001f\u007f-\u009f]/.test(id))
        .map((id) => ({ type: 'text' as const, id })),
    )
    await fc.assert(
      fc.asyncProperty(ids, async ({ type, id }) => {
        idsAre(type)
        const payload = queued(await withTenant(id, () => tenantPayload({})))
        const arrived = await withTenantFromPayload({ data: payload }, currentTenant)
        expect(arrived).toBe(canonicalTenantId(id, type))
      }),
    )
  })
})

describe('what is read', () => {
  test('opens the scope of the job for everything awaited inside, and of nothing else', async () => {
    const payload = queued(await withTenant('acme', () => tenantPayload({})))
    // A worker that was started inside a scope has its own tenant, and the job has its own.
    await withTenant('other', async () => {
      const seen = await withTenantFromPayload({ data: payload }, async () => {
        await new Promise(setImmediate)
        return currentTenant()
      })
      expect(seen).toBe('acme')
      expect(currentTenant()).toBe('other')
    })
    expect(tryCurrentTenant()).toBeUndefined()
  })

  test("is a job of BullMQ or pg-boss, or graphile-worker's", async () => {
    const payload = queued(await withTenant('acme', () => tenantPayload({})))
    for (const job of [
      { id: '1', name: 'welcome', queueName: 'email', data: payload },
      { id: '1', name: 'email', data: payload, expireInSeconds: 1 },
      { id: '1', task_identifier: 'email', payload },
    ]) {
      expect(await withTenantFromPayload(job, () => currentTenant())).toBe('acme')
    }
  })

  test("a payload in the place of a job is refused: the tenant would be what a field of the user's data says", async () => {
    const payload = await withTenant('acme', () => tenantPayload({ data: { tenancy: { tenant: 'evil' } } }))
    const error = await refusal(() => withTenantFromPayload(payload as never, () => currentTenant()))
    expect(error.code).toBe('CONFIG.INVALID')
    expect(error.hint).toContain('{ data: payload }')
    for (const job of [undefined, null, 'x', [], {}, { name: 'email' }]) {
      const refused = await refusal(() => withTenantFromPayload(job as never, () => currentTenant()))
      expect(refused.code).toBe('CONFIG.INVALID')
    }
  })

  const nobody = [undefined, null, 'text', 7, [], {}, { tenant: UUID }, { data: { tenancy: { tenant: UUID } } }]
  test.each(nobody)('%j names no tenant', async (data) => {
    let ran = false
    const error = await refusal(() => withTenantFromPayload({ data }, () => (ran = true)))
    expect([error.code, ran]).toEqual(['TENANT.REQUIRED', false])
    expect(error.hint).toContain('tenantPayload(data)')
  })

  test('a polluted Object.prototype is no tenant', async () => {
    Object.defineProperty(Object.prototype, 'tenancy', { value: { tenant: 'evil' }, configurable: true })
    try {
      const error = await refusal(() => withTenantFromPayload({ data: {} }, () => currentTenant()))
      expect(error.code).toBe('TENANT.REQUIRED')
    } finally {
      delete (Object.prototype as { tenancy?: unknown }).tenancy
    }
  })

  const invalid = [
    null,
    'acme',
    [],
    { tenant: undefined },
    { tenant: null },
    { tenant: '' },
    { tenant: ['acme'] },
    { tenant: { id: 'acme' } },
    { tenant: true },
    { tenant: 1.5 },
    { tenant: 1e300 },
    { tenant: 'x'.repeat(256) },
    { tenant: 'a\0b' },
    { tenant: '\ud800' },
    { tenant: 'acme', id: 'evil' },
    { tenant: 'acme', settings: [] },
    { tenant: 'acme', settings: 'x' },
    { tenant: 'acme', settings: { 'app.user_id': 7 } },
    { tenant: 'acme', signature: 7 },
  ]
  test.each(invalid)('%j is no tenant', async (tenancy) => {
    let ran = false
    const error = await refusal(() => withTenantFromPayload({ data: { tenancy } }, () => (ran = true)))
    expect([error.code, ran]).toEqual(['TENANT.INVALID_ID', false])
  })

  test('that is no id of the type of the process is refused before the job runs', async () => {
    idsAre('uuid')
    expect(tenantOfPayload({ tenancy: { tenant: UUID.toUpperCase() } })).toBe(UUID)
    for (const tenant of ['acme', `${UUID} `, UUID.replaceAll('-', '')]) {
      expect((await refusal(() => tenantOfPayload({ tenancy: { tenant } }))).code).toBe('TENANT.INVALID_ID')
      expect((await refusal(() => withTenant(tenant, () => tenantPayload({})))).code).toBe('TENANT.INVALID_ID')
    }
  })
})

describe('a key', () => {
  const tenants = fc.string({ unit: fc.constantFrom('a', '/', '%', '.', ':', 'ä', '2F'), minLength: 1, maxLength: 6 })
  const keys = fc.string({ unit: fc.constantFrom('a', '/', '%', ':'), maxLength: 6 })
  test('of one tenant is that of no other, whatever ids and keys contain', async () => {
    await fc.assert(
      fc.asyncProperty(tenants, keys, tenants, keys, async (tenantA, keyA, tenantB, keyB) => {
        const [a, b] = await Promise.all([
          withTenant(tenantA, () => tenantJobKey(keyA)),
          withTenant(tenantB, () => tenantJobKey(keyB)),
        ])
        expect(a === b).toBe(tenantA === tenantB && keyA === keyB)
      }),
      { numRuns: 1000 },
    )
  })

  test('needs a tenant and a text', async () => {
    expect(await withTenant('a:b', () => tenantJobKey('nightly'))).toBe('a_3ab/nightly')
    expect((await refusal(() => tenantJobKey('nightly'))).code).toBe('TENANT.REQUIRED')
    expect((await refusal(() => withTenant('a', () => tenantJobKey(undefined as never)))).code).toBe('CONFIG.INVALID')
  })
})

test('options that nobody knows are refused', async () => {
  for (const options of [null, [], 'x', { signingKey: [] }, { tenantId: 'serial' }]) {
    expect((await refusal(() => jobs(options as never))).code).toBe('CONFIG.INVALID')
  }
})

afterEach(() => expect(tryCurrentTenant()).toBeUndefined())
