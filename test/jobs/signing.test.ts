// Attacks on signed payloads, by somebody who can write into the queue's store and has seen any number of payloads: every
// change of what is signed is refused, and so is what an unlisted key signed.
import { createHmac, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { isTenancyError, withTenant } from 'prisma-extension-tenancy'
import { type JobTarget, jobs, type TenancyField, tenantPayload } from 'prisma-extension-tenancy/jobs'
import { describe, expect, test } from 'vitest'
import { idsAre } from '../support/ids-are.js'

idsAre('text')

const key = () => randomBytes(32).toString('base64')
const KEY = key()
const signed = jobs({ signingKeys: [{ keyId: 'k1', key: KEY }] })
const EMAIL: JobTarget = { queue: 'email', name: 'welcome' }

type Payload = { tenancy: TenancyField }

function outcome(payload: unknown, target = EMAIL, reader = signed) {
  try {
    return { tenant: reader.tenantOfPayload(payload, target) }
  } catch (error) {
    if (!isTenancyError(error)) throw error
    return { code: error.code, message: error.message, hint: error.hint }
  }
}

const write = (tenant: Parameters<typeof withTenant>[0], target = EMAIL, writer = signed): Promise<Payload> =>
  withTenant(tenant, () => writer.tenantPayload({}, target))

const change = ({ tenancy }: Payload, changed: Partial<TenancyField>): Payload => ({
  tenancy: { ...tenancy, ...changed },
})

describe('what was signed', () => {
  test('is accepted as it was written, after any number of trips through JSON', async () => {
    const payload = JSON.parse(JSON.stringify(await write({ id: 'acme', settings: { b: '2', a: '1' } })))
    expect(outcome(payload)).toEqual({ tenant: { id: 'acme', settings: { a: '1', b: '2' } } })
    // jsonb sorts names.
    payload.tenancy.settings = { a: '1', b: '2' }
    expect(outcome(payload)).toHaveProperty('tenant')
  })

  // Pieces that run into each other wherever parts are merely put side by side.
  const word = fc.string({
    unit: fc.constantFrom('a', 'b', '.', ',', '"', '[', ']', '\\', '/', 'ä', '\ud83d\ude00'),
    minLength: 1,
    maxLength: 5,
  })
  const place = fc.record({
    tenant: word,
    queue: word,
    name: fc.option(word, { nil: undefined }),
    settings: fc.dictionary(word, word, { maxKeys: 3 }),
    keyId: fc.constantFrom('k1', 'k2'),
  })
  const both = jobs({ signingKeys: ['k1', 'k2'].map((keyId) => ({ keyId, key: KEY })) })
  const second = jobs({ signingKeys: ['k2', 'k1'].map((keyId) => ({ keyId, key: KEY })) })

  test('for one tenant, queue, name, settings and key id is refused for every other', async () => {
    let accepted = 0
    await fc.assert(
      fc.asyncProperty(place, place, fc.integer({ min: 1, max: 31 }), async (from, other, mask) => {
        // Every subset of the parts is changed to something else, and the signature kept.
        const to = { ...from }
        if (mask & 1) to.tenant = other.tenant
        if (mask & 2) to.queue = other.queue
        if (mask & 4) to.name = other.name
        if (mask & 8) to.settings = other.settings
        if (mask & 16) to.keyId = other.keyId
        const tenant = { id: from.tenant, settings: from.settings }
        const payload = await write(tenant, from, from.keyId === 'k1' ? both : second)
        const forged = change(payload, {
          tenant: to.tenant,
          ...(Object.keys(to.settings).length > 0 ? { settings: to.settings } : { settings: {} }),
          signature: `${to.keyId}.${payload.tenancy.signature?.slice(3)}`,
        })
        const normal = (parts: typeof from) =>
          JSON.stringify([
            parts.tenant,
            parts.queue,
            parts.name ?? parts.queue,
            Object.entries(parts.settings).sort(),
            parts.keyId,
          ])
        const same = normal(from) === normal(to)
        const found = outcome(forged, to, both)
        accepted += same ? 1 : 0
        expect(found).toHaveProperty(same ? 'tenant' : 'code', ...(same ? [] : ['JOB.REFUSED']))
      }),
      { numRuns: 2000 },
    )
    // The property would also hold if nothing was ever accepted.
    expect(accepted).toBeGreaterThan(20)
  })

  test('is refused where characters went from one part into the next, the whole text being the same', async () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 11 }), { minLength: 4, maxLength: 4 })
    const texts = fc.string({ unit: fc.constantFrom('a', '1', '"', ',', '.', '\0'), minLength: 12, maxLength: 12 })
    const parts = (text: string, at: number[]) => {
      const [a = 0, b = 0, c = 0, d = 0] = [...at].sort((x, y) => x - y)
      return {
        queue: text.slice(0, a),
        name: text.slice(a, b),
        tenant: text.slice(b, c).replaceAll('\0', 'b') || 'x',
        settings: { [text.slice(c, d).replaceAll('\0', 'b')]: text.slice(d).replaceAll('\0', 'b') },
      }
    }
    await fc.assert(
      fc.asyncProperty(texts, cuts, cuts, async (text, one, two) => {
        const [from, to] = [parts(text, one), parts(text, two)]
        const payload = await write({ id: from.tenant, settings: from.settings }, from)
        const moved = outcome(change(payload, { tenant: to.tenant, settings: to.settings }), to)
        expect('tenant' in moved).toBe(JSON.stringify(from) === JSON.stringify(to))
      }),
      { numRuns: 2000 },
    )
  })

  test('is refused with any character of the signature changed, added or taken away', async () => {
    const payload = await write('acme')
    const signature = payload.tenancy.signature as string
    const others: string[] = ['', '.', 'k1', 'k1.', `${signature}=`, `${signature}A`, ` ${signature}`, `${signature}\0`]
    for (let at = 0; at < signature.length; at++) {
      others.push(signature.slice(0, at) + signature.slice(at + 1))
      for (const letter of 'A_Bz') others.push(signature.slice(0, at) + letter + signature.slice(at + 1))
    }
    for (const changed of others.filter((text) => text !== signature)) {
      expect(outcome(change(payload, { signature: changed })), changed).toHaveProperty('code', 'JOB.REFUSED')
    }
  })

  test('covers the settings: none can be added, changed or dropped', async () => {
    const plain = await write('acme')
    const narrow = await write({ id: 'acme', settings: { 'app.user_id': '7' } })
    expect(outcome(change(plain, { settings: { 'app.role': 'admin' } }))).toHaveProperty('code', 'JOB.REFUSED')
    expect(outcome(change(narrow, { settings: { 'app.user_id': '8' } }))).toHaveProperty('code', 'JOB.REFUSED')
    const { settings: _, ...dropped } = narrow.tenancy
    expect(outcome({ tenancy: dropped })).toHaveProperty('code', 'JOB.REFUSED')
  })

  test('does not cover the rest of the data, nor keep a payload from being sent twice', async () => {
    const payload = await write('acme')
    expect(outcome({ ...payload, amount: 1_000_000 })).toEqual({ tenant: 'acme' })
    expect(outcome(payload)).toEqual(outcome(payload))
  })
})

describe('keys', () => {
  const [old, fresh] = [
    { keyId: '2025-12', key: key() },
    { keyId: '2026-01', key: key() },
  ]
  const before = jobs({ signingKeys: [old] })
  const during = jobs({ signingKeys: [fresh, old] })
  const after = jobs({ signingKeys: [fresh] })

  test('the first signs, and all that are listed are accepted', async () => {
    const payload = await write('acme', EMAIL, during)
    expect(payload.tenancy.signature).toMatch(/^2026-01\.[A-Za-z0-9_-]{43}$/)
    for (const reader of [during, after]) expect(outcome(payload, EMAIL, reader)).toEqual({ tenant: 'acme' })
    expect(outcome(await write('acme', EMAIL, before), EMAIL, during)).toEqual({ tenant: 'acme' })
  })

  test('a retired key is refused, by its name', async () => {
    const found = outcome(await write('acme', EMAIL, before), EMAIL, after)
    expect(found).toMatchObject({ code: 'JOB.REFUSED', message: expect.stringContaining('"2025-12"') })
    expect(found.hint).toContain('until the last job that it signed is done')
  })

  test('a payload that is not signed is refused', async () => {
    const payload = await withTenant('acme', () => tenantPayload({}))
    expect(outcome(payload)).toMatchObject({ code: 'JOB.REFUSED', message: expect.stringContaining('not signed') })
  })

  test('the same key in another use signs nothing here', async () => {
    const plain = createHmac('sha256', Buffer.from(KEY, 'base64'))
      .update(JSON.stringify(['k1', 'email', 'welcome', 'acme', []]))
      .digest('base64url')
    const forged = { tenancy: { tenant: 'acme', signature: `k1.${plain}` } }
    expect(outcome(forged)).toHaveProperty('code', 'JOB.REFUSED')
  })

  const bad = [
    ['no list', undefined],
    ['an empty list', []],
    ['a list of nothing', [undefined]],
    ['a key of 31 bytes', [{ keyId: 'k', key: randomBytes(31) }]],
    ['a password', [{ keyId: 'k', key: 'correct horse battery staple' }]],
    ['no key', [{ keyId: 'k', key: undefined }]],
    ['zeros', [{ keyId: 'k', key: Buffer.alloc(32) }]],
    ['no id', [{ key: KEY }]],
    ['an id with a dot', [{ keyId: 'a.b', key: KEY }]],
    ['two keys of one id', [old, { ...fresh, keyId: old.keyId }]],
  ] as const
  test.each(bad)('%s is refused when it is given', (_, signingKeys) => {
    let error: unknown
    try {
      jobs({ signingKeys: signingKeys as never })
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({ code: 'CONFIG.INVALID' })
    expect((error as Error).message).not.toContain('seal')
    expect(JSON.stringify([String(error), error])).not.toContain('correct horse')
  })

  test('to sign, and to read what is signed, takes a target', async () => {
    await expect(write('acme', null as never)).rejects.toMatchObject({ code: 'CONFIG.INVALID' })
    await expect(write('acme', { queue: 7 } as never)).rejects.toMatchObject({ code: 'CONFIG.INVALID' })
    const data = await write('acme')
    await expect(signed.withTenantFromPayload({ data }, () => {})).rejects.toMatchObject({ code: 'CONFIG.INVALID' })
    for (const job of [
      { data, queueName: 'email', name: 'welcome' },
      { payload: await write('acme', { queue: '', name: 'email' }), task_identifier: 'email' },
      { data: await write('acme', { queue: 'email' }), name: 'email' },
    ]) {
      expect(await signed.withTenantFromPayload(job, () => 'ran')).toBe('ran')
    }
  })
})
