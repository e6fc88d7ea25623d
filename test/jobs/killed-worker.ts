// A worker in a process of its own that is killed midway, and what its jobs and those of the next one left: one project a
// run, so that a job that ran twice has two.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { rowsSeenBySuperuser, type TenantDatabase } from '../support/database.js'

/**
 * Starts the script, waits until it holds as many jobs as it runs at a time, and kills it with no word of warning. `quiet`
 * is awaited first: a statement that the dead sent may still arrive, and would change what was just read.
 */
export async function killHolding(
  script: string,
  args: readonly string[],
  quiet = (): Promise<void> => Promise.resolve(),
): Promise<void> {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), path, ...args], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  try {
    const exit = once(child, 'exit')
    const told = await Promise.race([once(child, 'message'), exit.then(() => ['ended by itself'])])
    expect(told[0]).toBe('held')
    await quiet()
    child.kill('SIGKILL')
    expect(await exit).toEqual([null, 'SIGKILL'])
  } finally {
    child.kill('SIGKILL')
  }
}

/** The names of the jobs that wrote, one a run. */
export async function runsOf(db: TenantDatabase, prefix: string): Promise<{ name: string; tenant: string }[]> {
  const rows = await rowsSeenBySuperuser<{ name: string; tenant: string }>(
    db,
    'SELECT name, tenant_id AS tenant FROM projects WHERE starts_with(name, $1)',
    [prefix],
  )
  return rows.map(({ name, tenant }) => ({ name: name.slice(prefix.length, name.lastIndexOf('#')), tenant }))
}

/** Every job ran in its own tenant, and once: but those that had written when their worker died, and were not done. */
export async function expectRuns(
  db: TenantDatabase,
  prefix: string,
  owners: ReadonlyMap<string, string>,
  writtenAndHeld: readonly string[],
): Promise<void> {
  const runs = (await runsOf(db, prefix)).map(({ name, tenant }) => `${name} ${tenant}`)
  const expected = [...owners.keys(), ...writtenAndHeld].map((name) => `${name} ${owners.get(name)}`)
  expect(runs.length).toBe(expected.length)
  expect(runs.sort()).toEqual(expected.sort())
}
