// Proves that the report for people reads as the file beside it, and that no name in it acts on the terminal.
import { describe, expect, test } from 'vitest'
import { applyBaseline } from '../../../src/doctor/report/baseline.js'
import { reportText } from '../../../src/doctor/report/text.js'
import { clean, halfSeen, hostile, report } from './reports.js'

const nothingAccepted = (of: typeof report) => applyBaseline(of, [])

test('a report reads as expected/report.txt', async () => {
  const judged = applyBaseline(halfSeen, [
    { rule: 'unique-without-tenant', object: '"public"."projects_slug_key"', reason: 'Slugs are in URLs.' },
  ])
  await expect(`${reportText(judged)}\n`).toMatchFileSnapshot('expected/report.txt')
})

test('a report that found nothing says what it looked at', () => {
  expect(reportText(nothingAccepted(clean))).toMatchInlineSnapshot(`
    "shop on PostgreSQL 15.18, seen as postgres
    The app role app_user: 2 tenant tables, 4 rules

    Nothing found in 2 tenant tables."
  `)
})

test('a database without a tenant table is not praised', () => {
  const text = reportText(nothingAccepted({ ...clean, checked: { ...clean.checked, tables: [] } }))
  expect(text).toContain('0 tenant tables')
})

test('colours are put around parts and never into them', () => {
  const mark = (text: string): string => `«${text}»`
  const paint = { error: mark, warning: mark, info: mark, strong: mark, quiet: mark, sql: mark, good: mark }
  const text = reportText(nothingAccepted(report), paint)
  expect(text).toContain('«error  » «Row-level security is off on a tenant table»  «rls-disabled»')
  expect(text.replaceAll(/[«»]/g, '')).toBe(reportText(nothingAccepted(report)))
})

describe('hostile names', () => {
  const text = reportText(nothingAccepted(hostile))

  test('move no cursor, colour nothing and turn no direction', () => {
    expect(text).toContain('\\u{1b}[31m')
    expect(text).toContain('\\u{202e}gnp.exe')
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
  })

  test('begin no line of their own outside the SQL that has to name them', () => {
    const lines = text.split('\n')
    expect(lines.filter((line) => line.startsWith('break; DROP') || line.startsWith('return; DROP'))).toEqual([])
    expect(text).toContain('"public"."line\\u{a}break; DROP TABLE users; --"')
  })
})
