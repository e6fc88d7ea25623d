// Proves what reading statements costs: memory that is bounded by bytes, whatever texts come, and time in proportion to a
// text's length. In processes of their own, which are measured after a collection, or ended where they take too long.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Verdicts } from '../../src/gate/verdicts.js'
import { bundle } from '../package/bundle.js'

const folder = mkdtempSync(join(tmpdir(), 'tenancy-gate-'))
const gate = join(folder, 'gate.mjs')
beforeAll(async () => {
  writeFileSync(gate, (await bundle('src/gate/statement.ts')).code)
})
afterAll(() => rmSync(folder, { recursive: true }))

/** What a script prints, each line a value; the gate is `readStatement` in it. */
function run(script: string, timeout = 120_000): unknown[] {
  const file = join(folder, 'script.mjs')
  writeFileSync(file, `import { readStatement } from ${JSON.stringify(pathToFileURL(gate).href)}\n${script}`)
  const { stdout } = spawnSync(process.execPath, ['--expose-gc', file], { encoding: 'utf8', timeout })
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

const read = 'const read = (sql) => { try { readStatement(sql) } catch {} }'

describe('memory', () => {
  const texts: readonly { what: string; count: number; text: (i: number) => string }[] = [
    { what: 'long texts that are refused', count: 1900, text: (i) => `SELECT '${i}${'x'.repeat(16_000)}'; SELECT 2` },
    { what: 'long texts that pass', count: 1900, text: (i) => `SELECT '${i}${'x'.repeat(16_000)}'` },
    {
      what: 'texts that call much',
      count: 1000,
      text: (i) => `SELECT ${Array.from({ length: 400 }, (_, n) => `f${i}_${n}(`).join('')}`,
    },
    { what: 'short texts', count: 60_000, text: (i) => `SELECT ${i} AS ${'x'.repeat(60)}` },
  ]
  test.each(texts)('$what keep less than 12 MB', { timeout: 120_000 }, ({ count, text }) => {
    const [kept] = run(`${read}
      const text = ${text}
      read('SELECT 1'); gc()
      const before = process.memoryUsage().heapUsed
      for (let i = 0; i < ${count}; i++) read(text(i))
      gc()
      console.log(process.memoryUsage().heapUsed - before)`)
    expect(kept).toBeLessThan(12 * 2 ** 20)
  })

  test('the oldest verdicts go first, one by one, and never more is kept than the limit', () => {
    const verdicts = new Verdicts<number>(100_000)
    for (let i = 0; i < 1000; i++) {
      verdicts.keep(`text ${i}`, i)
      expect(verdicts.bytes).toBeLessThanOrEqual(100_000)
      expect(verdicts.get(`text ${i}`)).toBe(i)
    }
    const kept = Array.from({ length: 1000 }, (_, i) => verdicts.get(`text ${i}`) !== undefined)
    const first = kept.indexOf(true)
    expect(first).toBeGreaterThan(0)
    expect(kept.slice(first).every(Boolean)).toBe(true)
    // Full, but for less than one text.
    expect(verdicts.bytes).toBeGreaterThan(99_000)
  })

  test('a text that would push many others out is not kept', () => {
    const verdicts = new Verdicts<number>(100_000)
    verdicts.keep('x'.repeat(600), 1)
    verdicts.keep('short', 2, 2000)
    expect(verdicts.bytes).toBe(0)
  })
})

/** Long texts of each: begun as `before`, and then this piece over and over. */
const pieces: readonly (readonly [before: string, piece: string])[] = [
  ['', ';'],
  ['SELECT 1', ';'],
  ['', '; '],
  ['SELECT ', '/*'],
  ['SELECT ', '/**/'],
  ['SELECT 1 ', '--\n'],
  ['SELECT 1 ', '-- \r'],
  ['SELECT ', "'"],
  ['SELECT ', "''"],
  ['SELECT ', "'a'\n"],
  ['SELECT ', "'a' --\n"],
  ['SELECT ', "'a'\n\n\n\n+"],
  ['SELECT ', "E'\\'' "],
  ['SELECT ', '"a".'],
  ['SELECT ', '"'],
  ['SELECT ', '$a$'],
  ['SELECT ', '$a'],
  ['SELECT ', '$a$ $a$ '],
  ['SELECT ', '$1'],
  ['SELECT ', '('],
  ['SELECT ', '[('],
  ['SELECT ', 'f('],
  ['SELECT ', 'ts_rewrite('],
  ['SELECT ', 'a.'],
  ['SELECT ', 'pg_settings.'],
  ['UPDATE ', 'pg_settings . '],
  ['SELECT 1 ', 'AS '],
  ['SELECT 1', ', 1.e'],
  ['BEGIN ', 'deferrable , '],
  ['COMMIT ', 'and '],
  ['ROLLBACK ', 'work '],
  ['EXPLAIN (', 'analyze '],
  ['EXPLAIN ', 'analyze '],
  ['LOCK a IN ', 'mode '],
  ['LOCK ', 'in '],
  ['SET LOCAL ', 'a.'],
  ['x', 'x'],
  ['é', 'é'],
]

test('a megabyte of semicolons and 200 kB of anything else are read at once', { timeout: 150_000 }, () => {
  // Together seconds at most, while what is quadratic takes minutes: it is ended, and its name is missing.
  const done = run(
    `${read}
     for (const [before, piece] of ${JSON.stringify(pieces)}) {
       const length = piece.includes(';') ? 1_000_000 : 200_000
       read(before + piece.repeat(length / piece.length) + ' FROM t')
       console.log(JSON.stringify([before, piece]))
     }`,
  )
  expect(done).toEqual(pieces)
})
