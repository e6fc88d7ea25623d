// Proves what a seal is, when it is signed anew, that the key shows up nowhere, and that no option is taken on trust.
import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Binder } from '../../src/binding.js'
import { currentScope, type Scope, withoutTenant, withTenant } from '../../src/context.js'
import { tenancy } from '../../src/extension.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { Sealer } from '../../src/seal.js'
import { readSealKey } from '../../src/seal-key.js'
import { refused } from '../sql/refused.js'
import { sealOf } from './sealed-database.js'

const A = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'
const B = 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'
const key = randomBytes(32)
const seal = { keyId: 'k1', key }
const scopeOf = (tenant: string) => withTenant(tenant, () => currentScope() as Scope)

beforeEach(() => void vi.useFakeTimers({ now: new Date('2026-03-01T12:00:00.900Z') }))
afterEach(() => void vi.useRealTimers())
const pass = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000)

test('a seal is mac, expiry, key and tenant, and the mac covers the rest, its purpose and its setting', () => {
  expect(new Sealer(seal).seal(A)).toBe(sealOf(A, { key: seal }))
  expect(new Sealer(seal).seal(A)).toMatch(/^[0-9a-f]{64}\.1772366700\.k1\.a0eebc99-/)
  expect(new Sealer({ ...seal, setting: 'App.Other', validFor: 60 }).seal(A)).toBe(
    sealOf(A, { key: seal, purpose: 'tenancy-seal-1 app.other ', expiresIn: 60 }),
  )
})

test('no two tenants, keys, settings or times have a seal in common, dots in ids or not', () => {
  const seals = ['', A, B, '1.2', '2', 'k1.a'].map((tenant) => new Sealer(seal).seal(tenant))
  seals.push(new Sealer({ ...seal, keyId: 'k1-2' }).seal(A), new Sealer({ keyId: 'k1', key: randomBytes(32) }).seal(A))
  seals.push(new Sealer({ ...seal, setting: 'app.other' }).seal(A), new Sealer({ ...seal, validFor: 301 }).seal(A))
  expect(new Set(seals.map((text) => text.slice(0, 64))).size).toBe(seals.length)
})

describe('signing', () => {
  test('a seal is signed once, and again when half of its validity is over', () => {
    const sealer = new Sealer(seal)
    const first = sealer.seal(A)
    pass(149)
    expect(sealer.seal(A)).toBe(first)
    pass(1)
    expect(sealer.seal(A)).toBe(sealOf(A, { key: seal }))
    expect(sealer.seal(A)).not.toBe(first)
  })

  test('a clock that was set back does not keep a seal from the future', () => {
    const sealer = new Sealer(seal)
    sealer.seal(A)
    pass(-3600)
    expect(sealer.seal(A)).toBe(sealOf(A, { key: seal }))
  })

  test('at most 10,000 seals are kept, and the oldest goes first', () => {
    const sealer = new Sealer(seal)
    const [oldest, second] = [sealer.seal('0'), sealer.seal('1')]
    for (let i = 2; i <= 10_000; i++) sealer.seal(String(i))
    pass(1)
    expect(sealer.seal('1')).toBe(second)
    expect(sealer.seal('0')).not.toBe(oldest)
  })
})

describe('binding', () => {
  const binder = new Binder({ seal, settings: ['app.user_id'] })

  test('the seal is bound beside the tenant and the settings, in one SELECT', async () => {
    expect(binder.sql).toBe(
      "SELECT pg_catalog.set_config('app.tenant_id', $1, true), pg_catalog.set_config('app.user_id', $2, true), pg_catalog.set_config('app.tenant_seal', $3, true)",
    )
    expect(binder.bind(await scopeOf(A)).values).toEqual([A, '', sealOf(A, { key: seal })])
  })

  test('no tenant has a seal of its own', async () => {
    const scope = await withoutTenant(() => currentScope() as Scope)
    expect(binder.bind(scope).values).toEqual(['', '', sealOf('', { key: seal })])
  })

  test('it is the canonical id that is sealed', async () => {
    expect(binder.bind(await scopeOf(A.toUpperCase())).values[2]).toBe(sealOf(A, { key: seal }))
  })

  test('a scope that lasts for hours is bound with a fresh seal each time, under the same key', async () => {
    const scope = await scopeOf(A)
    const binding = binder.bind(scope)
    const [{ key: before }, first] = [binding, binding.values]
    pass(7200)
    expect(binding.values).toEqual([A, '', sealOf(A, { key: seal })])
    expect(binding.values).not.toEqual(first)
    expect(binder.bind(scope).key).toBe(before)
    expect(binder.bind(await scopeOf(A)).key).toBe(before)
    expect(binder.bind(await scopeOf(B)).key).not.toBe(before)
  })
})

describe('the key', () => {
  const text = { hex: key.toString('hex'), base64: key.toString('base64'), base64url: key.toString('base64url') }

  test.each(Object.entries(text))('is the same as bytes and as %s, in a line of its own or not', (_, written) => {
    for (const each of [written, `${written}\n`])
      expect(new Sealer({ ...seal, key: each }).seal(A)).toBe(sealOf(A, { key: seal }))
  })

  test('may come from another realm, as it does in Jest', () => {
    const foreign = runInNewContext('Uint8Array.from(bytes)', { bytes: [...key] })
    expect(foreign instanceof Uint8Array).toBe(false)
    expect(new Sealer({ ...seal, key: foreign }).seal(A)).toBe(sealOf(A, { key: seal }))
  })

  test('is copied: bytes that are overwritten afterwards still sign', () => {
    const given = Uint8Array.from(key)
    const sealer = new Sealer({ ...seal, key: given })
    given.fill(0)
    expect(sealer.seal(A)).toBe(sealOf(A, { key: seal }))
  })

  test('shows up in nothing that can be printed or reached from a pool', async () => {
    const pool = new TenantPool({ seal: { ...seal, key: text.base64 } })
    await scopeOf(A).then((scope) => pool.tenants.bind(scope).values)
    const shown = inspect(pool, { depth: 20, showHidden: true, maxArrayLength: null, maxStringLength: null })
    expect(shown).toContain('TenantPool')
    for (const secret of [...Object.values(text), inspect(key).slice(9, 40)]) expect(shown).not.toContain(secret)
    expect(pool.options).not.toHaveProperty('seal')
    await pool.end()
  })
})

const HOW = "Make one with: node -p \"require('crypto').randomBytes(32).toString('base64')\""
const short = randomBytes(31)

describe.each([
  ['TenantPool', (given: unknown) => new TenantPool({ seal: given as never })],
  ['tenancy()', (given: unknown) => tenancy({ seal: given as never })],
])('%s refuses', (_, open) => {
  test.each([
    ['no key', undefined, 'is missing'],
    ['a number', 42, 'is neither bytes nor text in base64 or hexadecimal'],
    ['an array of bytes', [...key], 'is neither bytes nor text in base64 or hexadecimal'],
    [
      'the bytes in a buffer without a view',
      Uint8Array.from(key).buffer,
      'is neither bytes nor text in base64 or hexadecimal',
    ],
    ['an empty text', '', 'is missing'],
    ['a sentence', 'correct horse battery staple, and more', 'is neither bytes nor text in base64 or hexadecimal'],
    ['31 bytes', short, 'has 31 bytes, fewer than 32'],
    ['31 bytes in hexadecimal', short.toString('hex'), 'has 31 bytes, fewer than 32'],
    ['a password', 'letmein', 'has 5 bytes, fewer than 32'],
    ['zeros', new Uint8Array(32), 'is not random'],
    ['a pattern', 'deadbeef'.repeat(8), 'is not random'],
    ['a megabyte', randomBytes(2 ** 20), 'has more than 1024 bytes'],
  ])('%s as key, and shows nothing of it', (_, given, what) => {
    const refusal = refused(() => open({ keyId: 'k1', key: given }))
    expect(refusal).toEqual({
      code: 'CONFIG.INVALID',
      message: expect.stringContaining(`The key of the seal ${what}.`),
      hint: HOW,
    })
  })

  test.each([
    [{ ...seal, keyId: 'k.1' }, 'The key id of the seal is "k.1".', /letters, digits, _ and -/],
    [{ ...seal, keyId: '' }, 'The key id of the seal is "".', /letters, digits, _ and -/],
    [{ ...seal, keyId: 'k'.repeat(64) }, /^The key id of the seal is "k{40}…"\.$/, /at most 63/],
    [{ ...seal, keyId: 'k\n' }, /The key id/, /letters/],
    [{ key }, 'The key id of the seal is undefined.', /letters/],
    [{ ...seal, validFor: 59 }, 'The validity of seals is the number 59.', /from 60 to 3600/],
    [{ ...seal, validFor: 3601 }, 'The validity of seals is the number 3601.', /from 60 to 3600/],
    [{ ...seal, validFor: 90.5 }, 'The validity of seals is the number 90.5.', /whole seconds/],
    [{ ...seal, validFor: '300' }, 'The validity of seals is "300".', /whole seconds/],
    [{ ...seal, setting: 'seal' }, /The setting name "seal" contains no dot/, /two or more words/],
    [
      { ...seal, setting: 'App.Tenant_Id' },
      /A setting is declared twice: app.tenant_id, app.tenant_id/,
      /the seal's only in seal/,
    ],
    [{ ...seal, keyID: 'k2' }, 'The option seal has no option "keyID".', /keyId: '2026-01'/],
    [key.toString('base64'), 'The option seal is a text.', /key: process.env/],
    [null, 'The option seal is null.', /key: process.env/],
    [[], 'The option seal is an array.', /key: process.env/],
    [true, 'The option seal is the boolean true.', /key: process.env/],
  ])('%j, with a hint', (given, message, hint) => {
    const refusal = refused(() => open(given))
    expect(refusal).toMatchObject({ code: 'CONFIG.INVALID', hint: expect.stringMatching(hint) })
    if (typeof message === 'string') expect(refusal.message).toBe(message)
    else expect(refusal.message).toMatch(message)
    expect(JSON.stringify(refusal)).not.toContain(key.toString('base64'))
  })
})

test('the setting of the seal cannot be one of the extra settings too', () => {
  expect(refused(() => new Binder({ seal, settings: ['app.tenant_seal'] })).message).toContain('declared twice')
})

test('a key longer than a block of the hash is a key', () => {
  const long = randomBytes(100)
  expect(readSealKey(long)).toHaveLength(100)
  expect(new Sealer({ ...seal, key: long }).seal(A)).toBe(sealOf(A, { key: { keyId: 'k1', key: long } }))
})
