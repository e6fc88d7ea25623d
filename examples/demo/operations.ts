import { randomUUID } from 'node:crypto'
import type { PrismaClient } from '../../generated/example/client.js'
import type { Prisma } from '../http-service/db.js'

/** What an operation works on. */
export interface Subject {
  readonly tenantId: string
  readonly projectIds: readonly [string, ...string[]]
}

/** One call of Prisma's, once in a tenant's scope and once plain: with the filter that must never be forgotten. */
export interface Operation {
  readonly name: string
  /** Statements that the call makes; with more than one they are a transaction. */
  readonly statements: number
  scoped(prisma: Prisma, subject: Subject): PromiseLike<unknown>
  plain(prisma: PrismaClient, subject: Subject): PromiseLike<unknown>
}

const name = 'Project 7'
const title = 'Measured'

export const OPERATIONS: readonly Operation[] = [
  {
    name: 'findFirst',
    statements: 1,
    scoped: (prisma) => prisma.project.findFirst({ where: { name } }),
    plain: (prisma, { tenantId }) => prisma.project.findFirst({ where: { tenantId, name } }),
  },
  {
    name: 'findUnique, ten in one tick',
    statements: 1,
    scoped: (prisma, { projectIds }) =>
      Promise.all(projectIds.slice(0, 10).map((id) => prisma.project.findUnique({ where: { id } }))),
    plain: (prisma, { tenantId, projectIds }) =>
      Promise.all(projectIds.slice(0, 10).map((id) => prisma.project.findUnique({ where: { id, tenantId } }))),
  },
  {
    name: 'findMany of 20',
    statements: 1,
    scoped: (prisma) => prisma.task.findMany({ orderBy: { createdAt: 'desc' }, take: 20 }),
    plain: (prisma, { tenantId }) =>
      prisma.task.findMany({ where: { tenantId }, orderBy: { createdAt: 'desc' }, take: 20 }),
  },
  {
    name: 'count',
    statements: 1,
    scoped: (prisma) => prisma.task.count(),
    plain: (prisma, { tenantId }) => prisma.task.count({ where: { tenantId } }),
  },
  {
    name: 'create',
    statements: 1,
    scoped: (prisma, { projectIds }) => prisma.task.create({ data: { projectId: projectIds[0], title } }),
    plain: (prisma, { tenantId, projectIds }) =>
      prisma.task.create({ data: { tenantId, projectId: projectIds[0], title } }),
  },
  {
    name: 'create with nested tasks',
    statements: 3,
    scoped: (prisma) =>
      prisma.project.create({
        data: { name: `${title} ${randomUUID()}`, tasks: { createMany: { data: [{ title }, { title }] } } },
      }),
    plain: (prisma, { tenantId }) =>
      prisma.project.create({
        data: { tenantId, name: `${title} ${randomUUID()}`, tasks: { createMany: { data: [{ title }, { title }] } } },
      }),
  },
  {
    name: 'interactive transaction of three',
    statements: 3,
    scoped: (prisma, { projectIds: [projectId] }) =>
      prisma.$transaction(async (tx) => {
        await tx.project.findFirst({ where: { name } })
        await tx.task.create({ data: { projectId, title } })
        await tx.task.count({ where: { projectId } })
      }),
    plain: (prisma, { tenantId, projectIds: [projectId] }) =>
      prisma.$transaction(async (tx) => {
        await tx.project.findFirst({ where: { tenantId, name } })
        await tx.task.create({ data: { tenantId, projectId, title } })
        await tx.task.count({ where: { tenantId, projectId } })
      }),
  },
]

/** What the operations wrote, so that it can be taken away again. */
export const CLEAN_UP = [
  `DELETE FROM projects WHERE name LIKE '${title} %'`,
  `DELETE FROM tasks WHERE title = '${title}'`,
]
