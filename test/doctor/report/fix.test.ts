// Proves that the migration of fixes holds each mechanical fix once, in an order that works, and runs nothing else.
import { parse } from 'libpg-query'
import { describe, expect, test } from 'vitest'
import { fixesOf, fixOrder } from '../../../src/doctor/report/fix.js'
import { rules } from '../../../src/doctor/rules/all.js'
import { clean, hostile, hostileNames, report } from './reports.js'

test('a report becomes the migration of expected/migration.sql', async () => {
  await expect(fixesOf(report.findings).sql).toMatchFileSnapshot('expected/migration.sql')
})

test('what needs a person is listed, and never run', async () => {
  const { sql, forPeople, mechanical } = fixesOf(report.findings)
  expect(forPeople.map(({ rule }) => rule)).toEqual(['unique-without-tenant', 'policy-widened'])
  expect(mechanical).toHaveLength(3)
  expect(sql).toContain('DROP POLICY "support"')
  expect(await kinds(sql)).toEqual(['IndexStmt', ...Array(4).fill('AlterTableStmt')])
})

test('the same SQL for two findings stands there once, under both names', () => {
  const findings = report.findings.slice(0, 2).map((finding) => ({ ...finding, fix: 'SELECT 1;\n' }))
  expect(fixesOf(findings).sql).toContain(
    '-- rls-disabled: "public"."invoices"\n-- rls-disabled: "public"."payments"\nSELECT 1;\n',
  )
})

test('policies stand before row-level security is turned on, and unique keys before the keys that refer to them', () => {
  const before = (one: string, other: string) => expect(fixOrder.indexOf(one)).toBeLessThan(fixOrder.indexOf(other))
  before('no-policy-for-app-role', 'rls-disabled')
  before('unique-without-tenant', 'foreign-key-without-tenant')
  before('tenant-column-nullable', 'foreign-key-without-tenant')
  const [open, ...rest] = report.findings
  const policy = { ...open, rule: 'no-policy-for-app-role', fix: 'SELECT 2;' } as (typeof report.findings)[number]
  const { mechanical } = fixesOf([...(open ? [open] : []), ...rest, policy])
  expect(mechanical.map(({ rule }) => rule).slice(-3)).toEqual([
    'no-policy-for-app-role',
    'rls-disabled',
    'rls-disabled',
  ])
})

test('every rule has its place in the order', () => {
  expect(rules.map(({ id }) => id).filter((id) => !fixOrder.includes(id))).toEqual([])
})

test('a report without a mechanical fix becomes no migration', () => {
  expect(fixesOf(clean.findings).sql).toBe('')
  expect(fixesOf(report.findings.slice(2, 3))).toMatchObject({ sql: '', mechanical: [] })
})

describe('hostile names', () => {
  test('end no comment: only the fixes are statements', async () => {
    const { sql } = fixesOf(hostile.findings)
    expect(await kinds(sql)).toEqual(Array(2 * hostileNames.length).fill('AlterTableStmt'))
    expect(sql).toContain(`-- policy-widened: "support" on "public"."line\\u{a}break; DROP TABLE users; --"`)
  })
})

/** What PostgreSQL's own parser reads in it. */
async function kinds(sql: string): Promise<string[]> {
  const { stmts = [] } = (await parse(sql)) as { stmts?: { stmt?: object }[] }
  return stmts.map(({ stmt = {} }) => Object.keys(stmt)[0] ?? '')
}
