// Proves that a line of the log names the tenant it was written for and no other, with the real pino and Node's own
// console; that an id cannot forge a line; and that hashes tell tenants apart without telling who they are.
import { Console } from 'node:console'
import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { withoutTenant, withTenant } from '../../src/context.js'
import { tenantConsole } from '../../src/telemetry/console.js'
import { hashTenant, tenantLabel } from '../../src/telemetry/hash.js'
import { tenantLogFields } from '../../src/telemetry/log-fields.js'
import { idsAre } from '../support/ids-are.js'

idsAre('text')

const key = randomBytes(32)

/** A stream, and the lines that were written to it. */
function paper() {
  const written: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      written.push(String(chunk))
      done()
    },
  })
  return { stream, text: () => written.join(''), lines: () => written.join('').trimEnd().split('\n') }
}

describe('pino', () => {
  test('each line has the tenant in scope, with tenants mixed and lines written late', async () => {
    const { stream, lines } = paper()
    const log = pino({ mixin: tenantLogFields() }, stream)
    const child = log.child({ part: 'child' })
    const tenants = Array.from({ length: 20 }, () => randomUUID())
    await Promise.all(
      tenants.map((tenant, n) =>
        withTenant(tenant, async () => {
          log.info({ expected: tenant })
          await sleep(n % 3)
          child.warn({ expected: tenant }, 'later')
        }),
      ),
    )
    const written = lines().map((line) => JSON.parse(line))
    expect(written).toHaveLength(40)
    for (const { tenantId, expected } of written) expect(tenantId).toBe(expected)
  })

  test('without a tenant nothing is added', async () => {
    const { stream, lines } = paper()
    const log = pino({ base: null, timestamp: false, mixin: tenantLogFields() }, stream)
    log.info('outside')
    await withTenant('acme', () => withoutTenant(() => log.info('nobody')))
    expect(lines()).toEqual(['{"level":30,"msg":"outside"}', '{"level":30,"msg":"nobody"}'])
  })

  test('the field has another name, or a hash, where that is asked for', async () => {
    const { stream, text } = paper()
    const log = pino({ mixin: tenantLogFields({ field: 'org', id: hashTenant({ key }) }) }, stream)
    await withTenant('acme', () => log.info('hashed'))
    expect(JSON.parse(text())).toMatchObject({ org: hashTenant({ key })('acme'), msg: 'hashed' })
    expect(text()).not.toContain('acme')
    expect(() => tenantLogFields({ hash: 'sha256' } as object)).toThrow('unknown option "hash"')
  })

  test('what a line says of its own stays with that line', async () => {
    const { stream, lines } = paper()
    const log = pino({ mixin: tenantLogFields() }, stream)
    await withTenant('acme', () => {
      log.info({ order: 1 }, 'first')
      log.info('second')
    })
    expect(lines().map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ tenantId: 'acme', order: 1 }),
      expect.not.objectContaining({ order: 1 }),
    ])
  })
})

describe('the console', () => {
  const open = () => {
    const out = paper()
    const err = paper()
    const base = new Console({ stdout: out.stream, stderr: err.stream })
    return { out, err, base, log: tenantConsole(base) }
  }

  test('each call begins with the tenant, by each of its methods', async () => {
    const { out, err, log } = open()
    await withTenant('acme', () => {
      log.log('a')
      log.info('b')
      log.debug('c')
      log.warn('d')
      log.error('e')
      log.trace('f')
    })
    expect(out.lines()).toEqual(['[tenant acme] a', '[tenant acme] b', '[tenant acme] c'])
    expect(err.lines().slice(0, 3)).toEqual(['[tenant acme] d', '[tenant acme] e', 'Trace: [tenant acme] f'])
  })

  test('formats, objects and errors print as before, behind it', async () => {
    const { out, base, log } = open()
    const calls: unknown[][] = [
      ['%s of %d', 'one', 2],
      ['100%', 'of it'],
      ['50%%'],
      [{ a: { b: [1] } }, '%s', 'not a format'],
      [new Error('an error')],
      [undefined],
      [42, 'x'],
    ]
    for (const given of calls) base.log(...given)
    const before = out.text()
    await withTenant('acme', () => {
      for (const given of calls) log.log(...given)
    })
    const after = out.text().slice(before.length)
    expect(after.replaceAll('[tenant acme] ', '')).toBe(before)
    expect(after.match(/^\[tenant acme\] /gm)).toHaveLength(calls.length)
  })

  test('without a tenant, and for what else it has, it is the console that was given', async () => {
    const { out, base, log } = open()
    log.log('outside %s', 'all')
    await withTenant('acme', async () => {
      await withoutTenant(() => log.log('nobody'))
      log.table([{ a: 1 }])
    })
    base.table([{ a: 1 }])
    const [outside, nobody, ...tables] = out.lines()
    expect([outside, nobody]).toEqual(['outside all', 'nobody'])
    expect(tables.slice(0, tables.length / 2)).toEqual(tables.slice(tables.length / 2))
  })

  // Control characters are refused by withTenant; these pass as text ids.
  const hostile = [
    'a] paid\u2028[tenant b',
    'a\u2029[tenant b]',
    'a] [tenant b',
    '%s%s%d%o%c',
    '\u202eemca',
    'a\u200b',
    '\ud83d\ude00',
    '"a" \\u{5d}',
    'a b',
  ]
  test.each(hostile)('the id %j forges no line and takes no argument', async (id) => {
    const { out, log } = open()
    await withTenant(id, () => log.log('paid %s', 'nothing'))
    expect(out.text()).toMatch(/^\[tenant (?:[\p{L}\p{N}_.:@/-]|\\u\{[0-9a-f]+\})+\] paid nothing\n$/u)
  })

  test('an id that ends lines cannot be opened at all, and a function for ids is held to the same', async () => {
    for (const id of ['a\nb', 'a\rb', 'a\u001b[2Kb', 'a\u0085b', 'a\u009bb'])
      await expect(withTenant(id, () => {})).rejects.toMatchObject({ code: 'TENANT.INVALID_ID' })
    const { out, base } = open()
    const log = tenantConsole(base, { id: (tenant) => `${tenant}\n\u001b[31m` })
    await withTenant('acme', () => log.log('shown'))
    expect(out.text()).toBe('[tenant acme\\u{a}\\u{1b}\\u{5b}31m] shown\n')
  })

  test('two ids are never shown as one', async () => {
    const { out, log } = open()
    for (const id of ['a b', 'a\\u{20}b', 'a\u00a0b', 'a_b']) await withTenant(id, () => log.log('x'))
    expect(new Set(out.lines()).size).toBe(4)
  })
})

describe('hashes', () => {
  test('the same tenant has the same hash for as long as the key is the same, and nobody else has it', () => {
    const hash = hashTenant({ key })
    expect(hash('acme')).toMatch(/^[0-9a-f]{16}$/)
    expect(hashTenant({ key: key.toString('base64') })('acme')).toBe(hash('acme'))
    expect(hash(7)).toBe(hash('7'))
    const many = Array.from({ length: 5000 }, (_, n) => hash(n))
    expect(new Set(many).size).toBe(5000)
    // Kept ones and new ones are the same.
    expect(Array.from({ length: 5000 }, (_, n) => hash(n))).toEqual(many)
    expect(hashTenant({ key: randomBytes(32) })('acme')).not.toBe(hash('acme'))
  })

  test('the key is needed to find out whose it is, and a seal made with the same key is another text', () => {
    expect(hashTenant({ key })('acme')).not.toBe(createHmac('sha256', key).update('acme').digest('hex').slice(0, 16))
    for (const bad of [undefined, '', 'secret', 'a'.repeat(64), randomBytes(16)])
      expect(() => hashTenant({ key: bad as string })).toThrow(
        expect.objectContaining({
          code: 'CONFIG.INVALID',
          message: expect.stringContaining('The key of tenant hashes'),
        }),
      )
  })

  test('a label is the hash of the tenant in scope and never the id', async () => {
    const label = tenantLabel({ key })
    expect(label()).toEqual({})
    await withTenant('acme', async () => {
      expect(label()).toEqual({ tenant: hashTenant({ key })('acme') })
      await withoutTenant(() => expect(label()).toEqual({}))
    })
  })
})
