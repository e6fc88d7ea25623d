// Proves that the attacks find something: on a migration as it is written by hand, with right policies on the tables that
// have the column and nothing else, each of them does.
import { afterAll, beforeAll, expect, test } from 'vitest'

import { connectAttack, foreignKeyOracle, uniqueOracle } from './attacks/link.js'
import { readAttacks, readTable, readThroughShared } from './attacks/read.js'
import { switchOff, withoutScope } from './attacks/scope.js'
import { writeAttacks, writeShared, writeTable } from './attacks/write.js'
import { naiveMigration } from './naive-migration.js'
import { modelOf, newWorld, tableOf, type World } from './world.js'

let world: World
beforeAll(async () => {
  world = await newWorld(async ({ files, tables }) => ({ files, sql: naiveMigration(tables) }), { alike: false })
}, 120_000)
afterAll(() => world?.close())

// Models and tables that have no policy there.
test.each([...readAttacks, ...writeAttacks])('found on a model without the column: $claim', async ({ run }) => {
  expect(await run(world, modelOf(world, 'Comment'))).not.toEqual([])
})
// On another one: some of the above have moved its rows to B.
test(`found on a model without the column: ${connectAttack.claim}`, async () => {
  expect(await connectAttack.run(world, modelOf(world, 'Shift'))).not.toEqual([])
})
test.each([readTable, writeTable, withoutScope, switchOff])('found on such a table: $claim', async ({ run }) => {
  expect(await run(world, tableOf(world.tables, 'public._blocking'))).not.toEqual([])
})

// A table that has one.
test.each([foreignKeyOracle, uniqueOracle])('found on a table with a right policy: $claim', async ({ run }) => {
  expect(await run(world, tableOf(world.tables, 'billing.invoices'))).not.toEqual([])
})

test(`found on a shared table: ${writeShared.claim}`, async () => {
  expect(await writeShared.run(world, tableOf(world.tables, 'public.countries'))).not.toEqual([])
})
test(`found on a shared model: ${readThroughShared.claim}`, async () => {
  await world.admin.query('ALTER TABLE billing.addresses NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY')
  expect(await readThroughShared.run(world, modelOf(world, 'Country'))).not.toEqual([])
})
