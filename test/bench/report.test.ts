// Proves the arithmetic and the text of the benchmark's report. Nothing here measures time.
import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'

import { chart, escapeXml } from '../../bench/chart.js'
import { inOrderOf } from '../../bench/measure.js'
import { operationNames } from '../../bench/operations.js'
import { readOptions } from '../../bench/options.js'
import { readmeTable } from '../../bench/readme-table.js'
import { betterDocumented, blocksOf, type Cell, type Environment, figuresOf, toJson } from '../../bench/results.js'
import { median, medianRatio } from '../../bench/statistics.js'
import { table } from '../../bench/table.js'
import { verdicts } from '../../bench/verdict.js'

const samples = {
  bare: [100, 200, 100],
  documentedBatch: [400, 800, 400],
  documentedInteractive: [300, 600, 300],
  portable: [200, 400, 200],
  pool: [110, 240, 110],
  sealed: [114, 250, 114],
}

function cell(change: Partial<Cell> = {}): Cell {
  const figures = figuresOf(samples)
  return { operation: 'findFirst', callers: 1, network: 'loopback', statements: 'unprepared', figures, ...change }
}

const machine: Environment = {
  date: '2026-01-02T03:04:05.000Z',
  node: '20.20.2',
  prisma: '7.10.0',
  adapterPg: '7.10.1',
  pg: '8.23.1',
  postgresql: '15.18',
  cpu: 'A <fast> & "good" CPU',
  cpuCount: 2,
  memoryGiB: 8,
  load: 0.1,
}

describe('statistics', () => {
  test('the median of an odd and of an even number of rounds is their middle', () => {
    const rounds = [9, 1, 5]
    expect(median(rounds)).toBe(5)
    expect(median([10, 1, 3, 2])).toBe(2.5)
    expect(rounds).toEqual([9, 1, 5])
  })

  test('the ratio compares within a round, so a slow round does not count against whoever was in it', () => {
    expect(medianRatio([110, 2200, 110], [100, 2000, 100])).toBeCloseTo(1.1)
  })

  test('nothing has no median, and rounds that do not belong together no ratio', () => {
    expect(() => median([])).toThrow(RangeError)
    expect(() => medianRatio([1], [1, 2])).toThrow(RangeError)
  })

  test('over as many rounds as there are contestants everybody begins once, and follows more than one other', () => {
    const rounds = [0, 1, 2, 3, 4].map((round) => inOrderOf(round, ['a', 'b', 'c', 'd', 'e']))
    for (const round of rounds) expect([...round].sort()).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(rounds.map(([first]) => first)).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(new Set(rounds.map((round) => round[round.indexOf('e') - 1]))).toEqual(new Set(['d', 'a', undefined]))
  })
})

describe('report', () => {
  test('a cell keeps medians, ratios and rounds', () => {
    expect(cell().figures.pool).toEqual({ micros: 110, ratio: 1.1, rounds: [110, 240, 110] })
    expect(cell().figures.bare.ratio).toBe(1)
  })

  test('the file that is kept has the rounds of a figure on one line, and loses nothing', () => {
    const results = { environment: machine, rounds: 3, sliceMs: 100, cells: [cell(), cell({ callers: 16 })] }
    expect(toJson(results)).toContain('"rounds": [110, 240, 110]')
    expect(JSON.parse(toJson(results))).toEqual(results)
  })

  test('the documented extension is represented by its faster form that does the operation', () => {
    expect(betterDocumented(cell()).ratio).toBe(3)
    const batchIsFaster = figuresOf({ ...samples, documentedBatch: [250, 500, 250] })
    expect(betterDocumented(cell({ figures: batchIsFaster })).ratio).toBe(2.5)
    expect(betterDocumented(cell({ figures: batchIsFaster, operation: 'transaction' })).ratio).toBe(3)
  })

  test('a table has one line for each operation, and marks what a contestant cannot do', () => {
    const text = table([cell(), cell({ operation: 'transaction' })])
    expect(text).toContain('1 caller, loopback, statements not prepared')
    expect(text).toMatch(/^findFirst +100 +400 +4\.00 +300 +3\.00 +200 +2\.00 +110 +1\.10 +114 +1\.14 *$/m)
    expect(text).toMatch(/^transaction of three .*4\.00¹ .*3\.00² /m)
  })

  test('cells are grouped by callers, network and statements', () => {
    const cells = [cell(), cell({ operation: 'count' }), cell({ callers: 16 }), cell({ network: '1ms' })]
    expect(blocksOf(cells).map((block) => block.length)).toEqual([2, 1, 1])
  })

  test('the worst operation decides whether a goal is met, and what was not measured is not judged', () => {
    const slow = figuresOf({ ...samples, pool: [130, 260, 130], sealed: [130, 260, 130] })
    const found = verdicts([cell(), cell({ operation: 'count', figures: slow })])
    expect(found.map(({ met }) => met)).toEqual([false, true, false])
    expect(found[0]?.text).toMatch(/^MISSED one statement .* at most 1\.15 +1\.30 \(count\)/)
    expect(found[1]?.text).toMatch(/^met +sealed \/ not sealed .* at most 1\.05 +1\.04 /)
    expect(found[2]?.text).toMatch(/^MISSED documented .* at least 2\.50 +2\.31 \(count\)/)
    expect(verdicts([cell()]).map(({ met }) => met)).toEqual([true, true, true])
    expect(verdicts([])).toEqual([])
  })
})

describe('chart', () => {
  const results = { environment: machine, rounds: 7, sliceMs: 100 }

  test('text is escaped for XML', () => {
    expect(escapeXml(`<a href="x">'&'</a>`)).toBe('&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;')
  })

  test('it says on what it was measured and when', () => {
    const svg = chart({ ...results, cells: [cell()] })
    expect(svg).toContain('Measured 2026-01-02 on 2 × A &lt;fast&gt; &amp; &quot;good&quot; CPU')
    expect(svg).toContain('PostgreSQL 15.18')
    expect(svg).toContain('7 interleaved rounds')
  })

  test('it shows loopback without prepared statements, four bars an operation and panel, and refers to nothing outside', () => {
    const cells = operationNames.flatMap((operation) => [cell({ operation }), cell({ operation, callers: 16 })])
    const svg = chart({ ...results, cells: [...cells, cell({ network: '1ms' }), cell({ statements: 'prepared' })] })
    expect(svg.match(/<rect [^>]*height="8"/g)).toHaveLength(cells.length * 4)
    expect(svg).not.toMatch(/NaN|undefined|href|url\(/)
    expect(svg).toContain('<rect width="100%" height="100%" fill="#ffffff"/>')
  })
})

describe('options', () => {
  test('only a run with nothing left out is complete', () => {
    expect(readOptions([])).toMatchObject({ complete: true, quick: false })
    expect(readOptions(['--quick'])).toMatchObject({ complete: false, statements: ['unprepared'] })
    expect(readOptions(['--only', 'findFirst,create', '--callers', '1'])).toMatchObject({
      complete: false,
      only: ['findFirst', 'create'],
      callers: [1],
    })
  })

  test('an unknown name is refused with the names that are known', () => {
    expect(() => readOptions(['--network', 'moon'])).toThrow("--network 'moon' is unknown: give loopback, 1ms.")
  })
})

test('README shows the figures that were kept', async () => {
  const kept = new URL('../../bench/results/bench.json', import.meta.url)
  const { cells } = JSON.parse(await readFile(kept, 'utf8')) as { cells: Cell[] }
  const shown = readmeTable(cells)
  expect(shown).toContain('| findFirst |')
  expect(await readFile(new URL('../../README.md', import.meta.url), 'utf8')).toContain(shown)
})
