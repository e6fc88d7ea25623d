// Proves that an array transaction with a member that is refused before the database is asked writes nothing, whichever
// member it is: the others are not sent without it.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, rowsSeenBySuperuser, type TenantDatabase } from '../support/database.js'
import { modes } from '../support/modes.js'
import { newWorld, openMode } from './world.js'

let db: TenantDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db?.drop())

const named = (name: string) => rowsSeenBySuperuser(db, 'SELECT id FROM projects WHERE name LIKE $1', [`${name}%`])

test.each(modes.flatMap((mode) => ['first', 'in the middle', 'last'].map((place, at) => ({ mode, place, at }))))(
  'a refused member, $place, takes the transaction with it in $mode mode',
  async ({ mode, at }) => {
    const { prisma, close } = await openMode(mode, db.appUrl)
    const { a, b, asA } = await newWorld(db, prisma)
    const name = randomUUID()
    const make = (tenantId: string) => prisma.project.create({ data: { name: `${name} ${randomUUID()}`, tenantId } })
    // What is written here can be seen: the same transaction without the refused member.
    await asA(() => prisma.$transaction([make(a.tenantId), make(a.tenantId)]))
    expect(await named(name)).toHaveLength(2)

    await expect(
      asA(() => {
        const members = [make(a.tenantId), make(a.tenantId)]
        members.splice(at, 0, make(b.tenantId))
        return prisma.$transaction(members)
      }),
    ).rejects.toMatchObject({ code: 'TENANT.MISMATCH' })
    // One more round trip: what was sent beside the refusal would be there by now.
    await asA(() => prisma.$transaction([prisma.project.count()]))
    await expect.poll(() => named(name), { timeout: 2000, interval: 200 }).toHaveLength(2)
    expect(await asA(() => prisma.project.count({ where: { name: { startsWith: name } } }))).toBe(2)
    await close()
  },
)
