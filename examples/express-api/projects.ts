import { Router } from 'express'
import type { Prisma } from '../http-service/db.js'
import { createProject, listProjects, showProject } from '../http-service/projects.js'

/** What they do is the queries of ../http-service, to which a request is nothing but the company that it runs for. */
export function projects(prisma: Prisma): Router {
  const router = Router()
  router.get('/', async ({ query }, response) => {
    response.json(await listProjects(prisma, typeof query.after === 'string' ? query.after : null))
  })
  router.post(
    '/',
    async ({ body }, response) => void response.status(201).json(await createProject(prisma, body ?? {})),
  )
  router.get('/:id', async ({ params }, response) => void response.json(await showProject(prisma, params.id)))
  return router
}
