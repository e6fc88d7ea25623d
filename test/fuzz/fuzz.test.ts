// Proves that whatever is done to the messages between a client and its server, no tenant is given a row of another,
// nothing waits for ever, and the pool is whole afterwards. In pool mode an answer is exactly right or an error. Portable
// mode leaves the messages to pg, which counts no rows: there a row may be missing or come twice.
//
// What nobody could tell is not done: another value in a row's own bytes, or the tenant's own earlier answer in the place
// of the right one (`replay`: no row of another tenant, and no more than that is asked for then). In portable mode also
// what is spliced in from elsewhere: pg hands it over.
//
// Seeded: TENANCY_FUZZ_SEED=… begins with the round that failed. Sockets have timing of their own, so it may take several.
import { randomInt, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withTenant } from '../../src/context.js'
import { expectNothingUncaught } from '../isolation/fault-scene.js'
import {
  createTestDatabase,
  rowsSeenBySuperuser,
  type SeededTenant,
  seedTenants,
  type TenantDatabase,
} from '../support/database.js'
import { type Mode, modes, openMode } from '../support/modes.js'
import { startPostgres } from '../support/postgres.js'
import { NAMES_STATEMENTS } from '../support/prisma-version.js'
import { scaled } from '../support/scale.js'
import { ROLES } from '../support/template.js'
import { allFaults, type Fault, type FuzzingProxy, startFuzzingProxy } from './fuzzing-proxy.js'
import { type Operation, operations } from './operations.js'
import { pick, type Random, seededRandom } from './random.js'

/** Ten minutes in both modes together. */
const SECONDS = scaled(300)
const ROUND_MS = 700
/** For half of the rounds, which last so long that it ends some of what is never answered. */
const QUERY_TIMEOUT_MS = 1500
/** Longer than everything that has a limit: whatever is not over by then waits for ever. */
const WATCHDOG_MS = 20_000

let db: TenantDatabase
let proxy: FuzzingProxy
let tenants: readonly SeededTenant[]
beforeAll(async () => {
  db = await createTestDatabase()
  tenants = await seedTenants(db, [randomUUID(), randomUUID(), randomUUID()])
  proxy = await startFuzzingProxy(await startPostgres())
})
afterAll(async () => {
  await proxy.stop()
  await db.drop()
})

const BACKENDS = `SELECT count(*)::int AS open FROM pg_stat_activity
  WHERE datname = current_database() AND usename = '${ROLES.app}'`
const budgetOf = (tenant: SeededTenant): number => 1000 + tenants.indexOf(tenant)

test.each(modes)(
  'in %s mode every answer is right or an error, and the pool is whole afterwards',
  async (mode) => {
    proxy.made.clear()
    const first = Number(process.env.TENANCY_FUZZ_SEED ?? randomInt(2 ** 31))
    const end = Date.now() + SECONDS * 1000
    const counts = { right: 0, failed: 0 }
    let seed = first
    // At least until four kinds of fault were made, however slow the machine.
    for (; Date.now() < end || proxy.made.size < 4; seed += 1) {
      try {
        await round(mode, seededRandom(seed), counts)
      } catch (error) {
        throw new Error(`In ${mode} mode with TENANCY_FUZZ_SEED=${seed}: ${error}`, { cause: error })
      }
    }
    console.log(`${mode} mode, seeds ${first} to ${seed - 1}:`, counts, Object.fromEntries(proxy.made))
    // Something got through, and some of what was struck failed.
    expect(counts.right).toBeGreaterThan(0)
    expect(counts.failed).toBeGreaterThan(0)
  },
  (SECONDS + 120) * 1000,
)

async function round(mode: Mode, random: Random, counts: { right: number; failed: number }): Promise<void> {
  const kinds = kindsFor(mode, random)
  const exact = mode === 'pool' && !kinds.includes('replay')
  const limited = random() < 0.5
  const lasts = limited ? ROUND_MS + QUERY_TIMEOUT_MS : ROUND_MS
  const opened = await openMode(mode, proxy.url(db.appUrl), {
    max: 3,
    prepared: NAMES_STATEMENTS && random() < 0.5,
    // Without it what is never answered waits for the end of its connection, as with pg.
    pool: limited ? { query_timeout: QUERY_TIMEOUT_MS } : {},
  })
  const { pool } = opened
  pool.on('error', () => {})
  const wrong: unknown[] = []
  // Connected, and seen to work.
  expect(await withTenant((tenants[0] as SeededTenant).tenantId, () => opened.prisma.project.count())).toBe(3)
  const end = Date.now() + lasts
  const work = async (tenant: SeededTenant): Promise<void> => {
    while (Date.now() < end) {
      const operation = pick(
        random,
        operations.filter(({ modes }) => modes.includes(mode)),
      )
      const ask = () => operation.ask({ ...opened, tenant, budget: budgetOf(tenant) })
      const outcome = await withTenant(tenant.tenantId, async () => ({ answer: await ask() })).catch(() => undefined)
      if (outcome === undefined) counts.failed += 1
      else if (isWrong(operation, tenant, outcome.answer, exact)) wrong.push([operation.ask.toString(), outcome.answer])
      else counts.right += 1
    }
  }

  proxy.strike(kinds, random)
  const working = Promise.all([...tenants, ...tenants].map(work))
  await new Promise((resolve) => setTimeout(resolve, lasts))
  proxy.calm()
  await inTime('what was asked', working)
  expect(wrong).toEqual([])

  // The pool has heard of every end, and the server too: no transaction of a lost connection holds a lock.
  await expect
    .poll(async () => {
      const [row] = await rowsSeenBySuperuser<{ open: number }>(db, BACKENDS)
      return Math.max(pool.totalCount, row?.open ?? 0) <= proxy.connections()
    })
    .toBe(true)
  const clean = operations.filter(
    ({ right, modes }) => right(tenants[0] as SeededTenant) !== undefined && modes.includes(mode),
  )
  for (const operation of clean) {
    const asked = tenants.map((tenant) =>
      withTenant(tenant.tenantId, () => operation.ask({ ...opened, tenant, budget: budgetOf(tenant) })),
    )
    expect(await inTime('a clean query', Promise.all(asked))).toEqual(tenants.map((tenant) => operation.right(tenant)))
  }
  expect({ idle: pool.idleCount, waiting: pool.waitingCount }).toEqual({ idle: pool.totalCount, waiting: 0 })
  await inTime('pool.end()', opened.close())
  await expectNothingUncaught()
  for (const { tenant_id: id, budget } of await rowsSeenBySuperuser<{ tenant_id: string; budget: number | null }>(
    db,
    'SELECT tenant_id, budget FROM projects',
  ))
    expect([null, 1000 + tenants.findIndex(({ tenantId }) => tenantId === id)]).toContain(budget)
}

/** Of each round's own mixture, so that none hides behind another that ends connections sooner. */
function kindsFor(mode: Mode, random: Random): readonly Fault[] {
  const possible =
    mode === 'pool' ? allFaults : allFaults.filter((kind) => !['splice', 'replay', 'type'].includes(kind))
  if (mode === 'pool' && random() < 0.3) return ['replay', 'splice']
  return possible.filter((kind) => kind !== 'replay' && random() < 0.6)
}

function isWrong(operation: Operation, tenant: SeededTenant, answer: unknown, exact: boolean): boolean {
  const text = JSON.stringify(answer) ?? ''
  const others = tenants.filter((other) => other !== tenant)
  if (others.some(({ projectIds, taskIds }) => [...projectIds, ...taskIds].some((id) => text.includes(id)))) return true
  return exact && text !== JSON.stringify(operation.right(tenant))
}

async function inTime<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} waits for ever`)), WATCHDOG_MS)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
