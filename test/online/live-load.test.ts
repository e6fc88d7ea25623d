// Proves that a database under a constant mixed load is brought to the end state while no statement waits longer than
// lockTimeout, none fails and none sees another tenant's row, though the command is killed at every phase.
// `npm run test:scale` does it with 2 million rows, and kills it at every single action.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, expect, test } from 'vitest'

import type { ApplyReport } from '../../src/online/apply-online.js'
import type { ProgressEvent } from '../../src/online/progress.js'
import { runSql } from '../support/postgres.js'
import { scaled } from '../support/scale.js'
import { fixtureSteps } from './fixture-steps.js'
import { type LoadReport, startLoad } from './live-load.js'
import { apply, catalog, createOnlineWorld, type OnlineWorld, strayRows } from './online-world.js'

const TASKS = scaled(2_000_000)
const EVERYWHERE = process.env.TENANCY_SCALE === 'full'
const LIMIT = EVERYWHERE ? 1_200_000 : 150_000
const LOCK_TIMEOUT = 1_000
const script = fileURLToPath(new URL('apply-process.ts', import.meta.url))

type Line = ProgressEvent | { kind?: undefined; report?: ApplyReport; error?: { code: string; message: string } }

let end: string[]
let world: OnlineWorld
let children: ChildProcess[] = []

beforeAll(async () => {
  const migrated = await createOnlineWorld()
  await runSql(migrated.ownerUrl, fixtureSteps.map(({ sql }) => sql).join('\n'))
  end = await catalog(migrated)
  await migrated.drop()
})
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  children = []
  await world.drop()
})

/** Runs the command until `killAt` says so; answers with its report, or undefined where it was killed. */
async function run(killAt: (line: Line) => boolean): Promise<ApplyReport | undefined> {
  const options = JSON.stringify({ lockTimeout: LOCK_TIMEOUT })
  const child = spawn(process.execPath, ['--import', 'tsx', script, world.ownerUrl, options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  let report: ApplyReport | undefined
  for await (const text of createInterface({ input: child.stdout })) {
    const line = JSON.parse(text) as Line
    if (line.kind === undefined && line.error) throw new Error(`${line.error.code}: ${line.error.message}`)
    if (line.kind === undefined) report = line.report
    else if (killAt(line)) {
      // Now and then before the statement, in it, or after it.
      await sleep(Math.random() * 40)
      child.kill('SIGKILL')
    }
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return report
}

/** Kills at the first action that no run was killed at before; at a backfill, in the middle of it. */
function killer(): { killAt(line: Line): boolean; readonly killed: string[]; next(): void } {
  const killed: string[] = []
  let key = ''
  let number = 0
  let armed = false
  return {
    killed,
    next() {
      armed = true
    },
    killAt(line) {
      if (line.kind === 'step') [key, number] = [EVERYWHERE ? line.key : (line.key.split(' ')[0] ?? ''), 0]
      const starts = line.kind === 'action' && line.state === 'started'
      if (starts) number++
      const isFill = key.startsWith('backfill')
      const place = `${key}, action ${number}`
      const here = isFill ? line.kind === 'rows' && line.seen > (line.of ?? 0) / 2 && line.filled > 0 : starts
      if (!armed || !here || killed.includes(place)) return false
      killed.push(place)
      armed = false
      return true
    },
  }
}

function show(name: string, load: LoadReport, more: object = {}): void {
  const { failures, slowest, percentile99, longestLockWait, ...counts } = load
  const times = Object.entries({ slowest, percentile99, longestLockWait }).map(
    ([of, ms]) => `${of} ${ms.toFixed(1)} ms`,
  )
  console.log(
    `${name}: ${JSON.stringify({ tasks: TASKS, ...counts, failures: failures.length, ...more })} ${times.join(', ')}`,
  )
}

function expectUnharmed(load: LoadReport): void {
  expect(load.failures).toEqual([])
  expect(load.longestLockWait).toBeLessThanOrEqual(LOCK_TIMEOUT)
  expect(load.slowest).toBeLessThanOrEqual(LOCK_TIMEOUT)
  // There was something to see that the policy then hid.
  expect(load.foreign.before).toBeGreaterThan(0)
  expect(load.selectsUnderPolicy).toBeGreaterThan(0)
  expect(load.foreign.after).toBe(0)
}

test('under load, nobody waits longer than lockTimeout, nothing fails, and no other tenant is seen', {
  timeout: LIMIT,
}, async () => {
  world = await createOnlineWorld({ tasks: TASKS })
  const load = await startLoad(world, { lockTimeout: LOCK_TIMEOUT })
  await sleep(1_000)
  show('load alone', load.report())
  load.reset()
  const start = performance.now()
  const report = await run(() => false)
  const seconds = Math.round((performance.now() - start) / 1000)
  await sleep(1_000)
  const done = await load.stop()
  show('with apply', done, { seconds, filled: report?.filled, retries: report?.retries })
  expectUnharmed(done)
  expect(report?.missing).toEqual([])
  expect(await catalog(world)).toEqual(end)
  expect(await strayRows(world)).toEqual({ projects: 0, tasks: 0 })
})

test('killed at every phase and started again, the command ends at the same end, under the same load', {
  timeout: LIMIT,
}, async () => {
  world = await createOnlineWorld({ tasks: TASKS })
  const load = await startLoad(world, { lockTimeout: LOCK_TIMEOUT })
  await sleep(500)
  const { killAt, killed, next } = killer()
  let report: ApplyReport | undefined
  while (report === undefined) {
    next()
    report = await run(killAt)
  }
  await sleep(500)
  const done = await load.stop()
  show(`killed ${killed.length} times`, done)
  console.log(killed.map((place) => `  killed at ${place}`).join('\n'))
  const phases = new Set(killed.map((place) => place.split(' ')[0]?.replace(',', '')))
  expect([...phases].sort()).toEqual(['backfill', 'column', 'foreign', 'index', 'policy', 'required'])
  expectUnharmed(done)
  expect(await catalog(world)).toEqual(end)
  expect(await strayRows(world)).toEqual({ projects: 0, tasks: 0 })
  expect(await apply(world)).toMatchObject({ filled: 0, missing: [] })
})
