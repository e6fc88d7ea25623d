// Proves that the SARIF log is valid by its schema, that a reader of the file beside it finds every finding in it, and that
// no name becomes a link there.
import { createRequire } from 'node:module'
import Draft04 from 'ajv-draft-04'
import { describe, expect, test } from 'vitest'
import type { Report } from '../../../src/doctor/finding.js'
import { toSarif } from '../../../src/doctor/report/sarif.js'
import { clean, halfSeen, hostile, report, rules } from './reports.js'

const schema = createRequire(import.meta.url)('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json') as object
const isUri = (text: string): boolean => URL.canParse(text)
const validate = new Draft04.default({
  strict: false,
  // The schema has a pattern that is none under the flag u.
  unicodeRegExp: false,
  allErrors: true,
  formats: {
    uri: isUri,
    'uri-reference': (text: string) => URL.canParse(text, 'https://example.com/') && !/[\s<>"{}|\\^`]/.test(text),
    'date-time': (text: string) => !Number.isNaN(Date.parse(text)),
  },
}).compile(schema)

function problems(log: object): unknown {
  return validate(log) ? [] : validate.errors
}

interface Log {
  readonly runs: readonly {
    readonly results: readonly {
      readonly ruleId: string
      readonly ruleIndex?: number
      readonly level: string
      readonly message: { readonly text: string }
      readonly locations: readonly { readonly logicalLocations: readonly { readonly fullyQualifiedName: string }[] }[]
      readonly partialFingerprints: Record<string, string>
    }[]
  }[]
}

const sarif = (of: Report, path = 'prisma/schema.prisma'): Log =>
  toSarif(of, {
    rules,
    version: '1.2.3',
    locate: ({ object }) => ({ path, line: object.includes('projects') ? 12 : 1 }),
  }) as Log
const results = (of: Report) => sarif(of).runs[0]?.results ?? []

test('a report is the log of expected/report.sarif', async () => {
  await expect(`${JSON.stringify(sarif(halfSeen), undefined, 2)}\n`).toMatchFileSnapshot('expected/report.sarif')
})

test.each([
  ['a report', report],
  ['a clean report', clean],
  ['hostile names', hostile],
])('%s is valid by the schema', (_, of) => {
  expect(problems(sarif(of))).toEqual([])
})

test('the schema is one that refuses', () => {
  const log = structuredClone(sarif(report)) as unknown as { runs: { results: { level: string }[] }[] }
  for (const result of log.runs[0]?.results ?? []) result.level = 'info'
  expect(problems(log)).not.toEqual([])
})

test('every finding is a result, with the index of its rule and the level that SARIF has for it', () => {
  expect(results(report).map(({ ruleId, ruleIndex, level }) => ({ ruleId, ruleIndex, level }))).toEqual([
    { ruleId: 'rls-disabled', ruleIndex: 0, level: 'error' },
    { ruleId: 'rls-disabled', ruleIndex: 0, level: 'error' },
    { ruleId: 'policy-widened', ruleIndex: 1, level: 'error' },
    { ruleId: 'tenant-index-missing', ruleIndex: 2, level: 'warning' },
    { ruleId: 'unique-without-tenant', ruleIndex: 3, level: 'note' },
  ])
})

test('the same fault of the same object is the same alert, whatever is said of it', () => {
  const prints = (of: Report) => results(of).map(({ partialFingerprints }) => partialFingerprints['ruleAndObject/v1'])
  const reworded = { ...report, findings: report.findings.map((finding) => ({ ...finding, detail: 'Else.' })) }
  expect(prints(reworded)).toEqual(prints(report))
  expect(new Set(prints(report)).size).toBe(report.findings.length)
})

test('a path with a space and an umlaut is a URI', () => {
  expect(problems(sarif(report, 'my app/schemä.prisma'))).toEqual([])
  expect(JSON.stringify(sarif(report, 'my app/schemä.prisma'))).toContain('my%20app/schem%C3%A4.prisma')
})

describe('hostile names', () => {
  test('are neither links nor placeholders, and stay on their line', () => {
    for (const { message } of results(hostile)) {
      expect(message.text).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      expect(message.text).not.toMatch(/(?<!\\)\[click here/)
      expect(message.text).not.toMatch(/(?<!\{)\{0\}/)
    }
    expect(results(hostile).some(({ message }) => message.text.includes('click here'))).toBe(true)
  })
})
