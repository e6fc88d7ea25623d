import { Inject, Injectable } from '@nestjs/common'
import type { Prisma } from '../http-service/db.js'
import { PRISMA } from './database.module.js'

/** An ordinary singleton, not one a request: the scope comes with the call. */
@Injectable()
export class ProjectsService {
  readonly #prisma: Prisma

  constructor(@Inject(PRISMA) prisma: Prisma) {
    this.#prisma = prisma
  }

  list() {
    return this.#prisma.project.findMany({ orderBy: [{ createdAt: 'desc' }, { id: 'asc' }], take: 50 })
  }

  /** Another company's project does not exist: P2025, which is a 404. */
  show(id: string) {
    return this.#prisma.project.findUniqueOrThrow({ where: { id }, include: { tasks: true } })
  }

  /** A project with its first task, or neither. Nobody writes tenantId: the database takes it from the scope. */
  create(name: string) {
    return this.#prisma.$transaction(async (tx) => {
      const project = await tx.project.create({ data: { name } })
      await tx.task.create({ data: { title: 'Plan it', project: { connect: { id: project.id } } } })
      return project
    })
  }
}
