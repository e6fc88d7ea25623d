// Proves against PostgreSQL's own parser that the gate lets nothing through that reaches beyond its transaction, and
// stands in the way of no ordinary SQL.
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'

import { readStatement } from '../../src/gate/statement.js'
import { type Expected, expectedOf, loadParser } from './postgres-parser.js'
import { beyondSql, damagedSql, ordinarySql, severalSql, transactionSql } from './sql-texts.js'

beforeAll(loadParser)

const FULL = process.env.TENANCY_SCALE === 'full'

test.each([
  // `share`: how many of the texts PostgreSQL must be able to parse, so that the test is one.
  { what: 'ordinary SQL', texts: ordinarySql, runs: 2000, share: 0.6 },
  { what: 'SQL that reaches beyond its transaction', texts: beyondSql, runs: 2000, share: 0.6 },
  { what: 'transaction control', texts: transactionSql, runs: 300, share: 0.9 },
  { what: 'several statements in one text', texts: severalSql, runs: 1000, share: 0.5 },
  // In these a type may be named as a session function is, and the gate may refuse it: set_config(1) 'text'.
  { what: 'damaged SQL', texts: damagedSql, runs: 6000, share: 0.1, mayRefuse: true },
])('the gate answers as the parser does to $what', { timeout: 600_000 }, ({ texts, runs, share, mayRefuse }) => {
  let parsed = 0
  const numRuns = FULL ? runs * 20 : runs
  fc.assert(
    fc.property(texts, (sql) => {
      const expected = expectedOf(sql)
      if (expected === undefined) return
      parsed += 1
      const answer = answerOf(sql)
      expect(allowed(expected, mayRefuse)).toContain(answer)
    }),
    { numRuns },
  )
  expect(parsed / numRuns).toBeGreaterThan(share)
})

function allowed(expected: Expected, conservative: boolean | undefined): readonly string[] {
  if (expected === 'not a query') return ['session', 'refused']
  // Only some of the settings that SET LOCAL changes are on the list.
  if (expected === 'set-local' || conservative) return [expected, 'session', 'refused']
  return [expected]
}

function answerOf(sql: string): string {
  try {
    return readStatement(sql).kind
  } catch (error) {
    expect(error).toMatchObject({ code: 'QUERY.UNSUPPORTED', hint: expect.stringMatching(/\w/) })
    return 'refused'
  }
}
