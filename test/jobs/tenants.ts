// Fifty tenants and what their jobs left behind: one project a job, written through the pool in the scope of the job, and
// read by a superuser, whom no policy keeps from seeing a row in the wrong place.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { rowsSeenBySuperuser, type TenantDatabase } from '../support/database.js'
import { scaled } from '../support/scale.js'

export const TENANTS = Array.from({ length: 50 }, () => randomUUID())

/** How many jobs each of the fifty has: 5,000 in all with `npm run test:scale`. */
export const JOBS_EACH = scaled(100)

/** `count` jobs for each tenant, and whose each is, by the name of the project that it makes. Half are to fail once. */
export function jobsOfTenants(count: number): ReadonlyMap<string, string> {
  const names = (t: number) =>
    Array.from({ length: count }, (_, n) => `job-${t}-${n}-${(t + n) % 2 === 0 ? 'once' : 'again'}`)
  return new Map(TENANTS.flatMap((tenant, t) => names(t).map((name) => [name, tenant] as const)))
}

export const namesOf = (owners: ReadonlyMap<string, string>, tenant: string): string[] =>
  [...owners].filter(([, owner]) => owner === tenant).map(([name]) => name)

/** Every job made its project, in its own tenant, once; and nothing else made one. */
export async function expectProjectsOf(
  db: TenantDatabase,
  prefix: string,
  expected: ReadonlyMap<string, string>,
): Promise<void> {
  const rows = await rowsSeenBySuperuser<{ name: string; tenant: string }>(
    db,
    'SELECT name, tenant_id AS tenant FROM projects WHERE starts_with(name, $1)',
    [prefix],
  )
  const byName = (list: [string, string][]) => list.sort(([a], [b]) => (a < b ? -1 : 1))
  expect(rows).toHaveLength(expected.size)
  expect(byName(rows.map(({ name, tenant }) => [name, tenant]))).toEqual(
    byName([...expected].map(([name, tenant]) => [`${prefix}${name}`, tenant])),
  )
}

/** Asks until the answer is yes. */
export async function until(what: string, ask: () => Promise<boolean> | boolean, seconds = 60): Promise<void> {
  const deadline = Date.now() + seconds * 1000
  while (!(await ask())) {
    if (Date.now() > deadline) throw new Error(`Not within ${seconds} s: ${what}.`)
    await sleep(20)
  }
}
