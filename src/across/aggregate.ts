import { TenancyError } from '../errors.js'
import { type Token, tokens } from '../gate/lexer.js'

/** Lets a use of `acrossTenants` see nothing but figures over several tenants. */
export interface AggregateOnly {
  /** The fewest tenants that a row may be about. An integer from 2. */
  readonly minTenants: number
  /** The column whose distinct values are counted. Default `'tenant_id'`. */
  readonly tenantColumn?: string | undefined
}

const COLUMN = 'tenants'

/**
 * Refuses what is no SELECT with `count(DISTINCT tenant_id) AS tenants` in its own list of columns. A subquery's count,
 * another expression under that name, UNION and the queries that Prisma writes for models do not pass.
 *
 * @throws TenancyError `QUERY.UNSUPPORTED`
 */
export function checkAggregate(sql: string, { tenantColumn = 'tenant_id' }: AggregateOnly): void {
  const items = selectList(tokens(sql) ?? [])
  const counts = items?.filter((item) => isCountOf(item, tenantColumn)) ?? []
  const named = items?.filter((item) => nameOf(item) === COLUMN) ?? []
  if (counts.length === 1 && named.length === 1 && items?.every((item) => !hasStar(item))) return
  throw new TenancyError(
    'QUERY.UNSUPPORTED',
    'aggregateOnly takes raw SELECTs that count the tenants of each row themselves. Nothing was sent.',
    {
      hint: `SELECT …, count(DISTINCT "${tenantColumn}")::int AS ${COLUMN} FROM … GROUP BY …, by $queryRaw; name the other columns one by one, no UNION.`,
    },
  )
}

/**
 * Refuses an answer in which a row is about fewer tenants than that.
 *
 * @throws TenancyError `ACROSS.TOO_FEW_TENANTS`
 */
export function checkCovers(
  columns: readonly string[],
  rows: readonly (readonly unknown[])[],
  { minTenants }: AggregateOnly,
): void {
  const at = columns.indexOf(COLUMN)
  const covers = (row: readonly unknown[]) => /^\d+$/.test(String(row[at])) && Number(row[at]) >= minTenants
  if (rows.length === 0 || (at !== -1 && columns.lastIndexOf(COLUMN) === at && rows.every(covers))) return
  throw new TenancyError(
    'ACROSS.TOO_FEW_TENANTS',
    `A row of the answer is about fewer than ${minTenants} tenants, so none of it is handed out.`,
    { hint: `Leave such rows out: HAVING count(DISTINCT tenant_id) >= ${minTenants}.` },
  )
}

/** The columns of the outermost SELECT, each as its tokens; undefined where it is none or one of several. */
function selectList(all: readonly Token[]): Token[][] | undefined {
  const depths = depthsOf(all)
  const isTop = (word: string) => (token: Token, i: number) =>
    depths[i] === 0 && token.kind === 'word' && token.text === word
  const start = all.findIndex(isTop('select'))
  const first = all[0]
  if (start === -1 || first?.kind !== 'word' || !['select', 'with'].includes(first.text)) return undefined
  const single = !['union', 'intersect', 'except', 'into'].some((word) => all.some(isTop(word)))
  const onlyOne = all.filter(isTop('select')).length === 1
  const from = all.findIndex(isTop('from'))
  if (!single || !onlyOne || from < start) return undefined
  const items: Token[][] = [[]]
  for (let i = start + 1; i < from; i++) {
    const token = all[i] as Token
    if (token.kind === 'symbol' && token.text === ',' && depths[i] === 0) items.push([])
    else items.at(-1)?.push(token)
  }
  return items
}

/** How many brackets are open around each token. */
function depthsOf(all: readonly Token[]): number[] {
  let depth = 0
  return all.map(({ kind, text }) => {
    if (kind !== 'symbol') return depth
    if (text === '(' || text === '[') return depth++
    if (text === ')' || text === ']') return --depth
    return depth
  })
}

/** Is it `count(DISTINCT column)`, with a cast or without, and nothing more, under the name `tenants`? */
function isCountOf(item: readonly Token[], column: string): boolean {
  const isName = (token: Token | undefined) => token?.kind === 'word' || token?.kind === 'quoted'
  const is = (token: Token | undefined, text: string) => token?.kind !== 'quoted' && token?.text === text
  if (!is(item[0], 'count') || !is(item[1], '(') || !is(item[2], 'distinct')) return false
  const end = item.findIndex((token) => is(token, ')'))
  const inside = item.slice(3, end)
  // Perhaps qualified: names with dots between.
  const isPath = inside.every((token, i) => (i % 2 === 0 ? isName(token) : is(token, '.')))
  if (!isPath || inside.length % 2 === 0 || inside.at(-1)?.text !== column) return false
  const after = item.slice(end + 1).filter((token) => !is(token, ':'))
  const [type, as, name, ...more] = is(after[0], 'as') ? [undefined, ...after] : after
  const plainType =
    type === undefined || (type.kind === 'word' && ['int', 'integer', 'bigint', 'int4', 'int8'].includes(type.text))
  return plainType && is(as, 'as') && name?.text === COLUMN && more.length === 0
}

function nameOf(item: readonly Token[]): string | undefined {
  return item.at(-1)?.text.toLowerCase()
}

/** `*`, which can bring columns of any name, also as `count(*)`: that one is in brackets. */
function hasStar(item: readonly Token[]): boolean {
  const depths = depthsOf(item)
  return item.some(({ kind, text }, i) => kind === 'symbol' && text === '*' && depths[i] === 0 && i === item.length - 1)
}
