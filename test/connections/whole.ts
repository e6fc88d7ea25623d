// What must be true of a pool after anything went wrong between acquiring a connection and giving it back.
import type pg from 'pg'
import { expect } from 'vitest'
import { withTenant } from '../../src/context.js'

/** Two tenants with rows of their own. */
export interface Tenants {
  readonly a: { readonly tenantId: string }
  readonly b: { readonly tenantId: string }
}

export const OWN = 'SELECT DISTINCT tenant_id::text AS tenant FROM projects'

/** Fails where something that must end does not. */
export function within<T>(work: PromiseLike<T>, what: string, milliseconds = 10_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const waits = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} waits for ever`)), milliseconds)
  })
  return Promise.race([work, waits]).finally(() => clearTimeout(timer))
}

/** Every connection is idle, nobody waits, each tenant is served its own on every connection, and the pool can end. */
export async function expectWhole(pool: pg.Pool, tenants: Tenants, ask = askPool(pool)): Promise<void> {
  await expectIdle(pool)
  for (const { tenantId } of [tenants.a, tenants.b]) {
    const answers = Array.from({ length: pool.options.max }, () => withTenant(tenantId, ask))
    for (const answer of await within(Promise.all(answers), 'a query')) expect(answer).toEqual([tenantId])
  }
  await expectIdle(pool)
  await within(pool.end(), 'pool.end()')
  expect(pool.totalCount).toBe(0)
}

async function expectIdle(pool: pg.Pool): Promise<void> {
  const { totalCount: total, idleCount: idle, waitingCount: waiting, expiredCount: expired } = pool
  const lost = { lost: total - idle, waiting, expired }
  // A connection that is being closed has left the count already.
  expect(lost).toEqual({ lost: 0, waiting: 0, expired: 0 })
  expect(total).toBeLessThanOrEqual(pool.options.max)
}

function askPool(pool: pg.Pool): () => Promise<string[]> {
  return async () => (await pool.query<{ tenant: string }>(OWN)).rows.map(({ tenant }) => tenant)
}

/** Takes uncaught exceptions in the place of the test runner, which would fail for them; answers with them. */
export async function takingUncaught(work: () => Promise<unknown>): Promise<unknown[]> {
  const runners = process.listeners('uncaughtException')
  const uncaught: unknown[] = []
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => uncaught.push(error))
  try {
    await work()
    // What is thrown on the next tick is thrown before this resolves.
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const listener of runners) process.on('uncaughtException', listener)
  }
  return uncaught
}
