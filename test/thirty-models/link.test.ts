// Proves on thirty models that no row of one tenant can be tied to another's, and that keys tell nothing: a foreign key
// to another tenant's row is refused like one to no row, and a unique value that another tenant has is free. Surrogate
// primary keys tell that an id is taken, and are the only ones: the plan lists them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { connectAttack, foreignKeyOracle, isSurrogate, tells, uniqueOracle } from './attacks/link.js'
import { migrate, surrogateKeys } from './migrate.js'
import { ownedModelNames, ownedTableNames } from './targets.js'
import { modelOf, newWorld, tableOf, type World } from './world.js'

let world: World
beforeAll(async () => {
  world = await newWorld(migrate)
}, 120_000)
afterAll(() => world?.close())

test.each(ownedModelNames)(`%s: ${connectAttack.claim}`, async (name) => {
  expect(await connectAttack.run(world, modelOf(world, name))).toEqual([])
})

describe.each(ownedTableNames)('%s', (name) => {
  test.each([foreignKeyOracle, uniqueOracle])('$claim', async ({ run }) => {
    expect(await run(world, tableOf(world.tables, name))).toEqual([])
  })
})

test('the keys that tell are the surrogate keys that the plan lists', async () => {
  const telling: string[] = []
  for (const name of ownedTableNames) {
    const table = tableOf(world.tables, name)
    if (!isSurrogate(table, table.primaryKey)) continue
    if ((await tells(world, table, table.primaryKey)).length > 0) telling.push(name)
  }
  expect(telling.sort()).toEqual([...(await surrogateKeys())].sort())
})
