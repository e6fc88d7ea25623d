// Proves that the kit passes on thirty models that the generated migration protects, that it tried what it says, and that
// it leaves nothing behind.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { assertTenantIsolation, IsolationError, type IsolationMatrix } from '../../src/testing/index.js'
import { migrate } from '../thirty-models/migrate.js'
import { checksums } from '../thirty-models/owner.js'
import { A, B, newWorld, type World } from '../thirty-models/world.js'

let world: World
beforeAll(async () => {
  world = await newWorld(migrate)
}, 120_000)
afterAll(() => world?.close())

test('thirty protected models hold, and nothing is left behind', { timeout: 120_000 }, async () => {
  const everything = () => Promise.all([A, B].map((tenant) => checksums(world.admin, world.tables, tenant)))
  const before = await everything()
  let printed = ''
  const matrix: IsolationMatrix = await assertTenantIsolation(world.prisma, {
    tenants: [A.id, B.id],
    print: (text) => {
      printed += text
    },
  })

  expect(matrix.leaks).toEqual([])
  // Every attack was tried, and on how many of the models at least.
  const held = (attack: string) => Object.values(matrix.cells).filter((row) => row[attack]?.outcome === 'held').length
  expect(Object.fromEntries(matrix.attacks.map((attack) => [attack, held(attack)]))).toEqual({
    'cache replica': 24,
    read: 25,
    count: 24,
    relations: 26,
    transaction: 24,
    race: 24,
    'after error': 24,
    'no scope': 29,
    update: 24,
    upsert: 24,
    create: 24,
    move: 19,
    nested: 12,
    connect: 23,
    'raw SQL': 30,
    unique: 25,
    'foreign key': 22,
    cascade: 21,
    delete: 24,
    truncate: 29,
  })
  expect(printed).toContain('0 leaks, as the role "app_user"')
  expect(matrix.notes).toHaveLength(1)
  expect(matrix.notes[0]).toMatch(
    /^generated ids are unique across tenants, so guessing one reveals that it exists.*Project/,
  )
  expect(await everything()).toEqual(before)
})

test('row-level security that is off on one of the tables is found', { timeout: 90_000 }, async () => {
  await world.admin.query('ALTER TABLE billing."order" DISABLE ROW LEVEL SECURITY')
  const error: unknown = await assertTenantIsolation(world.prisma, { tenants: [A.id, B.id], print: false }).catch(
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof IsolationError)) throw error
  expect(error.leak).toMatchObject({ model: 'Order', attack: 'read' })
  expect(error.leak.reproduction).toMatch(/prisma\.order\.findFirst\(\{ where: \{ id: \d+ \} \}\)\)$/)
  expect(error.hint).toMatch(/^Row-level security is off: ALTER TABLE "billing"\."order" ENABLE ROW LEVEL SECURITY;/)
  // What else is told follows from it: of the order itself, of what is tied to it, and of what loads it.
  expect([...new Set(error.matrix.leaks.map(({ model }) => model))].sort()).toEqual(['Customer', 'Order'])
})
