import type { Prisma } from './db.js'
import { type JsonBody, optionalFlagOf, optionalTextOf } from './json-body.js'

/** PATCH /tasks/:id `{ title?, done?, projectId? }`. */
export async function changeTask(prisma: Prisma, id: string, body: JsonBody): Promise<unknown> {
  const title = optionalTextOf(body, 'title')
  const done = optionalFlagOf(body, 'done')
  const projectId = optionalTextOf(body, 'projectId')
  return prisma.task.update({
    where: { id },
    data: {
      ...(title !== undefined && { title }),
      ...(done !== undefined && { done }),
      ...(projectId !== undefined && { project: { connect: { id: projectId } } }),
    },
  })
}
