// Proves on thirty models that what a tenant does to its own rows, committed, ends at its own rows: every key changed,
// every row deleted, cascades, SET NULL and SET DEFAULT included.
import { afterAll, beforeAll, expect, test } from 'vitest'

import { changeEveryKey, deleteEverything } from './cascade.js'
import { migrate } from './migrate.js'
import { ownedTables, rowsOf } from './owner.js'
import { A, B, ROWS } from './seed.js'
import { newWorld, type World } from './world.js'

let world: World
beforeAll(async () => {
  world = await newWorld(migrate)
}, 120_000)
afterAll(() => world?.close())

test('before, both tenants have rows in every table', async () => {
  for (const table of ownedTables(world.tables)) {
    for (const tenant of [A, B]) expect(await rowsOf(world, table, tenant), table.name).toHaveLength(ROWS)
  }
})

test("changing every key of a tenant's rows changes no row of another's", async () => {
  const { leaks, changed } = await changeEveryKey(world)
  expect(leaks).toEqual([])
  expect(changed.length).toBeGreaterThan(15)
  for (const table of ownedTables(world.tables)) expect(await rowsOf(world, table, A), table.name).toHaveLength(ROWS)
})

test("deleting every row of a tenant's deletes and changes no row of another's", async () => {
  expect(await deleteEverything(world)).toEqual({ leaks: [], left: [] })
  for (const table of ownedTables(world.tables)) {
    expect(await rowsOf(world, table, B), table.name).toHaveLength(ROWS)
  }
})
