import type { Prisma } from './db.js'
import { HttpError } from './http-error.js'
import { type JsonBody, textOf } from './json-body.js'

const PAGE = 50

/** GET /projects: a page of them, newest first. */
export async function listProjects(prisma: Prisma, after: string | null): Promise<unknown> {
  const [total, projects] = await prisma.$transaction([
    prisma.project.count(),
    prisma.project.findMany({
      orderBy: [{ createdAt: 'desc' }, { id: 'asc' }],
      take: PAGE,
      ...(after !== null && { cursor: { id: after }, skip: 1 }),
      include: { _count: { select: { tasks: true } } },
    }),
  ])
  return { total, projects }
}

/** GET /projects/:id. No filter by tenant here or anywhere: another company's project does not exist. */
export async function showProject(prisma: Prisma, id: string): Promise<unknown> {
  const project = await prisma.project.findUnique({ where: { id }, include: { tasks: { orderBy: { title: 'asc' } } } })
  if (project === null) throw new HttpError(404, 'There is no such project.')
  return project
}

/** POST /projects `{ name, tasks: [title, …] }`. Nobody sets tenantId: the database takes it from the scope. */
export async function createProject(prisma: Prisma, body: JsonBody): Promise<unknown> {
  const { tasks: titles = [] } = body
  if (!Array.isArray(titles) || !titles.every((title) => typeof title === 'string')) {
    throw new HttpError(400, 'tasks must be a list of titles.')
  }
  return prisma.project.create({
    data: { name: textOf(body, 'name'), tasks: { create: titles.map((title: string) => ({ title })) } },
    include: { tasks: true },
  })
}

/** POST /projects/:id/archive: closes what is left to do, together with the project or not at all. */
export async function archiveProject(prisma: Prisma, id: string): Promise<unknown> {
  return prisma.$transaction(async (tx) => {
    // Of two who archive at once, one finds the other's row locked, and then no row.
    const archived = await tx.project.updateMany({ where: { id, archivedAt: null }, data: { archivedAt: new Date() } })
    const project = await tx.project.findUniqueOrThrow({ where: { id } })
    if (archived.count === 0) throw new HttpError(409, 'The project is archived already.')
    const closed = await tx.task.updateMany({ where: { projectId: id, done: false }, data: { done: true } })
    return { ...project, closedTasks: closed.count }
  })
}
