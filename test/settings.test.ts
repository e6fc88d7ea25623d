// Proves that extra settings which were not declared, or are no text, are refused before anything is sent, and that what
// is bound is exactly what the scope gave.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type Tenant, withTenant } from '../src/context.js'
import { createTestDatabase, type TenantDatabase } from './support/database.js'
import { leftOnIdleConnections, modes } from './support/modes.js'
import { openSilentLine, type SilentLine } from './support/silent-line.js'

const SETTINGS = ['app.user_id', 'app.role']
const id = randomUUID()

describe.each(modes)('in %s mode', (mode) => {
  let db: TenantDatabase
  let line: SilentLine
  beforeAll(async () => {
    db = await createTestDatabase()
    line = await openSilentLine(mode, db, { binding: { settings: SETTINGS }, max: 1 })
  })
  afterAll(async () => {
    expect(new Set(await leftOnIdleConnections(line.pool, ['app.tenant_id', ...SETTINGS]))).toEqual(new Set(['']))
    await line.close()
    await db.drop()
  })

  test.each([
    ['all of them', { 'app.user_id': '7', 'app.role': 'admin' }, ['7', 'admin']],
    ['one of them', { 'app.role': 'admin' }, ['', 'admin']],
    ['none', {}, ['', '']],
    ['another spelling of a name', { 'APP.User_Id': '7' }, ['7', '']],
    [
      'quotes and SQL',
      { 'app.user_id': `'; RESET ALL; --"`, 'app.role': "\\' OR true" },
      [`'; RESET ALL; --"`, "\\' OR true"],
    ],
    ['line breaks and 4096 bytes', { 'app.user_id': 'a\n', 'app.role': 'é'.repeat(2048) }, ['a\n', 'é'.repeat(2048)]],
  ])('a scope that gives %s is bound to that and to nothing more', async (_, settings, bound) => {
    await withTenant({ id, settings: { 'app.user_id': 'former', 'app.role': 'former' } }, () =>
      line.prisma.plan.count(),
    )
    const rows = await withTenant(
      { id, settings },
      () =>
        line.prisma.$queryRaw`SELECT current_setting('app.user_id') AS user_id, current_setting('app.role') AS role`,
    )
    expect(rows).toEqual([{ user_id: bound[0], role: bound[1] }])
  })

  test('a scope inside another inherits none of its settings', async () => {
    const rows = await withTenant({ id, settings: { 'app.user_id': '7' } }, () =>
      withTenant(id, () => line.prisma.$queryRaw`SELECT current_setting('app.user_id') AS user_id`),
    )
    expect(rows).toEqual([{ user_id: '' }])
  })

  test.each([
    'app.other',
    'user_id',
    'app.user_id ',
    'app.user_id\0',
    '"app.user_id"',
    'app.user_id, app.role',
    "app.user_id', 'x', false) --",
    'app.tenant_id',
    'App.Tenant_Id',
    'role',
    'search_path',
    'row_security',
    'session_authorization',
    '',
    '__proto__',
    'constructor',
    'toString',
    'app.constructor',
  ])('the undeclared name %j is refused', (name) => expectUndeclared(name))

  test('an undeclared name of a megabyte is refused in a short sentence', () =>
    expectUndeclared('a'.repeat(1024 * 1024)))

  test('one setting in two spellings is refused', async () => {
    await expectRefused(
      { id, settings: { 'app.user_id': '7', 'APP.USER_ID': '8' } },
      {
        message: /(?:^|: )The setting "APP\.USER_ID" is given twice\.$/m,
        hint: /^Give each setting once/,
      },
    )
  })

  async function expectUndeclared(name: string): Promise<void> {
    // JSON.parse makes an own property of __proto__, as a request's body would.
    const settings = JSON.parse(`{ ${JSON.stringify(name)}: "7", "app.role": "admin" }`)
    await expectRefused(
      { id, settings },
      {
        message: /(?:^|: )The setting .* is not declared\.$/ms,
        hint: /^Declare it where the client is made: settings:/,
      },
    )
  }

  test.each([
    ['NUL', 'a\0'],
    ['a megabyte', 'a'.repeat(1024 * 1024)],
    ['4097 bytes', `${'é'.repeat(2048)}a`],
    ['a lone surrogate', '\ud800'],
    ['a number', 7],
    ['a bigint', 7n],
    ['a boolean', true],
    ['null', null],
    ['undefined', undefined],
    ['an array', ['7']],
    ['an object with toString', { toString: () => '7' }],
    ['a String object', new String('7')],
    ['a function', () => '7'],
    ['a symbol', Symbol('7')],
    ['a promise', Promise.resolve('7')],
  ])('%s is no value', async (_, value) => {
    await expectRefused({ id, settings: { 'app.user_id': value } } as unknown as Tenant, {
      message: /^The value of the setting "app\.user_id" is not text of at most 4096 bytes\.$/m,
      hint: /^Give a string without NUL/,
    })
  })

  test.each([
    ['an array', ['app.user_id']],
    ['a text', 'app.user_id=7'],
    ['null', null],
    ['a Map', new Map([['app.user_id', '7']])],
    ['a function', () => ({})],
    ['an object that inherits', Object.create({ 'app.user_id': '7' })],
  ])('%s is no set of settings', async (_, settings) => {
    await expectRefused({ id, settings } as unknown as Tenant, {
      message: /^withTenant was given settings that are not an object of names and texts\.$/m,
      hint: /^Give settings: \{/,
    })
  })

  test('a value that answers differently each time it is read is read once', async () => {
    let reads = 0
    const settings = {
      get 'app.user_id'() {
        reads += 1
        return reads === 1 ? 'first' : 'second'
      },
    }
    const rows = await withTenant({ id, settings }, async () => {
      await line.prisma.plan.count()
      return line.prisma.$queryRaw`SELECT current_setting('app.user_id') AS user_id`
    })
    expect({ rows, reads }).toEqual({ rows: [{ user_id: 'first' }], reads: 1 })
  })

  test('a change of the settings after the scope was opened changes nothing', async () => {
    const settings = { 'app.user_id': 'first' }
    const rows = await withTenant({ id, settings }, () => {
      settings['app.user_id'] = 'second'
      return line.prisma.$queryRaw`SELECT current_setting('app.user_id') AS user_id`
    })
    expect(rows).toEqual([{ user_id: 'first' }])
  })

  async function expectRefused(tenant: Tenant, { message, hint }: { message: RegExp; hint: RegExp }): Promise<void> {
    const { prisma, pool } = line
    const ways: (() => Promise<unknown>)[] = [
      () => withTenant(tenant, () => prisma.plan.findMany()),
      () => withTenant(tenant, () => prisma.plan.findUnique({ where: { id: 1 } })),
      () => withTenant(tenant, () => prisma.$queryRaw`SELECT 1`),
      () => withTenant(tenant, () => prisma.$transaction([prisma.plan.findMany()])),
      () => withTenant(tenant, () => prisma.$transaction(async (tx) => tx.plan.findMany())),
      async () => prisma.$forTenant(tenant).plan.findMany(),
    ]
    if (mode === 'pool') ways.push(() => withTenant(tenant, () => pool.query('SELECT 1')))
    for (const way of ways) {
      const refusal = await line.refusalOf(way)
      expect(refusal).toMatchObject({ code: 'CONFIG.INVALID' })
      expect(refusal.message).toMatch(message)
      expect(refusal.message.length).toBeLessThan(300)
      expect(refusal.hint).toMatch(hint)
    }
  }
})
