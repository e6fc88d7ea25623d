// Every operation that Prisma Client exposes, and how it is called on another tenant's rows.
import { makeTypedQueryFactory } from '@prisma/client/runtime/client'
import { expect } from 'vitest'
import { Prisma } from '../../generated/test/client.js'
import type { SeededTenant } from '../support/database.js'
import type { TenantPrisma } from '../support/modes.js'

export interface Operation {
  readonly name: string
  /** Calls it, aiming at the rows of `target`. */
  call(prisma: TenantPrisma, target: SeededTenant): PromiseLike<unknown>
  /** What its owner gets. */
  own(result: unknown, owner: SeededTenant): void
  /** What another tenant gets: a result to check, or the code of an error. */
  other: string | ((result: unknown) => void)
}

const project = (t: SeededTenant) => t.projectIds[0] as string
const task = (t: SeededTenant) => t.taskIds[0] as string
const ids = (result: unknown) => (result as { id: string }[]).map((row) => row.id).sort()
const nothing = (result: unknown) => expect(result).toBeNull()
const none = (result: unknown) => expect(result).toEqual([])
const count = (n: number) => (result: unknown) => expect(result).toEqual({ count: n })
const isProject = (result: unknown, t: SeededTenant) => expect(result).toMatchObject({ id: project(t) })
const op = (name: string, call: Operation['call'], own: Operation['own'], other: Operation['other']): Operation => ({
  name,
  call,
  own,
  other,
})

/** By the name under which the client exposes it; several variants may share a name. */
export const modelOperations: readonly Operation[] = [
  op('findUnique', (p, t) => p.project.findUnique({ where: { id: project(t) } }), isProject, nothing),
  op(
    'findUnique',
    (p, t) => p.project.findUnique({ where: { tenantId_id: { tenantId: t.tenantId, id: project(t) } } }),
    isProject,
    nothing,
  ),
  op(
    'findUnique',
    (p, t) => p.project.findUnique({ where: { id: project(t) } }).tasks(),
    (r) => expect(r).toHaveLength(2),
    nothing,
  ),
  op('findUnique', (p, t) => p.task.findUnique({ where: { id: task(t) } }).project(), isProject, nothing),
  op('findUniqueOrThrow', (p, t) => p.project.findUniqueOrThrow({ where: { id: project(t) } }), isProject, 'P2025'),
  op('findFirst', (p, t) => p.project.findFirst({ where: { id: project(t) } }), isProject, nothing),
  op(
    'findFirst',
    (p, t) => p.project.findFirst({ where: { tenantId: t.tenantId } }),
    (r) => expect(r).not.toBeNull(),
    nothing,
  ),
  op('findFirstOrThrow', (p, t) => p.project.findFirstOrThrow({ where: { id: project(t) } }), isProject, 'P2025'),
  op(
    'findMany',
    (p, t) => p.project.findMany({ where: { id: { in: t.projectIds } } }),
    (r, t) => expect(ids(r)).toEqual([...t.projectIds].sort()),
    none,
  ),
  op(
    'findMany',
    (p, t) =>
      p.project.findMany({
        where: { OR: [{ tenantId: t.tenantId }, { id: { in: t.projectIds } }, { name: { startsWith: 'secret' } }] },
        include: { tasks: true },
      }),
    (r) => expect(r).toHaveLength(3),
    none,
  ),
  op(
    'findMany',
    (p, t) => p.task.findMany({ where: { project: { is: { id: project(t) } } }, include: { project: true } }),
    (r) => expect(r).toHaveLength(2),
    none,
  ),
  op(
    'findMany',
    (p, t) => p.project.findMany({ where: { tasks: { some: { id: task(t) } } } }),
    (r) => expect(r).toHaveLength(1),
    none,
  ),
  op(
    'findMany',
    (p, t) => p.project.findMany({ cursor: { id: project(t) }, take: 5 }),
    (r) => expect((r as unknown[]).length).toBeGreaterThan(0),
    none,
  ),
  op(
    'create',
    (p, t) => p.project.create({ data: { name: 'new', tenantId: t.tenantId } }),
    (r, t) => expect(r).toMatchObject({ tenantId: t.tenantId }),
    'POLICY.VIOLATION',
  ),
  op(
    'create',
    (p, t) => p.task.create({ data: { title: 'new', project: { connect: { id: project(t) } } } }),
    (r, t) => expect(r).toMatchObject({ projectId: project(t) }),
    'P2025',
  ),
  op(
    'create',
    (p, t) => p.task.create({ data: { title: 'new', projectId: project(t) } }),
    (r, t) => expect(r).toMatchObject({ projectId: project(t) }),
    'P2003',
  ),
  op(
    'create',
    (p, t) =>
      p.project.create({ data: { name: 'new', tasks: { connect: { id: task(t) } } }, include: { tasks: true } }),
    (r, t) => expect(r).toMatchObject({ tasks: [{ id: task(t) }] }),
    'P2018',
  ),
  op(
    'create',
    (p, t) =>
      p.project.create({
        data: { name: 'new', tasks: { connectOrCreate: { where: { id: task(t) }, create: { title: 'other' } } } },
        include: { tasks: true },
      }),
    (r, t) => expect(r).toMatchObject({ tasks: [{ id: task(t) }] }),
    (r) => expect(r).toMatchObject({ tasks: [{ title: 'other' }] }),
  ),
  op(
    'createMany',
    (p, t) =>
      p.project.createMany({
        data: [
          { name: 'm1', tenantId: t.tenantId },
          { name: 'm2', tenantId: t.tenantId },
        ],
      }),
    count(2),
    'POLICY.VIOLATION',
  ),
  op(
    'createManyAndReturn',
    (p, t) => p.project.createManyAndReturn({ data: [{ name: 'm1', tenantId: t.tenantId }] }),
    (r) => expect(r).toHaveLength(1),
    'POLICY.VIOLATION',
  ),
  op(
    'update',
    (p, t) => p.project.update({ where: { id: project(t) }, data: { budget: 7 } }),
    (r) => expect(r).toMatchObject({ budget: 7 }),
    'P2025',
  ),
  op(
    'update',
    (p, t) =>
      p.project.update({
        where: { id: project(t) },
        data: { tasks: { updateMany: { where: {}, data: { done: true } } } },
        include: { tasks: true },
      }),
    (r) => expect(r).toMatchObject({ tasks: [{ done: true }, { done: true }] }),
    'P2025',
  ),
  op(
    'update',
    (p, t) =>
      p.project.update({
        where: { id: project(t) },
        data: { tasks: { delete: { id: task(t) } } },
        include: { tasks: true },
      }),
    (r) => expect((r as { tasks: unknown[] }).tasks).toHaveLength(1),
    'P2017',
  ),
  op(
    'updateMany',
    (p, t) => p.project.updateMany({ where: { id: { in: t.projectIds } }, data: { budget: 7 } }),
    count(3),
    count(0),
  ),
  op(
    'updateManyAndReturn',
    (p, t) => p.project.updateManyAndReturn({ where: { id: { in: t.projectIds } }, data: { budget: 7 } }),
    (r) => expect(r).toHaveLength(3),
    none,
  ),
  op(
    'upsert',
    (p, t) => p.project.upsert({ where: { id: project(t) }, update: { budget: 7 }, create: { name: 'upserted' } }),
    (r, t) => expect(r).toMatchObject({ id: project(t), budget: 7 }),
    (r) => expect(r).toMatchObject({ name: 'upserted', budget: 0 }),
  ),
  // With the id in both places Prisma sends INSERT … ON CONFLICT, and the conflict is with a row that must not be seen.
  op(
    'upsert',
    (p, t) =>
      p.project.upsert({
        where: { id: project(t) },
        update: { budget: 7 },
        create: { id: project(t), name: 'upserted' },
      }),
    (r, t) => expect(r).toMatchObject({ id: project(t), budget: 7 }),
    'POLICY.VIOLATION',
  ),
  op('delete', (p, t) => p.project.delete({ where: { id: project(t) } }), isProject, 'P2025'),
  op('deleteMany', (p, t) => p.project.deleteMany({ where: { id: { in: t.projectIds } } }), count(3), count(0)),
  op(
    'count',
    (p, t) => p.project.count({ where: { id: { in: t.projectIds } } }),
    (r) => expect(r).toBe(3),
    (r) => expect(r).toBe(0),
  ),
  op(
    'count',
    (p, t) =>
      p.project.findMany({ where: { id: { in: t.projectIds } }, select: { _count: { select: { tasks: true } } } }),
    (r) => expect(r).toHaveLength(3),
    none,
  ),
  op(
    'aggregate',
    (p, t) => p.project.aggregate({ where: { id: { in: t.projectIds } }, _count: true, _max: { name: true } }),
    (r) => expect(r).toMatchObject({ _count: 3 }),
    (r) => expect(r).toEqual({ _count: 0, _max: { name: null } }),
  ),
  op(
    'groupBy',
    (p, t) => p.project.groupBy({ by: ['name'], where: { id: { in: t.projectIds } }, _count: true }),
    (r) => expect(r).toHaveLength(3),
    none,
  ),
]

const rows = (n: number) => (result: unknown) => expect(result).toHaveLength(n)
const affected = (n: number) => (result: unknown) => expect(result).toBe(n)

/** What `prisma generate --sql` would write for a `.sql` file; it needs a database, so it is written out here. */
const typedProjects = makeTypedQueryFactory('SELECT id, name FROM projects WHERE id = $1::uuid')

export const clientOperations: readonly Operation[] = [
  op('$queryRaw', (p, t) => p.$queryRaw`SELECT * FROM projects WHERE tenant_id = ${t.tenantId}::uuid`, rows(3), none),
  op(
    '$queryRaw',
    (p, t) =>
      p.$queryRaw(
        Prisma.sql`SELECT * FROM projects WHERE id IN (${Prisma.join(t.projectIds.map((id) => Prisma.sql`${id}::uuid`))})`,
      ),
    rows(3),
    none,
  ),
  op(
    '$queryRaw',
    (p, t) => p.$queryRaw`UPDATE projects SET budget = 1 WHERE tenant_id = ${t.tenantId}::uuid RETURNING id`,
    rows(3),
    none,
  ),
  op(
    '$queryRaw',
    (p, t) =>
      p.$queryRaw`INSERT INTO projects (id, tenant_id, name) VALUES (gen_random_uuid(), ${t.tenantId}::uuid, 'raw') RETURNING id`,
    rows(1),
    'POLICY.VIOLATION',
  ),
  op(
    '$queryRawUnsafe',
    (p, t) => p.$queryRawUnsafe('SELECT name FROM projects WHERE id = $1::uuid OR true', project(t)),
    rows(3),
    (r) => expect(r).toHaveLength(3),
  ),
  op('$queryRawTyped', (p, t) => p.$queryRawTyped(typedProjects(project(t))), rows(1), none),
  op(
    '$executeRaw',
    (p, t) => p.$executeRaw`UPDATE projects SET budget = 1 WHERE tenant_id = ${t.tenantId}::uuid`,
    affected(3),
    affected(0),
  ),
  op(
    '$executeRaw',
    (p, t) => p.$executeRaw`DELETE FROM projects WHERE tenant_id = ${t.tenantId}::uuid`,
    affected(3),
    affected(0),
  ),
  op(
    '$executeRawUnsafe',
    (p, t) => p.$executeRawUnsafe('UPDATE projects SET tenant_id = $1::uuid', t.tenantId),
    affected(3),
    'POLICY.VIOLATION',
  ),
]

/** Exposed by the client, and no way to the database's rows on PostgreSQL; each with the reason why it is decided so. */
export const otherMembers: Readonly<Record<string, string>> = {
  fields: 'a description of columns for comparisons',
  name: "the model's name",
  $name: "the model's name",
  $parent: 'the client itself',
  findRaw: 'MongoDB only: Prisma refuses it here',
  aggregateRaw: 'MongoDB only: Prisma refuses it here',
  $extends: 'tested in client.test.ts',
  $on: 'tested in client.test.ts',
  $connect: 'tested in client.test.ts',
  $disconnect: 'tested in client.test.ts',
  $transaction: 'tested in transactions.test.ts',
  $acrossTenants: 'tested in test/across',
  $forTenant: 'tested in promises.test.ts',
  $runCommandRaw: 'MongoDB only: Prisma refuses it here',
  $executeRawInternal: 'what $executeRaw calls; tested below',
  $queryRawInternal: 'what $queryRaw calls; tested below',
}
