// Proves on thirty models, in every table that belongs to somebody, what the generated migration promises of writing:
// nothing of another tenant's is changed, deleted, made or taken over, with no scope there is nothing to write to, and
// the app role cannot switch that off.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { switchOff, withoutScope } from './attacks/scope.js'
import { writeAttacks, writeShared, writeTable } from './attacks/write.js'
import { migrate } from './migrate.js'
import { ownedModelNames, ownedTableNames, sharedTableNames } from './targets.js'
import { modelOf, newWorld, tableOf, type World } from './world.js'

let world: World
beforeAll(async () => {
  world = await newWorld(migrate)
}, 120_000)
afterAll(() => world?.close())

describe.each(ownedModelNames)('%s', (name) => {
  test.each(writeAttacks)('$claim', async ({ run }) => {
    expect(await run(world, modelOf(world, name))).toEqual([])
  })
})

describe.each(ownedTableNames)('%s', (name) => {
  test.each([writeTable, withoutScope, switchOff])('$claim', async ({ run }) => {
    expect(await run(world, tableOf(world.tables, name))).toEqual([])
  })
})

test.each(sharedTableNames)(`%s: ${writeShared.claim}`, async (name) => {
  expect(await writeShared.run(world, tableOf(world.tables, name))).toEqual([])
})
