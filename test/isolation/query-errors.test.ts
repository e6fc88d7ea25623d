// Proves that a query which fails, fails alone: its error names the cause, nothing of its transaction stays, and the
// connection serves the next tenant as if nothing had happened.
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Mode, modes, openMode } from '../support/modes.js'
import { deadlock, unknownError } from '../support/prisma-errors.js'
import { NAMES_STATEMENTS } from '../support/prisma-version.js'
import { type FaultScene, type Opened, openScene } from './fault-scene.js'

let scene: FaultScene
beforeAll(async () => {
  scene = await openScene()
})
afterAll(() => scene.close())

type Client = Pick<Opened['prisma'], 'project' | 'task' | '$queryRaw' | '$queryRawUnsafe' | '$executeRaw'>
const raw = (sqlState: string, message: string) => ({
  code: 'P2010',
  message: expect.stringContaining(`${sqlState}\`. Message: \`${message}`),
})
const own = () => scene.a.projectIds[0] as string
const foreign = () => scene.b.projectIds[0] as string

/** What goes wrong on the server, and the error that says so. */
const failures: Record<string, { run: (client: Client) => PromiseLike<unknown>; error: object }> = {
  'a syntax error': {
    run: (client) => client.$queryRawUnsafe('SELECT 1 FORM projects x'),
    error: raw('42601', 'syntax error'),
  },
  'a table that does not exist': {
    run: (client) => client.$queryRaw`SELECT * FROM nothing`,
    error: raw('42P01', 'relation "nothing" does not exist'),
  },
  'a division by zero': {
    run: (client) => client.$queryRaw`SELECT budget / (budget - budget) FROM projects`,
    error: raw('22012', 'division by zero'),
  },
  'a value that does not parse': {
    run: (client) => client.$executeRaw`UPDATE projects SET budget = ${'many'}::text::int`,
    error: raw('22P02', 'invalid input syntax for type integer: "many"'),
  },
  'a unique constraint': {
    run: (client) => client.project.create({ data: { id: own(), name: 'twice' } }),
    error: { code: 'P2002' },
  },
  'a foreign key': {
    run: (client) => client.task.create({ data: { projectId: randomUUID(), title: 'orphan' } }),
    error: { code: 'P2003' },
  },
  "a foreign key to another tenant's row": {
    run: (client) => client.task.create({ data: { projectId: foreign(), title: 'stolen' } }),
    error: { code: 'P2003' },
  },
  'a policy': {
    // Raw: a model's write that names another tenant is refused before the policy is asked.
    run: (client) =>
      client.$executeRaw`INSERT INTO projects (id, tenant_id, name) VALUES (gen_random_uuid(), ${scene.b.tenantId}::uuid, 'smuggled')`,
    error: {
      name: 'PolicyViolationError',
      code: 'POLICY.VIOLATION',
      hint: expect.stringContaining('Leave the tenant column out'),
    },
  },
  'a row that is not there': {
    run: (client) => client.project.update({ where: { id: foreign() }, data: { name: 'stolen' } }),
    error: { code: 'P2025' },
  },
  'a nested write whose second statement fails': {
    run: (client) =>
      client.project.create({
        data: { name: 'half', tasks: { create: [{ id: scene.a.taskIds[0] as string, title: 'twice' }] } },
      }),
    error: { code: 'P2002' },
  },
}

describe.each(modes)('in %s mode', (mode) => failing(mode, false))

describe.skipIf(!NAMES_STATEMENTS).each(modes)(
  'in %s mode with prepared statements (the adapter names them since Prisma 7.6)',
  (mode) => failing(mode, true),
)

function failing(mode: Mode, prepared: boolean): void {
  let opened: Opened
  beforeEach(async () => {
    opened = await openMode(mode, scene.db.appUrl, { max: 1, prepared })
  })
  afterEach(() => opened.close())

  describe.each(Object.entries(failures))('%s', (_, { run, error }) => {
    test('fails alone, twice', async () => {
      await expect(scene.inA(() => run(opened.prisma))).rejects.toMatchObject(error)
      await expect(scene.inA(() => run(opened.prisma))).rejects.toMatchObject(error)
      await scene.expectUnharmed(opened)
    })

    test('takes its interactive transaction with it, as the first statement and as a later one', async () => {
      const later = opened.prisma.$forTenant(scene.a.tenantId).$transaction(async (tx) => {
        await tx.project.create({ data: { name: 'uncommitted' } })
        await run(tx)
      })
      await expect(later).rejects.toMatchObject(error)
      const first = scene.inA(() => opened.prisma.$transaction(async (tx) => run(tx)))
      await expect(first).rejects.toMatchObject(error)
      await scene.expectUnharmed(opened)
    })

    test('leaves nothing where it is caught and the transaction is thrown away', async () => {
      const thrown = new Error('thrown by the caller')
      const transaction = scene.inA(() =>
        opened.prisma.$transaction(async (tx) => {
          await Promise.resolve(run(tx)).catch(() => {})
          // After an error on the server, refused; after P2025, which is Prisma's own, not committed.
          await tx.project.create({ data: { name: 'uncommitted' } }).catch(() => {})
          throw thrown
        }),
      )
      await expect(transaction).rejects.toBe(thrown)
      await scene.expectUnharmed(opened)
    })
  })

  test('a failing member takes its array transaction with it', async () => {
    const { prisma } = opened
    const name = 'uncommitted'
    const members = () => [prisma.project.create({ data: { name } }), prisma.$executeRaw`SELECT 1 / 0`]
    await expect(scene.inA(() => prisma.$transaction(members()))).rejects.toMatchObject(
      raw('22012', 'division by zero'),
    )
    await expect(scene.inA(() => prisma.$transaction(members().reverse()))).rejects.toMatchObject(
      raw('22012', 'division by zero'),
    )
    await scene.expectUnharmed(opened)
  })

  test('an aborted transaction says so, and writes nothing', async () => {
    const transaction = scene.inA(() =>
      opened.prisma.$transaction(async (tx) => {
        await tx.project.create({ data: { name: 'uncommitted' } })
        await tx.$queryRaw`SELECT 1 / 0`.catch(() => {})
        await tx.project.create({ data: { name: 'uncommitted too' } })
      }),
    )
    await expect(transaction).rejects.toMatchObject(unknownError('25P02', 'current transaction is aborted'))
    await scene.expectUnharmed(opened)
  })

  test('a deadlock is told to one of the two, and neither leaves anything', async () => {
    const two = await openMode(mode, scene.db.appUrl, { max: 2, prepared })
    let waiting = 2
    let both = () => {}
    const met = new Promise<void>((resolve) => {
      both = resolve
    })
    const thrown = new Error('thrown by the caller')
    const cross = (ids: readonly (string | undefined)[]) =>
      scene.inA(() =>
        two.prisma.$transaction(async (tx) => {
          await tx.project.update({ where: { id: ids[0] as string }, data: { budget: 7 } })
          waiting -= 1
          if (waiting === 0) both()
          await met
          await tx.project.update({ where: { id: ids[1] as string }, data: { budget: 7 } })
          throw thrown
        }),
      )
    const [first, second] = scene.a.projectIds
    const ends = await Promise.allSettled([cross([first, second]), cross([second, first])])
    const reasons = ends.map((end) => (end.status === 'rejected' ? end.reason : undefined))
    expect(reasons).toContain(thrown)
    expect(reasons).toContainEqual(expect.objectContaining(deadlock()))
    await scene.expectUnharmed(two)
    await two.close()
  })
}
