// Proves that a baseline hides what it names and nothing else, says when an entry no longer applies, and that one which is
// not right is refused.
import { describe, expect, test } from 'vitest'
import {
  applyBaseline,
  type BaselineEntry,
  baselineText,
  parseBaseline,
  updatedBaseline,
} from '../../../src/doctor/report/baseline.js'
import { isTenancyError } from '../../../src/errors.js'
import { halfSeen, hostile, report, rules } from './reports.js'

const ids = rules.map(({ id }) => id)
const parse = (value: unknown) =>
  parseBaseline(typeof value === 'string' ? value : JSON.stringify(value), 'doctor.json', ids)
const invoices: BaselineEntry = { rule: 'rls-disabled', object: '"public"."invoices"', reason: 'Gone in May.' }

test('an entry hides its rule of its object', () => {
  const { report: left, accepted, obsolete } = applyBaseline(report, parse({ accepted: [invoices] }))
  expect(accepted).toEqual([{ finding: report.findings[0], reason: 'Gone in May.' }])
  expect(left.findings).toEqual(report.findings.slice(1))
  expect(left.checked).toEqual(report.checked)
  expect(obsolete).toEqual([])
})

test.each([
  ['another rule of the same object', { ...invoices, rule: 'tenant-index-missing' }],
  ['the same rule of another object', { ...invoices, object: '"public"."invoice"' }],
  ['the object in other letters', { ...invoices, object: '"public"."INVOICES"' }],
  ['the object without its quotes', { ...invoices, object: 'public.invoices' }],
  ['a pattern', { ...invoices, object: '"public".*' }],
])('%s hides nothing, and is told as obsolete', (_, entry) => {
  const { report: left, accepted, obsolete } = applyBaseline(report, [entry])
  expect(left.findings).toEqual(report.findings)
  expect(accepted).toEqual([])
  expect(obsolete).toEqual([entry])
})

test('an entry of a rule that did not run is kept, for nobody knows', () => {
  const entry = { rule: 'pooler-leaks-settings', object: '"shop"', reason: 'Direct connections only.' }
  expect(applyBaseline(report, [entry]).obsolete).toEqual([])
})

test('where something was hidden, no entry is called obsolete', () => {
  const entry = { ...invoices, object: '"public"."former"' }
  expect(applyBaseline(report, [entry]).obsolete).toEqual([entry])
  expect(applyBaseline(halfSeen, [entry]).obsolete).toEqual([])
})

test('rule and object are told apart, wherever one ends', () => {
  const odd = { ...report.findings[0], rule: 'rls-disabled', object: '"a","b' } as (typeof report.findings)[number]
  const { accepted } = applyBaseline({ ...report, findings: [odd] }, [
    { rule: 'rls-disabled","a', object: 'b', reason: 'x' },
  ])
  expect(accepted).toEqual([])
})

test('a baseline made of a report accepts all of it, and is read back as it was', () => {
  for (const of of [report, hostile]) {
    const entries = updatedBaseline([], applyBaseline(of, []), 'Known since the audit.')
    expect(parse(baselineText(entries))).toEqual(entries)
    expect(applyBaseline(of, entries).report.findings).toEqual([])
  }
})

test('an update keeps the reasons that were given and drops what no longer applies', () => {
  const former = { ...invoices, object: '"public"."former"' }
  const entries = [former, invoices]
  const updated = updatedBaseline(entries, applyBaseline(report, entries), 'New.')
  expect(updated[0]).toEqual(invoices)
  expect(updated).not.toContainEqual(former)
  expect(updated.slice(1).map(({ reason }) => reason)).toEqual(['New.', 'New.', 'New.', 'New.'])
})

describe('what is no baseline', () => {
  const { reason: _, ...withoutReason } = invoices
  test.each([
    ['{ "accepted": [', 'doctor.json is not JSON', '"reason": "…"'],
    ['', 'is not JSON', '"accepted"'],
    [[], 'does not hold an object', '"accepted"'],
    [{}, 'has no list "accepted"', '"accepted"'],
    [{ accepted: {} }, 'has no list "accepted"', '"accepted"'],
    [{ accepted: [], ignore: [] }, 'unknown key "ignore"', 'accepted'],
    [{ accepted: ['rls-disabled'] }, 'where entry 1 stands, but "rls-disabled"', '"object"'],
    [{ accepted: [{ ...invoices, rule: 'rls-of' }] }, 'names the rule "rls-of", which does not exist', 'rls-disabled,'],
    [{ accepted: [invoices, { ...withoutReason, rule: 'policy-widened' }] }, 'no "reason" in entry 2', 'Say why'],
    [{ accepted: [{ ...invoices, reason: '  ' }] }, 'no "reason" in entry 1', 'Say why'],
    [{ accepted: [{ ...invoices, object: 7 }] }, 'no "object" in entry 1', 'Copy the object'],
    [{ accepted: [{ ...invoices, until: '2027' }] }, 'unknown key "until" in entry 1', 'rule, object, reason'],
    [{ accepted: [invoices, invoices] }, 'twice, again in entry 2', 'Keep the one'],
  ])('%j is refused', (value, message, hint) => {
    let error: unknown
    try {
      parse(value)
    } catch (thrown) {
      error = thrown
    }
    expect(isTenancyError(error) && error).toMatchObject({ code: 'CONFIG.INVALID' })
    expect((error as Error).message).toContain(message)
    expect((error as { hint: string }).hint).toContain(hint)
  })
})
