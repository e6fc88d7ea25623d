// Proves that what is no tenant id of the configured type is refused before anything is sent, and that two spellings of
// one tenant are one tenant or an error.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type Tenant, withTenant } from '../src/context.js'
import type { TenantId, TenantIdType } from '../src/tenant.js'
import { createTestDatabase, seedTenants, type TenantDatabase } from './support/database.js'
import { modes } from './support/modes.js'
import { openSilentLine, type SilentLine } from './support/silent-line.js'

const UUID = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'
const MEGABYTE = 1024 * 1024

const refusedAsId = {
  name: 'InvalidTenantIdError',
  code: 'TENANT.INVALID_ID',
  hint: expect.stringContaining(
    "Pass the tenant's id as it stands in the tenant column: withTenant(user.tenantId, () => …).",
  ),
}

class Account {
  id = UUID
}

/** No type of id takes these. */
const never: [what: string, id: unknown][] = [
  ['the empty text', ''],
  ['NUL', '\0'],
  ['an id and NUL', `${UUID}\0`],
  ['an id and a line break', `${UUID}\n`],
  ['a line break and an id', `\r\n${UUID}`],
  ['a tab', '\t1'],
  ['a C1 control character', 'a\u0085b'],
  ['a megabyte', 'a'.repeat(MEGABYTE)],
  ['a megabyte of digits', '1'.repeat(MEGABYTE)],
  ['256 bytes', 'a'.repeat(256)],
  ['128 characters of two bytes', 'é'.repeat(128)],
  ['a lone high surrogate', 'a\ud800'],
  ['a lone low surrogate', '\udc00a'],
  ['surrogates the wrong way round', '\udc00\ud800'],
  ['undefined', undefined],
  ['null', null],
  ['true', true],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-0', -0],
  ['1.5', 1.5],
  ['1e21', 1e21],
  ['2 ** 53', 2 ** 53],
  ['-(2 ** 53)', -(2 ** 53)],
  ['2n ** 63n', 2n ** 63n],
  ['-(2n ** 63n) - 1n', -(2n ** 63n) - 1n],
  ['a bigint of a thousand digits', 10n ** 1000n],
  ['an array of one id', [UUID]],
  ['an empty array', []],
  ['a String object', new String(UUID)],
  ['a Number object', new Number(1)],
  ['a BigInt object', Object(1n)],
  ['a Date', new Date(0)],
  ['a Buffer', Buffer.from(UUID)],
  ['a function', () => UUID],
  ['a symbol', Symbol(UUID)],
  ['a promise of an id', Promise.resolve(UUID)],
  ['a Map', new Map([['id', UUID]])],
  ['an instance with an id', new Account()],
  ['an object that inherits its id', Object.create({ id: UUID })],
  ['an object with Symbol.toPrimitive', { [Symbol.toPrimitive]: () => UUID }],
  ['an empty object', {}],
  ['{ id: [id] }', { id: [UUID] }],
  ['{ id: { id } }', { id: { id: UUID } }],
  ['{ id: undefined }', { id: undefined }],
  ['{ id: a String object }', { id: new String(UUID) }],
  ['{ id } with NUL', { id: `${UUID}\0` }],
  ['a Proxy of an array', new Proxy([UUID], {})],
  ['a Proxy of a function', new Proxy(() => UUID, {})],
]

const digits = (first: number): string =>
  Array.from({ length: 3 }, (_, i) => String.fromCodePoint(first + i + 1)).join('')
const notDecimal = [
  '01',
  '+1',
  '-0',
  '--1',
  '1e3',
  '0x1',
  '0b1',
  '0o7',
  ' 1',
  '1 ',
  '\u00a01',
  '1.0',
  '1.',
  '1,000',
  '1_000',
  '1n',
  'NaN',
  'Infinity',
  digits(0xff10),
  digits(0x0660),
  digits(0x0966),
  '1\u0661',
  '\u2460',
  '\u00b2',
  '\u22121',
  '1\u200b',
  '\u202e1',
  "1'",
  '1; DROP TABLE projects',
  '1 OR true',
  UUID,
  'null',
  'a',
  '9'.repeat(255),
]

/** What one type refuses, and what it takes: text that has the right shape and is not the one canonical form of an id. */
const types: { name: string; type: TenantIdType; refused: unknown[]; taken: [given: TenantId, bound: string][] }[] = [
  {
    name: 'uuid',
    type: 'uuid',
    refused: [
      `{${UUID}}`,
      UUID.replaceAll('-', ''),
      `urn:uuid:${UUID}`,
      ` ${UUID}`,
      `${UUID} `,
      `${UUID}\u00a0`,
      `\ufeff${UUID}`,
      UUID.slice(0, -1),
      `${UUID}0`,
      UUID.replace('a', 'g'),
      UUID.replace('a', '\uff41'),
      UUID.replace('0', '\uff10'),
      UUID.replace('0', '\u0660'),
      UUID.replaceAll('-', '\u2010'),
      `${UUID}' OR '1'='1`,
      `'; DROP TABLE projects; --`,
      'ſ'.repeat(36),
      '*',
      '%',
      1,
      1n,
      '1',
      'not-a-uuid',
    ],
    taken: [
      [UUID, UUID],
      [UUID.toUpperCase(), UUID],
    ],
  },
  {
    name: 'int',
    type: 'int',
    refused: [...notDecimal, '2147483648', '-2147483649', 2147483648, 2n ** 31n, Number.MAX_SAFE_INTEGER],
    taken: [
      [1, '1'],
      [1n, '1'],
      ['1', '1'],
      [0, '0'],
      ['-1', '-1'],
      ['2147483647', '2147483647'],
      [-2147483648, '-2147483648'],
    ],
  },
  {
    name: 'bigint',
    type: 'bigint',
    refused: [...notDecimal, '9223372036854775808', '-9223372036854775809', '1'.repeat(20)],
    taken: [
      [1, '1'],
      [2n ** 63n - 1n, '9223372036854775807'],
      ['-9223372036854775808', '-9223372036854775808'],
      [Number.MAX_SAFE_INTEGER, '9007199254740991'],
    ],
  },
  {
    name: 'text',
    type: 'text',
    refused: [
      ' a',
      'a ',
      ' ',
      '\u00a0a',
      'a\u3000',
      '\ufeffa',
      'Cafe\u0301',
      '\u212b',
      'a\u0323\u0307'.split('').reverse().join(''),
      1,
      1n,
    ],
    taken: [
      ['acme', 'acme'],
      ['Acme', 'Acme'],
      ["o'brien", "o'brien"],
      ['a b', 'a b'],
      ['Café', 'Café'],
      ['01', '01'],
      ["'; DROP TABLE projects; --", "'; DROP TABLE projects; --"],
      ['\\', '\\'],
      ['$1', '$1'],
      ['💼', '💼'],
      ['a'.repeat(255), 'a'.repeat(255)],
    ],
  },
  {
    name: '{ parse }',
    type: { parse: slug },
    refused: ['no slug', 'throws', 'number', 'object', 'promise', 'nothing', 'empty', 'nul', 'long', 'surrogate', 1.5],
    taken: [
      ['Acme', 'acme'],
      ['acme', 'acme'],
      [7, '7'],
      [7n, '7'],
    ],
  },
]

/** A parser as users write one, and a few ways to write it wrong. */
function slug(id: string): string {
  const wrong: Record<string, unknown> = {
    number: 1,
    object: { toString: () => 'acme' },
    promise: Promise.resolve('acme'),
    nothing: undefined,
    empty: '',
    nul: 'acme\0',
    long: 'a'.repeat(256),
    surrogate: '\ud800',
  }
  if (id === 'throws') throw new TypeError('no such tenant')
  if (Object.hasOwn(wrong, id)) return wrong[id] as string
  if (!/^[a-z0-9]+$/i.test(id)) throw new Error('no slug')
  return id.toLowerCase()
}

describe.each(modes)('in %s mode', (mode) => {
  let db: TenantDatabase
  beforeAll(async () => {
    db = await createTestDatabase()
  })
  afterAll(() => db.drop())

  describe.each(types)('with ids of the type $name', ({ type, refused, taken }) => {
    let line: SilentLine
    beforeAll(async () => {
      line = await openSilentLine(mode, db, { binding: { tenantId: type }, max: 1 })
    })
    afterAll(() => line.close())

    test.each(taken.map((each) => [describeId(each[0]), ...each] as const))(
      '%s is taken and bound in its one form',
      async (_, given, bound) => {
        const rows = await withTenant(
          given,
          () => line.prisma.$queryRaw`SELECT current_setting('app.tenant_id') AS bound`,
        )
        expect(rows).toEqual([{ bound }])
      },
    )

    test.each([...never, ...refused.map((id): [string, unknown] => [describeId(id), id])])(
      '%s is refused before anything is sent',
      async (_, id) => {
        for (const [way, call] of Object.entries(ways(line, id as Tenant))) {
          const refusal = await line.refusalOf(call)
          expect({ way, ...refusal }).toMatchObject({ way, ...refusedAsId })
          expect(refusal.message.length).toBeLessThan(300)
        }
      },
    )

    test('a connection that refused an id carries none', async () => {
      const rows = await line.prisma.$forTenant(taken[0]?.[0] as TenantId).plan.findMany()
      expect(rows).toEqual([])
    })
  })

  describe('with uuids', () => {
    let line: SilentLine
    beforeAll(async () => {
      line = await openSilentLine(mode, db, { max: 1 })
    })
    afterAll(() => line.close())

    test('an upper-case uuid and the lower-case one are one tenant, and share one statement in one tick', async () => {
      const [tenant] = await seedTenants(db, [randomUUID()])
      line.proxy.reset()
      const [first, second] = tenant.projectIds as [string, string]
      const rows = await Promise.all([
        withTenant(tenant.tenantId, () => line.prisma.project.findUnique({ where: { id: first } })),
        withTenant(tenant.tenantId.toUpperCase(), () => line.prisma.project.findUnique({ where: { id: second } })),
      ])
      expect(rows.map((row) => row?.id)).toEqual([first, second])
      expect(line.proxy.statements().filter((text) => text.includes('"projects"'))).toHaveLength(1)
    })

    test.each([
      ['toString', { toString: () => UUID }],
      ['valueOf', { valueOf: () => UUID }],
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what is refused here
      ['then', { then: (resolve: (id: string) => void) => resolve(UUID) }],
      ['__proto__', JSON.parse(`{ "id": "${UUID}", "__proto__": { "id": "${UUID}" } }`)],
      ['tenantId', { tenantId: UUID }],
      ['settigns', { id: UUID, settigns: {} }],
    ])('an object with the property %s is refused by its name', async (name, tenant) => {
      for (const call of Object.values(ways(line, tenant as Tenant))) {
        expect(await line.refusalOf(call)).toMatchObject({
          code: 'CONFIG.INVALID',
          message: expect.stringContaining(`withTenant was given the unknown property "${name}".`),
          hint: 'Give an id, or { id, settings }.',
        })
      }
    })

    test('an id that answers differently each time it is read is read once', async () => {
      const [a, b] = await seedTenants(db, [randomUUID(), randomUUID()])
      const answers = [a.tenantId, b.tenantId]
      const asked: (string | undefined)[] = []
      const shifty = {
        get id() {
          asked.push(answers[asked.length])
          return asked.at(-1) ?? ''
        },
      }
      const ids = await withTenant(shifty, async () => {
        const first = await line.prisma.project.findMany()
        return [...first, ...(await line.prisma.project.findMany())].map(({ tenantId }) => tenantId)
      })
      expect(asked).toEqual([a.tenantId])
      expect(new Set(ids)).toEqual(new Set([a.tenantId]))
    })

    test('what a refused scope was to run does not run', async () => {
      let ran = false
      const refusal = await line.refusalOf(() =>
        withTenant('', () => {
          ran = true
        }),
      )
      expect(refusal.message).toMatch(/^The tenant id "" cannot be used: it is empty\.$/m)
      expect(ran).toBe(false)
    })
  })
})

/** Every way in which an id reaches a client. */
function ways({ prisma, pool, mode }: SilentLine, id: Tenant): Record<string, () => Promise<unknown>> {
  return {
    model: () => withTenant(id, () => prisma.plan.findMany()),
    unique: () => withTenant(id, () => prisma.plan.findUnique({ where: { id: 1 } })),
    write: () => withTenant(id, () => prisma.project.create({ data: { name: 'written' } })),
    raw: () => withTenant(id, () => prisma.$queryRaw`SELECT 1`),
    execute: () => withTenant(id, () => prisma.$executeRaw`SELECT 1`),
    array: () => withTenant(id, () => prisma.$transaction([prisma.plan.findMany()])),
    interactive: () => withTenant(id, () => prisma.$transaction(async (tx) => tx.plan.findMany())),
    bound: async () => prisma.$forTenant(id).plan.findMany(),
    boundTransaction: async () => prisma.$forTenant(id).$transaction(async (tx) => tx.plan.findMany()),
    ...(mode === 'pool' && { pool: () => withTenant(id, () => pool.query('SELECT 1')) }),
  }
}

function describeId(id: unknown): string {
  const text = typeof id === 'string' ? JSON.stringify(id) : `the ${typeof id} ${String(id)}`
  return text.length > 60 ? `${text.slice(0, 60)}… (${text.length} characters)` : text
}
