// Proves that a model's write which names another tenant is refused before anything is sent, with the field's name.
import { randomUUID } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { letDatabaseAnswer } from '../../src/database-answers.js'
import { type TenantMismatchError, TenantPool, withoutTenant, withTenant } from '../../src/index.js'
import { createTestDatabase, type SeededTenant, seedTenants, type TenantDatabase } from '../support/database.js'
import { modes, openMode, type TenantPrisma } from '../support/modes.js'

let db: TenantDatabase
let a: SeededTenant
let b: SeededTenant
beforeAll(async () => {
  db = await createTestDatabase()
  ;[a, b] = (await seedTenants(db, [randomUUID(), randomUUID()] as const)) as unknown as [SeededTenant, SeededTenant]
})
afterAll(() => db.drop())

type Write = (prisma: TenantPrisma, tenantId: string) => PromiseLike<unknown>
const name = (): string => `written ${randomUUID()}`
const anyProject = (prisma: TenantPrisma) => prisma.project.findFirstOrThrow({ where: { tasks: { some: {} } } })
const writes: Record<string, [field: string, write: Write]> = {
  create: ['Project.tenantId', (prisma, tenantId) => prisma.project.create({ data: { name: name(), tenantId } })],
  createMany: [
    'Project.tenantId',
    (prisma, tenantId) => prisma.project.createMany({ data: [{ name: name() }, { name: name(), tenantId }] }),
  ],
  createManyAndReturn: [
    'Project.tenantId',
    (prisma, tenantId) => prisma.project.createManyAndReturn({ data: [{ name: name(), tenantId }] }),
  ],
  updateMany: ['Project.tenantId', (prisma, tenantId) => prisma.project.updateMany({ data: { tenantId } })],
  'update with set': [
    'Project.tenantId',
    async (prisma, tenantId) => {
      const { id } = await prisma.project.create({ data: { name: name() } })
      return prisma.project.update({ where: { id }, data: { tenantId: { set: tenantId } } })
    },
  ],
  'the create of an upsert': [
    'Project.tenantId',
    (prisma, tenantId) =>
      prisma.project.upsert({ where: { id: randomUUID() }, create: { name: name(), tenantId }, update: {} }),
  ],
  'the update of an upsert': [
    'Project.tenantId',
    async (prisma, tenantId) => {
      const { id } = await prisma.project.create({ data: { name: name() } })
      return prisma.project.upsert({ where: { id }, create: { name: name() }, update: { tenantId } })
    },
  ],
  'a member of an array transaction': [
    'Project.tenantId',
    (prisma, tenantId) => prisma.$transaction([prisma.project.create({ data: { name: name(), tenantId } })]),
  ],
  'an interactive transaction': [
    'Project.tenantId',
    (prisma, tenantId) => prisma.$transaction((tx) => tx.project.create({ data: { name: name(), tenantId } })),
  ],
}
/** Rows of another model, which reach their tenant through the relation: what names it there is the parent's own. */
const nested: Record<string, [field: string, write: (prisma: TenantPrisma, tenantId: string) => PromiseLike<unknown>]> =
  {
    'the parent of a task': [
      'Project.tenantId',
      (prisma, tenantId) =>
        prisma.task.create({ data: { title: 't', project: { create: { name: name(), tenantId } } } }),
    ],
    'the parent of a task, connected or created': [
      'Project.tenantId',
      (prisma, tenantId) =>
        prisma.task.create({
          data: {
            title: 't',
            project: { connectOrCreate: { where: { id: randomUUID() }, create: { name: name(), tenantId } } },
          },
        }),
    ],
    'the parent of a task, updated': [
      'Project.tenantId',
      async (prisma, tenantId) => {
        const { id } = (await anyProject(prisma)) as { id: string }
        const task = await prisma.task.findFirstOrThrow({ where: { projectId: id } })
        return prisma.task.update({ where: { id: task.id }, data: { project: { update: { data: { tenantId } } } } })
      },
    ],
  }

describe.each(modes)('in %s mode', (mode) => {
  let client: Awaited<ReturnType<typeof openMode>>
  let prisma: TenantPrisma
  const bound: unknown[] = []
  const note = (event: unknown): void => void bound.push(event)
  beforeAll(async () => {
    client = await openMode(mode, db.appUrl)
    prisma = client.prisma
  })
  afterAll(() => client.close())
  beforeEach(() => {
    bound.length = 0
    subscribe('prisma-extension-tenancy:binding', note)
  })
  afterEach(() => void unsubscribe('prisma-extension-tenancy:binding', note))

  const rows = () => withTenant(b.tenantId, () => prisma.project.count())
  const caught = async (write: () => PromiseLike<unknown>): Promise<TenantMismatchError> =>
    (await withTenant(a.tenantId, async () => {
      try {
        await write()
      } catch (error) {
        return error
      }
      throw new Error('It was not refused.')
    })) as TenantMismatchError

  test.each(Object.entries({ ...writes, ...nested }))('%s that names another tenant is refused', async (_, write) => {
    const [field, run] = write
    const before = await rows()
    const error = await caught(() => run(prisma, b.tenantId.toUpperCase()))
    expect(error).toMatchObject({ code: 'TENANT.MISMATCH', meta: { model: 'Project', field: 'tenantId' } })
    expect(error.message).toContain(field)
    expect(error.hint).toContain('Leave tenantId out')
    expect(`${error.message}${error.hint}${JSON.stringify(error.meta)}`.toLowerCase()).not.toContain(b.tenantId)
    expect(await rows()).toBe(before)
  })

  test.each(Object.entries({ ...writes, ...nested }))(
    '%s that names its own tenant is written',
    async (what, write) => {
      if (what === 'updateMany') return expect(await rows()).toBeGreaterThan(0)
      await withTenant(a.tenantId, () => write[1](prisma, a.tenantId.toUpperCase()))
    },
  )

  test('nothing is sent for it', async () => {
    await caught(() => prisma.project.create({ data: { name: name(), tenantId: b.tenantId } }))
    expect(bound).toEqual([])
    await withTenant(a.tenantId, () => prisma.project.create({ data: { name: name(), tenantId: a.tenantId } }))
    expect(bound.length).toBeGreaterThan(0)
  })

  test('what is no tenant at all, and a scope of none, are for the database to refuse', async () => {
    const none = withoutTenant(() => prisma.project.create({ data: { name: name(), tenantId: b.tenantId } }))
    await expect(none).rejects.toMatchObject({ code: 'POLICY.VIOLATION' })
    const invalid = await caught(() => prisma.project.create({ data: { name: name(), tenantId: 'x' } }))
    expect(invalid.code).not.toBe('TENANT.MISMATCH')
    expect(bound.length).toBeGreaterThan(0)
  })

  test('the policy stands behind it', async () => {
    const error = await caught(() =>
      letDatabaseAnswer(async () => await prisma.project.create({ data: { name: name(), tenantId: b.tenantId } })),
    )
    expect(error.code).toBe('POLICY.VIOLATION')
  })
})

test('the column has another name where the pool is told so', async () => {
  const { prisma, close } = await openMode('pool', db.appUrl, { binding: { tenantColumn: 'name' } })
  try {
    const write = (value: string) => withTenant(a.tenantId, () => prisma.project.create({ data: { name: value } }))
    await expect(write(b.tenantId)).rejects.toMatchObject({ code: 'TENANT.MISMATCH', meta: { field: 'name' } })
    await write(a.tenantId)
  } finally {
    await close()
  }
  expect(() => new TenantPool({ tenantColumn: '' })).toThrow(/is not the name of a column/)
})
