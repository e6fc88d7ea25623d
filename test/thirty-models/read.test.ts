// Proves on thirty models, in every table that belongs to somebody, what the generated migration promises of reading: its
// owner reads his rows, all of them, and nobody else reads any, whichever way he asks.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { readAttacks, readTable, readThroughShared, readView } from './attacks/read.js'
import { migrate } from './migrate.js'
import { ownedModelNames, ownedTableNames, sharedModelNames } from './targets.js'
import { modelOf, newWorld, tableOf, type World } from './world.js'

let world: World
beforeAll(async () => {
  world = await newWorld(migrate)
}, 120_000)
afterAll(() => world?.close())

describe.each(ownedModelNames)('%s', (name) => {
  test.each(readAttacks)('$claim', async ({ run }) => {
    expect(await run(world, modelOf(world, name))).toEqual([])
  })
})

test.each(sharedModelNames)(`%s: ${readThroughShared.claim}`, async (name) => {
  expect(await readThroughShared.run(world, modelOf(world, name))).toEqual([])
})

test.each(ownedTableNames)(`%s: ${readTable.claim}`, async (name) => {
  expect(await readTable.run(world, tableOf(world.tables, name))).toEqual([])
})

test('a view with security_invoker shows what the policies below it show', async () => {
  expect(await readView(world)).toEqual([])
})
