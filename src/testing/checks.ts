import { quoteIdentifier } from '../sql/quote.js'
import type { Check, Column, Table } from './catalog.js'
import type { Value } from './values.js'

type Ask = (sql: string, values: readonly (string | null)[]) => PromiseLike<unknown>

const MOST = 400

/**
 * Changes the free columns of a row until its table's check constraints let it in: PostgreSQL itself is asked which of
 * the values that stand in a constraint, or lie beside one, satisfy it. Answers the first that none does.
 */
export async function satisfyChecks(
  table: Table,
  row: Record<string, Value>,
  free: readonly string[],
  ask: Ask,
): Promise<Check | undefined> {
  if (table.checks.length === 0) return undefined
  // Twice, since a constraint can undo what another wanted.
  for (let round = 0; round < 2; round++) {
    for (const check of table.checks) {
      if ((await passing(table, check, [row], ask)) === 0) continue
      const columns = check.columns.filter((name) => free.includes(name))
      const rows = combinations(table, check, columns, row)
      const found = await passing(table, check, rows, ask)
      if (found !== undefined) Object.assign(row, rows[found])
    }
  }
  for (const check of table.checks) if ((await passing(table, check, [row], ask)) !== 0) return check
  return undefined
}

/** The first of the rows that the constraint lets in. */
async function passing(
  table: Table,
  check: Check,
  rows: readonly Record<string, Value>[],
  ask: Ask,
): Promise<number | undefined> {
  if (rows.length === 0) return undefined
  const columns = table.columns.filter(({ name }) => check.columns.includes(name))
  if (columns.length === 0) return 0
  const values: (string | null)[] = []
  const place = (row: Record<string, Value>, { name, type, default: otherwise }: Column): string => {
    const value = row[name]
    if (value === undefined)
      return otherwise && !otherwise.includes('nextval(') ? `(${otherwise})::${type}` : `NULL::${type}`
    return `$${values.push(value)}::text::${type}`
  }
  const lists = rows.map((row, n) => `(${[String(n), ...columns.map((column) => place(row, column))].join(', ')})`)
  const names = ['n', ...columns.map(({ name }) => quoteIdentifier(name))].join(', ')
  const sql = `SELECT n FROM (VALUES ${lists.join(', ')}) AS ${quoteIdentifier(table.name)}(${names}) WHERE (${check.expression}) IS NOT FALSE ORDER BY n LIMIT 1`
  const [first] = (await ask(sql, values)) as { n: number }[]
  return first?.n
}

function combinations(
  table: Table,
  { expression }: Check,
  columns: readonly string[],
  row: Record<string, Value>,
): Record<string, Value>[] {
  let rows: Record<string, Value>[] = [{ ...row }]
  for (const name of columns) {
    const column = table.columns.find((each) => each.name === name) as Column
    const tries = candidates(expression, column, row[name])
    rows = rows.flatMap((each) => tries.map((value) => ({ ...each, [name]: value }))).slice(0, MOST)
  }
  return rows
}

function candidates(expression: string, { category, base, required }: Column, now: Value): Value[] {
  const texts = [...expression.matchAll(/'((?:[^']|'')*)'/g)].map(([, text]) => (text as string).replaceAll("''", "'"))
  const numbers = [...expression.matchAll(/-?\d+(?:\.\d+)?/g)].map(([text]) => Number(text))
  const keep = now === undefined ? [] : [now]
  const nothing = required ? [] : [null]
  if (category === 'N') {
    const near = [...numbers, 0, 1].flatMap((n) => [n, n + 1, n - 1, n + 0.5])
    const whole = /^(?:smallint|integer|bigint)/.test(base)
    return [...keep, ...unique(near.filter((n) => !whole || Number.isInteger(n)).map(String)), ...nothing]
  }
  if (category === 'B') return ['true', 'false', ...nothing]
  if (category === 'D') {
    const days = [
      '2000-01-01',
      '2026-01-03',
      '2026-06-01',
      '2100-01-01',
      ...texts.filter((text) => !Number.isNaN(Date.parse(text))),
    ]
    return [...keep, ...unique(days), ...nothing]
  }
  if (category === 'S') {
    const end = String(now ?? 'x')
      .replaceAll(/[^a-z0-9]/gi, '')
      .toLowerCase()
      .slice(0, 20)
    const like = texts.flatMap((text) => [
      text.replaceAll('%', end),
      text.replaceAll('%', '').replaceAll('_', 'x'),
      text,
    ])
    const usual = [end, end.toUpperCase(), `${end}@example.com`, `https://example.com/${end}`, ...lengths(numbers, end)]
    return [
      ...keep,
      ...unique([...like, ...usual, 'A', 'AA', 'AAA', 'AAAA', 'aaa', '0', '00000', '+15550100']),
      ...nothing,
    ]
  }
  return [...keep, ...unique(texts), ...nothing]
}

/** Texts of the lengths that a constraint on the length names. */
function lengths(numbers: readonly number[], text: string): string[] {
  return numbers
    .filter((n) => Number.isInteger(n) && n > 0 && n < 200)
    .flatMap((n) => [text.padEnd(n, 'x').slice(0, n)])
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}
