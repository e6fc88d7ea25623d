// Attacks with names of files: no usual reader of a tenant's path arrives anywhere but below the tenant's folder, and at
// the name that was given: file systems of POSIX and Windows, URLs, what decodes or normalises, S3 and Google's storage.
import { posix, win32 } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { tenantKey, tenantPath, withTenant } from '../src/index.js'
import { tenantJobKey } from '../src/jobs/index.js'
import { canonicalTenantId, checkTenantId } from '../src/tenant.js'
import { idsAre } from './support/ids-are.js'

beforeAll(() => idsAre('text'))

const path = (id: string, name: string): Promise<string> => withTenant(id, () => tenantPath(name))

/** Where a reader arrives, as a path below its root. */
const readers: Record<string, (path: string) => string> = {
  'a POSIX file system': (path) => posix.resolve('/', path).slice(1),
  // As Win32 opens it: separators of both kinds, and no dots or spaces at the end of a part.
  'a file system of Windows': (path) =>
    win32
      .resolve('C:\\', path)
      .slice(3)
      .split('\\')
      .map((part) => part.replace(/[. ]+$/, '').replace(/:.*/, ''))
      .join('/'),
  'a URL': (path) => decoded(new URL(path, 'https://bucket.example.com/').pathname),
  'a URL of a scheme of its own': (path) => decoded(new URL(path, 's3://bucket/').pathname),
  'a URL whose path is put together': (path) => decoded(new URL(`https://bucket.example.com/${path}`).pathname),
  'the URL of a file': (path) => decoded(pathToFileURL(posix.join('/', path)).pathname),
  'what decodes once': (path) => resolved(decodeURIComponent(path)),
  'what decodes twice': (path) => resolved(decodeURIComponent(decodeURIComponent(path))),
  'what decodes as old servers do': (path) => resolved(unescape(unescape(path))),
  'a URL that was decoded before': (path) => decoded(new URL(unescape(path), 'https://bucket.example.com/').pathname),
}
const resolved = (path: string): string => posix.resolve('/', path).slice(1)
const decoded = (pathname: string): string => decodeURIComponent(pathname).slice(1)

// What climbs, separates, escapes, ends or vanishes.
const piece = fc.constantFrom(
  ...[
    '.',
    '..',
    '/',
    '\\',
    '%',
    '%2e',
    '%2E',
    '%2f',
    '%5C',
    '%25',
    '2e',
    '%u002e',
    '%c0%ae',
    '%%32%65',
    '\t',
    '\n',
    '\r',
  ],
  ...[
    '\0',
    '?',
    '#',
    ':',
    '*',
    '"',
    '<',
    '>',
    '|',
    ' ',
    '\u3000',
    '\u00a0',
    '．',
    '／',
    '＼',
    '％',
    '‥',
    '…',
    '․',
    '℀',
    '﹨',
    '：',
  ],
  ...[
    '\u200b',
    '\ufeff',
    '\u00ad',
    '\u202e',
    '\u2060',
    '\ud800',
    '\u0085',
    'nul',
    'CON',
    'com1',
    'COM¹',
    '.txt',
    '$',
    '~',
    '~1',
  ],
  ...['a', 'A', 'ä', 'a\u0308', '-', '_', '1', '[', ']', '&', '+', ';', '=', '@', ',', '{', '}', '^', '`', "'", '!'],
)
const name = fc.oneof(
  fc.array(piece, { minLength: 1, maxLength: 7 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'binary', minLength: 1 }),
)
const tenant = fc
  .array(piece, { minLength: 1, maxLength: 5 })
  .map((pieces) => pieces.join(''))
  .filter((id) => {
    try {
      return canonicalTenantId(checkTenantId(id), 'text') === id
    } catch {
      return false
    }
  })

describe('a name that tenantPath takes', () => {
  test.each(Object.entries(readers))('is read by %s as it was given, in every form of Unicode', async (_, read) => {
    let taken = 0
    await fc.assert(
      fc.asyncProperty(tenant, name, async (id, name) => {
        const made = await path(id, name).catch(() => undefined)
        if (made === undefined) return
        taken += 1
        expect(read(made)).toBe(made)
        for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD'] as const)
          expect(read(made.normalize(form))).toBe(made.normalize(form))
        // What is invisible may be dropped, and then there is nothing to resolve either.
        const visible = made.replace(/\p{Default_Ignorable_Code_Point}/gu, '')
        expect(read(visible)).toBe(visible)
      }),
      { numRuns: 3000 },
    )
    // It would also hold if nothing was taken.
    expect(taken).toBeGreaterThan(100)
  })
})

describe('is refused:', () => {
  test.each<[reader: string, ...names: string[]]>([
    ['what climbs', '.', '..', '../b', 'a/../../b', './a', 'a/.', 'a/..'],
    ['what is no segment', '', '/', '/etc/passwd', '//host/share', 'a//b', 'a/'],
    ['what climbs on Windows', '..\\b', 'a\\..\\..\\b', '\\\\host\\share', '.. /b', '... ', 'a/. ./b', 'a.', 'a '],
    [
      'what Windows opens as a device or a stream',
      'nul',
      'NUL.txt',
      'a/con',
      'com1.log',
      'COM¹',
      'lpt9 .x',
      'CONIN$',
      'aux.',
    ],
    ['a stream, and a drive', 'a.txt:b', 'a::$DATA', 'C:', 'a/C:b'],
    ['what a URL decodes to dots', '%2e%2e/b', '%2E%2E/b', '.%2e/b', '%2e./b', '%2E', 'a/%2e%2e/%2e%2e/b'],
    ['what a URL decodes to slashes', '..%2fb', '..%2Fb', '..%5cb', 'a%2f..%2f..%2fb', '%00', 'a%0a'],
    [
      'what is encoded twice, or in other ways',
      '%252e%252e/b',
      '%25252e',
      '%%32%65',
      '%u002e%u002e/b',
      '%c0%ae%c0%ae/b',
    ],
    ['what ends a path of a URL', 'a?b', 'a#b', 'a#1', '?', '#'],
    ['what the parser of URLs drops', '.\t./b', '.\n./b', '.\r./b', '\t../b', 'a\tb', 'a\nb', 'a\0b'],
    [
      'what is something else when normalised',
      '．．/b',
      '。．/b．',
      '‥/b',
      '․․/b',
      'a／..／b',
      'a＼b',
      '％2e％2e/b',
      '…',
      'a\u3000',
      '℀',
    ],
    [
      'what is something else when the invisible is dropped',
      '..\u200b/b',
      '.\u00ad./b',
      '\ufeff../b',
      '\u2060',
      'nul\u200b',
    ],
    ['what is a pattern to the tools of a store, or no name on Windows', 'a*', '**', 'a"b', 'a<b', 'a>b', 'a|b'],
    ['what has no UTF-8', '\ud800', 'a/\udc00b'],
    ['other control characters', 'a\u007f', 'a\u0085', '\u001b[31m'],
  ])('%s', async (_, ...names) => {
    for (const name of names) {
      const outcome = await path('a', name).catch((error: { code?: string }) => error.code)
      expect([name, outcome]).toEqual([name, 'CONFIG.INVALID'])
    }
  })

  test('with a hint that leads to a name for anything', async () => {
    await expect(path('a', '..')).rejects.toMatchObject({ hint: expect.stringContaining("toString('hex')") })
    const anything = '../% ?#\0．．'
    expect(await path('a', `uploads/${Buffer.from(anything).toString('hex')}`)).toMatch(
      /^tenants\/a\/uploads\/[0-9a-f]+$/,
    )
  })
})

test.each([
  'avatars/1.png',
  '.well-known/x',
  'a b/Ünïcode (1) [2].png',
  '..a/...b',
  'nullable/console.log',
  '2024-01-01/€.csv',
  '~/$a&b=c;d,e@f+g!',
])('%j is taken as it is', async (name) => expect(await path('acme', name)).toBe(`tenants/acme/${name}`))

describe('a tenant’s own part', () => {
  test.each([
    ['..', '_2e_2e'],
    ['.', '_2e'],
    ['Acme & Co.', '_41cme_20_26_20_43o_2e'],
    ['a_b', 'a_5fb'],
    ['%2e', '_252e'],
    ['nul', '_6eul'],
    ['é', '_c3_a9'],
  ])('of %j is %j in keys, paths and jobs', async (id, own) => {
    expect(await path(id, 'x')).toBe(`tenants/${own}/x`)
    expect(await withTenant(id, () => tenantKey('x'))).toBe(`tenant:${own}:x`)
    expect(await withTenant(id, () => tenantJobKey('x'))).toBe(`${own}/x`)
  })

  test.each(Object.entries(readers))(
    'is read by %s as it is, and is no other tenant’s in either case',
    async (_, read) => {
      await fc.assert(
        fc.asyncProperty(tenant, tenant, async (id, other) => {
          const [own, others] = [await path(id, 'x'), await path(other, 'x')]
          expect(read(own)).toBe(own)
          expect(read(own).split('/')).toHaveLength(3)
          if (id !== other) expect(read(own).toLowerCase()).not.toBe(read(others).toLowerCase())
        }),
        {
          numRuns: 2000,
          examples: [
            ['con', '_63on'],
            ['A', 'a'],
            ['.', '..'],
            ['_', '_5f'],
          ],
        },
      )
    },
  )
})
