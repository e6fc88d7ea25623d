import { TenancyError } from '../errors.js'
import type { OnlineAction } from '../migration/step.js'
import { quoteIdentifier, quoteTable } from '../sql/quote.js'
import { type KeyColumn, keyColumns, tenantInUniqueIndex } from './backfill-catalog.js'
import { describeBlocker, sessions } from './blockers.js'
import { sqlState } from './failures.js'
import { backoff, showTable, withRetries } from './lock-retry.js'
import { pause, type Run } from './session.js'

export type BackfillAction = Extract<OnlineAction, { kind: 'backfill' }>

/** A condition over the row `"child"`, and its parameters. */
interface Where {
  readonly sql: string
  readonly values: readonly unknown[]
}

const SMALLEST = 50
const FIRST = 500
/** A batch holds the locks of its rows until it is done, so this is what an update of one of them may have to wait. */
const LONGEST_BATCH = 100
/** Where a window had nothing to fill, the next is larger: after a kill, what is filled already is passed quickly. */
const LARGEST_EMPTY = 20
const ENOUGH_ROUNDS = 10
const SHOWN = 5
const LISTED = 1_000

/**
 * Fills the tenant column of the rows that have none, in batches along the primary key, each a transaction of its own.
 * Where a run was killed, the next one passes over what is filled.
 *
 * A batch never waits for a row: it skips what the live load has locked and comes back for it, so it is never part of a
 * deadlock. Rows that arrive without a tenant meanwhile are filled too.
 *
 * @param isLast whether a row for which no tenant is known is an error, or left for the next backfill of that column
 * @returns the number of rows that were filled
 * @throws TenancyError `MIGRATION.ROWS` with the count and the first keys where no tenant is known for a row,
 * `MIGRATION.BLOCKED` where a row stays locked
 */
export async function backfill(run: Run, title: string, action: BackfillAction, isLast = true): Promise<number> {
  const fill = await prepareFill(run, action)
  const total = await estimateRows(run, action)
  let filled = 0
  const report = (seen: number): void =>
    run.emit({ kind: 'rows', table: showTable(action.table), seen, filled, of: total })

  const pass = async (): Promise<void> => {
    let seen = 0
    let size = Math.min(FIRST, run.settings.batchSize)
    let last: readonly unknown[] | undefined
    for (;;) {
      run.signal?.throwIfAborted()
      const start = performance.now()
      let done = { filled: 0, next: last, end: false }
      await withRetries(run, { title, table: action.table }, async () => {
        try {
          done = await fill.window(last, size)
        } catch (error) {
          if (sqlState(error) === '57014') size = Math.max(SMALLEST, Math.floor(size / 4))
          throw error
        }
      })
      filled += done.filled
      seen += size
      report(total === undefined || !done.end ? seen : Math.max(seen, total))
      if (done.end) return
      last = done.next
      size = nextSize(size, done.filled > 0, performance.now() - start, run.settings.batchSize)
      if (done.filled > 0) await pause(run, run.settings.pause)
    }
  }

  // A batch costs what its rows cost, whatever the statistics say about a column that is being filled.
  await run.client.query('SET enable_hashjoin = off; SET enable_mergejoin = off')
  await run.client.query(`SET statement_timeout = ${Math.ceil(run.settings.lockTimeout * 0.75)}`)
  try {
    await pass()
    for (let rounds = 0, locked = 0; ; rounds++) {
      const before = filled
      const rest = await fill.remaining()
      if (rest.length === 0) break
      const lost = rest.filter((row) => row.lost)
      const known = rest.filter((row) => !row.lost)
      if (known.length > 0) {
        const keys = known.slice(0, run.settings.batchSize).map(({ key }) => key)
        await withRetries(run, { title, table: action.table }, async () => {
          filled += await fill.these(keys)
        })
      }
      if (known.length === LISTED) await pass()
      report(total ?? 0)
      // Whoever still writes rows without a tenant could do so for ever: the constraint comes next and stops it.
      if (filled > before && lost.length === 0 && rounds - locked > ENOUGH_ROUNDS) break
      if (filled > before) continue
      if (lost.length === rest.length && !isLast) break
      if (lost.length > 0 && isLast) throw await noTenantKnown(run, title, action, lost)
      if (locked++ >= run.settings.retries) throw await stayLocked(run, title, action)
      run.retries++
      await pause(run, backoff(run.settings.lockTimeout, locked))
    }
  } finally {
    await run.client.query('SET statement_timeout = 0; RESET enable_hashjoin; RESET enable_mergejoin')
  }
  return filled
}

function nextSize(size: number, filledSome: boolean, took: number, batchSize: number): number {
  const wanted = Math.round(size * Math.min(2, Math.max(0.5, LONGEST_BATCH / Math.max(took, 1))))
  const largest = filledSome ? batchSize : batchSize * LARGEST_EMPTY
  return Math.min(largest, Math.max(SMALLEST, wanted))
}

interface Fill {
  /** The next `size` rows after the key `last`. */
  window(last: readonly unknown[] | undefined, size: number): Promise<{ filled: number; next: string[]; end: boolean }>
  these(keys: readonly (readonly string[])[]): Promise<number>
  /** Some of the rows without a tenant; `lost` are those for which none is known. */
  remaining(): Promise<{ key: string[]; lost: boolean }[]>
}

async function prepareFill(run: Run, action: BackfillAction): Promise<Fill> {
  const table = quoteTable(action.table)
  const column = quoteIdentifier(action.column)
  const key = await keyColumns(run.client, action)
  // A row that is locked for an update of its key keeps even those waiting who only insert a child of it.
  const lock = (await tenantInUniqueIndex(run.client, action)) ? 'FOR UPDATE' : 'FOR NO KEY UPDATE'
  const names = (of: string): string => key.map(({ name }) => `${of}.${quoteIdentifier(name)}`).join(', ')
  const asText = key.map(({ name }) => `"child".${quoteIdentifier(name)}::text`).join(', ')

  const update = async (where: Where): Promise<number> => {
    const sql = `
      WITH missing AS (
        SELECT ${key.map(({ name }, n) => `"child".${quoteIdentifier(name)} AS key_${n}`).join(', ')},
               (${action.value}) AS found
        FROM ${table} AS "child" WHERE "child".${column} IS NULL AND ${where.sql}
        ${lock} OF "child" SKIP LOCKED
      )
      UPDATE ${table} AS "child" SET ${column} = missing.found FROM missing
      WHERE ${key.map(({ name }, n) => `"child".${quoteIdentifier(name)} = missing.key_${n}`).join(' AND ')}
        AND missing.found IS NOT NULL`
    return (await run.client.query(sql, [...where.values])).rowCount ?? 0
  }
  const beyond = (operator: '>' | '<=', from: number): string =>
    `(${names('"child"')}) ${operator} (${parameters(key, from)})`

  return {
    async window(last, size) {
      const after = last === undefined ? 'true' : beyond('>', 1)
      const { rows } = await run.client.query<string[]>({
        text: `SELECT ${asText} FROM ${table} AS "child" WHERE ${after} ORDER BY ${names('"child"')} OFFSET ${size - 1} LIMIT 1`,
        values: [...(last ?? [])],
        rowMode: 'array',
      })
      const [next] = rows
      if (next === undefined) {
        return { filled: await update({ sql: after, values: last ?? [] }), next: [], end: true }
      }
      const until = beyond('<=', 1 + (last?.length ?? 0))
      const filled = await update({ sql: `${after} AND ${until}`, values: [...(last ?? []), ...next] })
      return { filled, next, end: false }
    },
    these: (keys) =>
      update({
        sql: `(${names('"child"')}) IN (SELECT * FROM unnest(${key.map(({ type }, n) => `$${n + 1}::text[]::${type}[]`).join(', ')}))`,
        values: key.map((_, n) => keys.map((one) => one[n])),
      }),
    async remaining() {
      await run.client.query('SET statement_timeout = 0')
      const { rows } = await run.client.query<{ key: string[]; lost: boolean }>(
        `SELECT ARRAY[${asText}] AS key, (${action.value}) IS NULL AS lost FROM ${table} AS "child"
         WHERE "child".${column} IS NULL LIMIT ${LISTED}`,
      )
      await run.client.query(`SET statement_timeout = ${Math.ceil(run.settings.lockTimeout * 0.75)}`)
      return rows
    },
  }
}

const parameters = (key: readonly KeyColumn[], from: number): string =>
  key.map(({ type }, n) => `$${from + n}::${type}`).join(', ')

/** As the statistics have it. A table that was never analyzed says -1. */
async function estimateRows(run: Run, { table }: BackfillAction): Promise<number | undefined> {
  const { rows } = await run.client.query<{ rows: number }>(
    'SELECT reltuples::float8 AS rows FROM pg_class WHERE oid = $1::regclass',
    [quoteTable(table)],
  )
  const estimate = rows[0]?.rows ?? -1
  return estimate < 0 ? undefined : estimate
}

async function noTenantKnown(
  run: Run,
  title: string,
  action: BackfillAction,
  lost: readonly { key: string[] }[],
): Promise<TenancyError> {
  const table = quoteTable(action.table)
  await run.client.query('SET statement_timeout = 0')
  const { rows } = await run.client.query<{ count: string }>(
    `SELECT count(*) FROM ${table} AS "child" WHERE ${quoteIdentifier(action.column)} IS NULL AND (${action.value}) IS NULL`,
  )
  const count = Number(rows[0]?.count)
  const first = lost.slice(0, SHOWN).map(({ key }) => (key.length === 1 ? key[0] : `(${key.join(', ')})`))
  return new TenancyError(
    'MIGRATION.ROWS',
    `${title}: no tenant is known for ${count} ${count === 1 ? 'row' : 'rows'} of ${showTable(action.table)}, ` +
      `${action.key.join(', ')} ${first.join(', ')}${count > SHOWN ? ', …' : ''}.`,
    {
      hint: `Delete them, give them a parent, or name the tenant they belong to (backfill in the configuration). All of them: SELECT ${action.key.map(quoteIdentifier).join(', ')} FROM ${table} WHERE ${quoteIdentifier(action.column)} IS NULL;`,
      meta: { table: action.table, count },
    },
  )
}

async function stayLocked(run: Run, title: string, action: BackfillAction): Promise<TenancyError> {
  const { rows } = await run.client.query<{ pid: number }>(
    `SELECT DISTINCT pid FROM pg_locks
     WHERE relation = $1::regclass AND mode IN ('RowShareLock', 'RowExclusiveLock') AND pid <> pg_backend_pid()`,
    [quoteTable(action.table)],
  )
  const holders = (
    await sessions(
      run.client,
      rows.map(({ pid }) => pid),
    )
  ).map(describeBlocker)
  return new TenancyError(
    'MIGRATION.BLOCKED',
    `${title}: rows of ${showTable(action.table)} stay locked${holders.length > 0 ? `, by one of ${holders.join(', ')}` : ''}.`,
    { hint: `End that transaction: SELECT pg_terminate_backend(${rows[0]?.pid ?? 'pid'}); then start again.` },
  )
}
